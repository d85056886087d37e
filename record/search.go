package record

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// countLimit is how far a search counts its matches for Page.Total; beyond, the total is not known.
const countLimit = 2_000

// Search releases the resources that match, in the order of their ids, at most q.Count of them. Everything written before the call
// is found, but for what could not be read: see Page.Missing. What is damaged is among them without content. Errors: ErrCursor, ErrUnavailable.
func (s *Store) Search(ctx context.Context, a Access, q Query) (*Page, error) {
	total, after, err := parseCursor(q.After)
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
	found, err := s.find(ctx, &a, &q, after, limit)
	if err != nil {
		return nil, err
	}
	if counting && len(found) <= countLimit {
		total = len(found)
	}
	page := &Page{Total: total}
	if len(found) > q.Count {
		found = found[:q.Count]
		if q.Count > 0 {
			page.Next = fmt.Sprintf("%d~%s", total, found[q.Count-1].id)
		}
	}
	if q.Detail != "" {
		a.Detail = q.Detail
	}
	if page.Missing, err = s.incomplete(&a, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	page.Versions, err = s.release(ctx, a, verify.KindSearch, q.Whole, found)
	return page, err
}

const unknownTotal = -1

// parseCursor splits Page.Next: the total counted on the first page, and the last id given.
func parseCursor(cursor string) (total int, after string, err error) {
	if cursor == "" {
		return unknownTotal, "", nil
	}
	n, id, ok := strings.Cut(cursor, "~")
	total, convErr := strconv.Atoi(n)
	if !ok || convErr != nil || total < unknownTotal || id == "" {
		return 0, "", ErrCursor
	}
	return total, id, nil
}

// Match finds what each query matches, at most Query.Count each, and releases nothing but who they are. Because that tells who is
// known here, it leaves the entries of a search.
func (s *Store) Match(ctx context.Context, a Access, queries []Query) ([][]Head, error) {
	if err := permit(&a, policy.Search, a.Chart, ""); err != nil {
		return nil, err
	}
	var all []match
	out := make([][]Head, len(queries))
	for i := range queries {
		found, err := s.find(ctx, &a, &queries[i], "", queries[i].Count)
		if err != nil {
			return nil, err
		}
		for j := range found {
			out[i] = append(out[i], headOf(found[j].typ, found[j].id, &found[j].version))
		}
		all = append(all, found...)
	}
	if err := s.leave(ctx, a, verify.KindSearch, false, all); err != nil {
		return nil, err
	}
	return out, nil
}

// find looks up at most limit matches that may be released.
func (s *Store) find(ctx context.Context, a *Access, q *Query, after string, limit int) ([]match, error) {
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var found []match
	if limit <= 0 {
		return nil, nil
	}
	err := s.Index.Search(q.Type, q.Filters, after, func(id string, v index.Version) (bool, error) {
		if permit(a, policy.Search, v.Chart, q.Type) != nil || s.erased(&v) {
			return true, nil
		}
		found = append(found, match{typ: q.Type, id: id, version: v})
		return len(found) < limit, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return found, nil
}
