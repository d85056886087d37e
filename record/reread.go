package record

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/policy"
)

// The time between two attempts to read what could not be read, doubled while nothing comes of it.
const (
	shortReread = time.Minute
	longReread  = time.Hour
)

// maxUnread bounds what is listed at once of the resources that could not be read.
const maxUnread = 1_000

// unread marks an update whose content does not open, or of which no terms can be made: it is found by id alone, and searches say that they are
// incomplete, until it can be read. err must say nothing of the content.
func (s *Store) unread(u *index.Update, why string, err error) {
	u.Unread, u.Terms = true, nil
	s.Log.Error("a resource cannot be found by search for now; searches say that they are incomplete", "entry", u.Version.Entry, "reason", why, "error", err)
	s.reread()
}

// reread says that something may be read that could not be before; one such word is enough.
func (s *Store) reread() {
	select {
	case s.rereadC <- struct{}{}:
	default:
	}
}

// rereader brings into the index what could not be read when the journal was followed, until the store is closed: custodians may answer again, or
// a file be back in its place.
func (s *Store) rereader(ctx context.Context) {
	for rest := shortReread; ; {
		found, left := s.rereadAll(ctx)
		switch {
		case found > 0:
			rest = shortReread
		case left > 0:
			rest = min(2*rest, longReread)
		}
		var again <-chan time.Time
		if left > 0 {
			again = time.After(rest)
		}
		select {
		case <-again:
		case <-s.rereadC:
		case <-ctx.Done():
			return
		}
	}
}

// rereadAll tries each resource once. It counts those that are found from now on, and those that are left.
func (s *Store) rereadAll(ctx context.Context) (found, left int) {
	from := index.Ref{}
	for ctx.Err() == nil {
		list, err := s.Index.Unread("", from, maxUnread)
		if err != nil {
			s.Log.Error("what could not be read cannot be listed", "error", err)
			return found, left + 1
		}
		for _, r := range list {
			if s.rereadOne(ctx, r.Type, r.ID) {
				found++
			} else {
				left++
			}
		}
		if len(list) < maxUnread {
			break
		}
		from = list[len(list)-1]
	}
	if found > 0 {
		s.Log.Info("resources can be found by search again", "found", found, "left", left)
	}
	return found, left
}

// rereadOne opens a resource that could not be read and gives the index its terms. What was erased meanwhile needs none.
func (s *Store) rereadOne(ctx context.Context, typ, id string) bool {
	now, err := s.Index.Current(typ, id)
	if err != nil || ctx.Err() != nil {
		return false
	}
	v, err := s.open(ctx, typ, id, &now)
	if !s.readAgain(typ, id, &now, v, err) {
		return false
	}
	if refs := s.governed([]index.Update{{Type: typ, ID: id}}); refs != nil {
		return s.govern(ctx, refs) == nil
	}
	return true
}

// readAgain gives the index the terms of a version that was opened, or could not be for err.
func (s *Store) readAgain(typ, id string, now *index.Version, v *Version, err error) bool {
	s.ruling.RLock()
	defer s.ruling.RUnlock()
	var terms []term.Term
	if err == nil {
		terms, err = s.Extract(typ, v.Body)
	}
	if err != nil && !errors.Is(err, ErrGone) {
		return false
	}
	u := index.Update{Type: typ, ID: id, Version: *now, Terms: terms}
	if err == nil {
		file(&u)
	}
	return s.Index.Read(typ, id, now.Number, u.Terms) == nil
}

// incomplete tells whether a search may miss something that the access may see, because it could not be read.
func (s *Store) incomplete(a *Access, q *Query) (bool, error) {
	for _, typ := range byTerms(nil, q.Type, q.All) {
		list, err := s.Index.Unread(typ, index.Ref{}, maxUnread)
		if err != nil {
			return false, err
		}
		for _, r := range list {
			v, err := s.Index.Current(r.Type, r.ID)
			if err != nil {
				return false, err
			}
			if permit(a, policy.Search, v.Chart, typ) == nil && !s.erased(&v) {
				return true, nil
			}
		}
		if len(list) == maxUnread {
			return true, nil
		}
	}
	return false, nil
}

// byTerms adds the types of which clauses ask for what is in resources, and not for their ids and times alone.
func byTerms(types []string, typ string, clauses []term.Clause) []string {
	for i := range clauses {
		c := &clauses[i]
		if c.Has == nil && c.Param != term.ParamID && c.Param != term.ParamUpdated && !slices.Contains(types, typ) {
			types = append(types, typ)
		}
		for _, q := range c.Chain {
			types = byTerms(types, q.Type, q.All)
		}
		if c.Has != nil {
			if !slices.Contains(types, c.Has.Query.Type) {
				types = append(types, c.Has.Query.Type)
			}
			types = byTerms(types, c.Has.Query.Type, c.Has.Query.All)
		}
	}
	return types
}
