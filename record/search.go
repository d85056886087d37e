package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// countLimit is how far a search counts its matches for Page.Total; beyond, the total is not known.
const countLimit = 2_000

// maxLooked bounds the rows of the index that one page looks at, and so how long it takes: some seconds where everything of a type has to be
// gone through for its dates.
const maxLooked = 50_000

// maxCounted bounds the rows that are looked at for a total that must be exact.
const maxCounted = 2_000_000

// Search releases the resources that match, in the order asked for, at most q.Count of them. Everything written before the call is found, but for what
// could not be read: see Page.Missing. What is damaged is among them without content. All pages of a search tell of the moment of the first: what was
// deleted since is left out, what was changed is given as it is now, and nothing comes twice or falls between two pages. A page that has looked at
// maxLooked rows, or holds maxPage bytes, ends there: it may hold fewer than q.Count, or none, and has a Next, and its Total is known only if
// everything was looked at, or lists of documents tell it. Errors: ErrCursor, ErrExpired, ErrCostly, ErrUnavailable.
func (s *Store) Search(ctx context.Context, a Access, q Query) (*Page, error) {
	total, from, err := s.parseCursor(&q)
	if err != nil {
		return nil, err
	}
	counting := q.After == ""
	if err := permit(&a, policy.Search, a.Chart, q.Type); err != nil {
		return nil, err
	}
	found, rest, counted, err := s.matches(ctx, &a, &q, from)
	if err != nil {
		return nil, err
	}
	if counting {
		total = counted
	}
	if counting && total == unknownTotal && q.Exact {
		if total, err = s.count(ctx, &a, &q); err != nil {
			return nil, err
		}
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
	versions, done, err := s.release(ctx, a, verify.KindSearch, q.Whole, q.Keep, found[:min(len(found), q.Count)], about...)
	if err != nil {
		return nil, err
	}
	page := &Page{Total: total, Versions: versions}
	if page.Missing, err = s.incomplete(&a, &q); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch {
	case done < len(found):
		rest = &found[done-1].at
	case rest == nil:
		return page, nil
	}
	page.Next = s.cursor(&q, total, *rest)
	if q.After == "" {
		page.First = s.cursor(&q, total, index.Point{Serial: rest.Serial})
	}
	return page, nil
}

const unknownTotal = -1

// cursor makes Page.Next: the total counted on the first page, and the place of the last match given. It bears a mark of this node's, so that it goes
// on with the search that it is of and no other, and tells no total but the one that was counted.
func (s *Store) cursor(q *Query, total int, last index.Point) string {
	at, _ := last.MarshalBinary()
	return fmt.Sprintf("%d~%x~%x", total, at, s.cursorMark(q, total, at))
}

func (s *Store) cursorMark(q *Query, total int, at []byte) []byte {
	asked, err := json.Marshal(term.Query{Type: q.Type, All: q.All, Sort: q.Sort})
	if err != nil {
		asked = fmt.Appendf(nil, "%#v", q.All) // infinite numbers
	}
	mac := hmac.New(sha256.New, s.cursorKey)
	fmt.Fprintf(mac, "%q %d %x ", asked, total, at)
	return mac.Sum(nil)[:8]
}

// parseCursor reads Query.After.
func (s *Store) parseCursor(q *Query) (total int, from index.Point, err error) {
	if q.After == "" {
		return unknownTotal, from, nil
	}
	parts := strings.Split(q.After, "~")
	if len(parts) != 3 {
		return 0, from, ErrCursor
	}
	total, err = strconv.Atoi(parts[0])
	at, placeErr := hex.DecodeString(parts[1])
	mark, markErr := hex.DecodeString(parts[2])
	if err != nil || placeErr != nil || markErr != nil || !hmac.Equal(mark, s.cursorMark(q, total, at)) {
		return 0, from, ErrCursor
	}
	return total, from, from.UnmarshalBinary(at)
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
		found, rest, err := s.find(ctx, &a, &queries[i], index.Point{}, queries[i].Count)
		if err == nil && rest != nil {
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

// find looks up at most limit matches from a place on that may be released. rest is where it has not looked any more, see Index.Search.
func (s *Store) find(ctx context.Context, a *Access, q *Query, from index.Point, limit int) (found []match, rest *index.Point, err error) {
	asked := s.asked(a, q, from)
	asked.Limit = limit
	return s.look(ctx, q, asked)
}

// look carries out a search, up to its limit.
func (s *Store) look(ctx context.Context, q *Query, asked *index.Search) (found []match, rest *index.Point, err error) {
	if err := s.overlay.settle(ctx); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if asked.Limit <= 0 {
		return nil, nil, nil
	}
	rest, err = s.Index.Search(ctx, asked, func(m index.Match) (bool, error) {
		found = append(found, match{typ: q.Type, id: m.ID, version: m.Version, at: m.At})
		return len(found) < asked.Limit, nil
	})
	if err != nil {
		return nil, nil, searchError(err)
	}
	if q.Stale != nil && q.Stale() { // it may have met the one half of the resources by the old rules and the other by the new
		return nil, nil, ErrStale
	}
	return found, rest, nil
}

// count tells how many match of those that may be released.
func (s *Store) count(ctx context.Context, a *Access, q *Query) (int, error) {
	asked := s.asked(a, q, index.Point{})
	asked.Bound = max(asked.Bound, maxCounted)
	n, err := s.Index.Count(ctx, asked)
	if errors.Is(err, index.ErrCostly) {
		return unknownTotal, nil
	}
	if err != nil {
		return 0, searchError(err)
	}
	if q.Stale != nil && q.Stale() {
		return 0, ErrStale
	}
	return n, nil
}

// matches looks up the matches of a page and one more, which say where a next one begins, and, of a first page, how many there are in all, where that is
// known by looking at countLimit rows more: of lists of documents, where all may be seen, otherwise of the matches themselves.
func (s *Store) matches(ctx context.Context, a *Access, q *Query, from index.Point) (found []match, rest *index.Point, total int, err error) {
	limit := q.Count + 1
	if q.Count == 0 {
		limit = fewCharts
	}
	asked := s.asked(a, q, from)
	if asked.Permit != nil && q.After == "" {
		limit = max(limit, countLimit+1)
	}
	if asked.Limit = limit; asked.Permit == nil && q.After == "" {
		asked.Total = &index.Total{Bound: min(countLimit, s.looks)}
	}
	if found, rest, err = s.look(ctx, q, asked); err != nil {
		return nil, nil, 0, err
	}
	switch total = unknownTotal; {
	case q.After != "":
	case asked.Total != nil && asked.Total.Known:
		total = asked.Total.N
	case rest == nil && len(found) < limit:
		total = len(found)
	}
	return found, rest, total, nil
}

// fewCharts is how many matches are looked at for whether what is counted is of one chart.
const fewCharts = 64

// asked is a search in the index's terms. What the policy hides is not found, and nothing is found by what it says.
func (s *Store) asked(a *Access, q *Query, from index.Point) *index.Search {
	asked := &index.Search{Query: term.Query{Type: q.Type, All: withinChart(q.All, q.Type, a.Chart), Sort: q.Sort}, After: from, Bound: s.looks}
	if !everywhere(a, policy.Search) || s.vault.Erased() {
		asked.Permit = func(typ, _ string, v *index.Version) bool {
			return permit(a, policy.Search, v.Chart, typ) == nil && !s.erased(v)
		}
	}
	return asked
}

// searchError says what a search in the index fails with.
func searchError(err error) error {
	switch {
	case errors.Is(err, index.ErrCostly):
		return ErrCostly
	case errors.Is(err, index.ErrExpired):
		return ErrExpired
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
