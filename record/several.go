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

// SearchSeveral is Search for several queries, answered one after the other as one: pages of at most count resources, each page one release with one set of
// entries. The total is known where the first page has all, or where the first query is Exact; else Count, After, Detail and Exact of the queries say nothing.
// Errors as Search.
func (s *Store) SearchSeveral(ctx context.Context, a Access, queries []Query, count int, after, detail string) (*Page, error) {
	total, at, from, err := s.parseAmong(queries, after)
	if err != nil {
		return nil, err
	}
	var found []match
	var of []int // which query each match is of
	var next *place
	for ; at < len(queries) && len(found) <= count; at, from = at+1, (index.Point{}) {
		q := &queries[at]
		if err := permit(&a, policy.Search, a.Chart, q.Type); err != nil {
			return nil, err
		}
		got, rest, err := s.find(ctx, &a, q, from, count+1-len(found))
		if err != nil {
			return nil, err
		}
		for range got {
			of = append(of, at)
		}
		if found = append(found, got...); rest != nil && len(found) <= count {
			next = &place{at, *rest}
			break
		}
	}
	if detail != "" {
		a.Detail = detail
	}
	about, err := s.askedAbout(queries...)
	if err != nil {
		return nil, err
	}
	if after == "" {
		if total, err = s.totalOf(ctx, &a, queries, len(found), next != nil || len(found) > count); err != nil {
			return nil, err
		}
	}
	places := make([]place, len(found))
	for i := range found { // release uses the list again
		places[i] = place{of[i], found[i].at}
	}
	page := &Page{Total: total}
	versions, done, err := s.release(ctx, a, verify.KindSearch, false, nil, found[:min(len(found), count)], about...)
	if err != nil {
		return nil, err
	}
	if page.Versions = versions; done < len(places) && done > 0 {
		next = &places[done-1]
	}
	if next != nil {
		page.Next = s.among(queries, total, next)
	}
	for i := range queries {
		missing, err := s.incomplete(&a, &queries[i])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		page.Missing = page.Missing || missing
	}
	return page, nil
}

// place is where a page of several queries ends.
type place struct {
	query int
	last  index.Point
}

// totalOf is what several queries find together, as far as that is known or must be: found were, and there may be more.
func (s *Store) totalOf(ctx context.Context, a *Access, queries []Query, found int, more bool) (int, error) {
	if !more {
		return found, nil
	}
	if !queries[0].Exact {
		return unknownTotal, nil
	}
	total := 0
	for i := range queries {
		n, err := s.count(ctx, a, &queries[i])
		if err != nil || n == unknownTotal {
			return unknownTotal, err
		}
		total += n
	}
	return total, nil
}

// among makes a cursor: the number of the query before its own.
func (s *Store) among(queries []Query, total int, p *place) string {
	return strconv.Itoa(p.query) + "." + s.cursor(&queries[p.query], total, p.last)
}

func (s *Store) parseAmong(queries []Query, after string) (total, at int, from index.Point, err error) {
	if after == "" {
		return unknownTotal, 0, from, nil
	}
	number, own, _ := strings.Cut(after, ".")
	if at, err = strconv.Atoi(number); err != nil || at < 0 || at >= len(queries) || own == "" {
		return 0, 0, from, ErrCursor
	}
	q := queries[at]
	q.After = own
	total, from, err = s.parseCursor(&q)
	return total, at, from, err
}
