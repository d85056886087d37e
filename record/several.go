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

// SearchSeveral is Search for several queries, answered one after the other as one: pages of at most count resources, without a total, each page one
// release with one set of entries. Count, After, Detail and Exact of the queries themselves say nothing. Errors as Search.
func (s *Store) SearchSeveral(ctx context.Context, a Access, queries []Query, count int, after, detail string) (*Page, error) {
	at, from, err := s.parseAmong(queries, after)
	if err != nil {
		return nil, err
	}
	var found []match
	var of []int // which query each match is of
	next := ""
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
			next = s.among(queries, at, *rest)
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
	places := make([]index.Point, len(found))
	for i := range found { // release uses the list again
		places[i] = found[i].at
	}
	page := &Page{Total: unknownTotal}
	total, done := len(found), 0
	if page.Versions, done, err = s.release(ctx, a, verify.KindSearch, false, nil, found[:min(total, count)], about...); err != nil {
		return nil, err
	}
	if page.Next = next; done < total && done > 0 {
		page.Next = s.among(queries, of[done-1], places[done-1])
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

// among makes a cursor: the number of the query before its own.
func (s *Store) among(queries []Query, at int, last index.Point) string {
	return strconv.Itoa(at) + "." + s.cursor(&queries[at], unknownTotal, last)
}

func (s *Store) parseAmong(queries []Query, after string) (at int, from index.Point, err error) {
	if after == "" {
		return 0, from, nil
	}
	number, own, _ := strings.Cut(after, ".")
	if at, err = strconv.Atoi(number); err != nil || at < 0 || at >= len(queries) || own == "" {
		return 0, from, ErrCursor
	}
	q := queries[at]
	q.After = own
	_, from, err = s.parseCursor(&q)
	return at, from, err
}
