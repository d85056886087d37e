package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// countLimit is how far a search counts its matches for Page.Total; beyond, the total is not known.
const countLimit = 2_000

// maxLooked bounds the rows of the index that one page looks at, and so how long it takes: some seconds where everything of a type has to be
// gone through for its dates.
const maxLooked = 50_000

// Search releases the resources that match, in the order in which they came, at most q.Count of them. Everything written before the call
// is found, but for what could not be read: see Page.Missing. What is damaged is among them without content. A page that has looked at maxLooked rows, or holds maxPage bytes, ends there: it may hold
// fewer than q.Count, or none, and has a Next, and its Total is known only if everything was looked at. Errors: ErrCursor, ErrUnavailable.
func (s *Store) Search(ctx context.Context, a Access, q Query) (*Page, error) {
	total, from, err := s.parseCursor(&q)
	if err != nil {
		return nil, err
	}
	limit, counting := q.Count+1, q.After == ""
	if counting {
		limit = max(limit, countLimit+1)
	}
	if err := permit(&a, policy.Search, a.Chart, q.Type); err != nil {
		return nil, err
	}
	found, rest, err := s.find(ctx, &a, &q, from, limit)
	if err != nil {
		return nil, err
	}
	if counting && len(found) <= countLimit && rest == 0 {
		total = len(found)
	}
	if q.Detail != "" {
		a.Detail = q.Detail
	}
	about, err := s.askedAbout(q)
	if err != nil {
		return nil, err
	}
	if q.Count == 0 {
		return s.counted(ctx, a, &q, &Page{Total: total}, found, about)
	}
	versions, done, err := s.release(ctx, a, verify.KindSearch, q.Whole, found[:min(len(found), q.Count)], about...)
	if err != nil {
		return nil, err
	}
	page := &Page{Total: total, Versions: versions}
	if page.Missing, err = s.incomplete(&a, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch {
	case done < len(found):
		page.Next = s.cursor(&q, total, found[done-1].version.Row)
	case rest != 0:
		page.Next = s.cursor(&q, total, rest-1)
	}
	return page, nil
}

const unknownTotal = -1

// cursor makes Page.Next: the total counted on the first page, and the row of the last match given. It bears a mark of this node's, so that it goes
// on with the search that it is of and no other, and tells no total but the one that was counted.
func (s *Store) cursor(q *Query, total int, last uint64) string {
	return fmt.Sprintf("%d~%d~%x", total, last, s.cursorMark(q, total, last))
}

func (s *Store) cursorMark(q *Query, total int, last uint64) []byte {
	mac := hmac.New(sha256.New, s.cursorKey)
	fmt.Fprintf(mac, "%q %d %d %#v", q.Type, total, last, q.Filters)
	return mac.Sum(nil)[:8]
}

// parseCursor reads Query.After; from is the row after the last one given.
func (s *Store) parseCursor(q *Query) (total int, from uint64, err error) {
	if q.After == "" {
		return unknownTotal, 0, nil
	}
	parts := strings.Split(q.After, "~")
	if len(parts) != 3 {
		return 0, 0, ErrCursor
	}
	total, err = strconv.Atoi(parts[0])
	last, rowErr := strconv.ParseUint(parts[1], 10, 63)
	mark, markErr := hex.DecodeString(parts[2])
	if err != nil || rowErr != nil || markErr != nil || !hmac.Equal(mark, s.cursorMark(q, total, last)) {
		return 0, 0, ErrCursor
	}
	return total, last + 1, nil
}

// Match finds what each query matches, at most Query.Count each, and releases nothing but who they are. Because that tells who is
// known here, it leaves the entries of a search. What cannot be answered by looking at maxLooked rows is not: ErrCostly.
func (s *Store) Match(ctx context.Context, a Access, queries []Query) ([][]Head, error) {
	if err := permit(&a, policy.Search, a.Chart, ""); err != nil {
		return nil, err
	}
	var all []match
	out := make([][]Head, len(queries))
	for i := range queries {
		found, rest, err := s.find(ctx, &a, &queries[i], 0, queries[i].Count)
		if err == nil && rest != 0 {
			err = ErrCostly
		}
		if err != nil {
			return nil, err
		}
		for j := range found {
			out[i] = append(out[i], headOf(found[j].typ, found[j].id, &found[j].version))
		}
		all = append(all, found...)
	}
	about, err := s.askedAbout(queries...)
	if err != nil {
		return nil, err
	}
	if err := s.leave(ctx, a, verify.KindSearch, false, all, about...); err != nil {
		return nil, err
	}
	return out, nil
}

// find looks up at most limit matches from a row on that may be released. rest is where it has not looked any more, see Index.Search.
func (s *Store) find(ctx context.Context, a *Access, q *Query, from uint64, limit int) (found []match, rest uint64, err error) {
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if limit <= 0 {
		return nil, 0, nil
	}
	filters := withinChart(q.Filters, q.Type, a.Chart)
	rest, err = s.Index.Search(ctx, q.Type, filters, from, s.looks, func(id string, v index.Version) (bool, error) {
		if permit(a, policy.Search, v.Chart, q.Type) != nil || s.erased(&v) {
			return true, nil
		}
		found = append(found, match{typ: q.Type, id: id, version: v})
		return len(found) < limit, nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return found, rest, nil
}
