package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// changesRead is how many changes are read from the index at a time.
const changesRead = 256

// unsteady is how far this node's clock may have been set back: so much older than HistoryQuery.Since a version must be for those before it
// in the journal not to be looked at any more.
const unsteady = time.Hour

// changes is History of types: in the opposite order of the journal, so that pages lose and double nothing while writes go on. A page that has looked
// at maxLooked versions ends there.
func (s *Store) changes(ctx context.Context, a Access, q *HistoryQuery) (*Page, error) {
	if err := permit(&a, policy.History, a.Chart, ""); err != nil {
		return nil, err
	}
	total, before, err := s.parseHistoryCursor(q)
	if err != nil {
		return nil, err
	}
	limit, counting := q.Count+1, q.After == ""
	if counting {
		limit = max(limit, countLimit+1)
	}
	found, rest, err := s.changed(ctx, &a, q, before, limit)
	if err != nil {
		return nil, err
	}
	if counting && len(found) <= countLimit && rest == 0 {
		total = len(found)
	}
	versions, done, err := s.release(ctx, a, verify.KindHistory, false, nil, found[:min(len(found), q.Count)])
	if err != nil {
		return nil, err
	}
	page := &Page{Total: total, Versions: versions}
	switch {
	case q.Count == 0:
	case done < len(found):
		page.Next = s.historyCursor(q, total, found[done-1].version.Entry)
	case rest != 0:
		page.Next = s.historyCursor(q, total, rest)
	}
	return page, nil
}

// changed looks up at most limit versions from before a journal entry on that may be released. rest is where it has not looked any more.
func (s *Store) changed(ctx context.Context, a *Access, q *HistoryQuery, before uint64, limit int) (found []match, rest uint64, err error) {
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for looked := 0; ; {
		list, err := s.Index.Changes(q.Types, before, changesRead)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		for i := range list {
			c := &list[i]
			if looked++; looked > s.looks {
				return found, before, nil
			}
			before = c.Entry
			v, err := s.Index.Version(c.Type, c.ID, c.Number)
			if errors.Is(err, index.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			if v.Time < q.Since-unsteady.Milliseconds() {
				return found, 0, nil
			}
			if permit(a, policy.History, v.Chart, c.Type) != nil || s.erased(&v) {
				continue
			}
			holds, err := s.holds(q, c.Type, c.ID, &v)
			if err != nil {
				return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			if !holds {
				continue
			}
			if found = append(found, match{typ: c.Type, id: c.ID, version: v}); len(found) == limit {
				return found, 0, nil
			}
		}
		if len(list) < changesRead {
			return found, 0, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
	}
}

// holds tells whether a version is of the time that a history is asked for.
func (s *Store) holds(q *HistoryQuery, typ, id string, v *index.Version) (bool, error) {
	if v.Time < q.Since || q.At != nil && v.Time > q.At.To {
		return false, nil
	}
	if q.At == nil || v.Time >= q.At.From {
		return true, nil
	}
	next, err := s.Index.Version(typ, id, v.Number+1)
	if errors.Is(err, index.ErrNotFound) {
		return true, nil
	}
	return next.Time > q.At.From, err
}

// historyCursor makes Page.Next, as Store.cursor does for searches.
func (s *Store) historyCursor(q *HistoryQuery, total int, last uint64) string {
	return fmt.Sprintf("%d~%d~%x", total, last, s.historyMark(q, total, last))
}

func (s *Store) historyMark(q *HistoryQuery, total int, last uint64) []byte {
	mac := hmac.New(sha256.New, s.cursorKey)
	fmt.Fprintf(mac, "history %q %d %d %d %v", q.Types, q.Since, total, last, q.At)
	return mac.Sum(nil)[:8]
}

// parseHistoryCursor reads HistoryQuery.After; before is the journal entry of the last version given.
func (s *Store) parseHistoryCursor(q *HistoryQuery) (total int, before uint64, err error) {
	if q.After == "" {
		return unknownTotal, 0, nil
	}
	parts := strings.Split(q.After, "~")
	if len(parts) != 3 {
		return 0, 0, ErrCursor
	}
	total, err = strconv.Atoi(parts[0])
	before, entryErr := strconv.ParseUint(parts[1], 10, 63)
	mark, markErr := hex.DecodeString(parts[2])
	if err != nil || entryErr != nil || markErr != nil || !hmac.Equal(mark, s.historyMark(q, total, before)) {
		return 0, 0, ErrCursor
	}
	return total, before, nil
}
