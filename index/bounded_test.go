package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/index/term"
)

// bounded goes through a search by as many calls as it takes.
func bounded(t *testing.T, x *Index, bound int, clauses ...term.Clause) (ids []string, calls int) {
	t.Helper()
	s := &Search{Query: term.Query{Type: "Observation", All: clauses}, Bound: bound}
	for {
		if calls++; calls > 10_000 {
			t.Fatalf("%d calls", calls)
		}
		some, rest := find(t, x, s)
		if ids = append(ids, some...); rest == nil {
			return ids, calls
		}
		s.After = *rest
	}
}

// many fills an index with n resources under two kinds of id, of one of 5 codes and one of 3 categories each.
func many(t testing.TB, n int) *Index {
	x := open(t, t.TempDir())
	t.Cleanup(func() { x.Close() })
	var b Batch
	for i := range n {
		id := fmt.Sprintf("o%04d", i)
		if i%2 == 0 {
			id = fmt.Sprintf("0198c2f0-0000-7000-8000-0000000%05x", i<<8) // ends in a zero byte where it is packed
		}
		at := int64(i) * 1_000_000_000
		b.Updates = append(b.Updates, Update{Type: "Observation", ID: id, Version: Version{Number: 1, Entry: uint64(i), Time: int64(i)}, Terms: []term.Term{
			tokenTerm("code", fmt.Sprintf("s|%d", i%5)), tokenTerm("category", fmt.Sprintf("s|%d", i%3)),
			{Param: "date", Kind: term.Date, Lo: at, Hi: at}, {Param: "note", Kind: term.String, Value: "a note", Folded: "a note"},
		}})
	}
	apply(t, x, &b)
	return x
}

// TestABoundedSearchGoesOn: however little a search may look at, those who go on at its rest are given everything once, and get on.
func TestABoundedSearchGoesOn(t *testing.T) {
	x := many(t, 300)
	category := term.Clause{Param: "category", Kind: term.Token, Any: []term.Test{token("s|2")}}
	either := term.Clause{Param: "none", Or: []string{"category", "code"}, Kind: term.Token, Any: []term.Test{token("s|0")}}
	late := term.Clause{Param: "date", Kind: term.Date, Any: []term.Test{{Prefix: term.Greater, Lo: 250e9, Hi: 250e9}}}
	note := term.Clause{Param: "note", Kind: term.String, Any: []term.Test{{Form: term.Contains, Folded: "te"}}}
	for i, clauses := range [][]term.Clause{nil, {coded("s|1", "s|4")}, {coded("s|1", "s|4"), category}, {either}, {coded("s|1"), late}, {late}, {note}} {
		want, calls := bounded(t, x, 1<<20, clauses...)
		if calls != 1 {
			t.Errorf("search %d: %d calls without a bound", i, calls)
		}
		for _, bound := range []int{0, 1, 2, 3, 10} {
			got, calls := bounded(t, x, bound, clauses...)
			if !slices.Equal(got, want) || len(want) > 16 && calls == 1 {
				t.Errorf("search %d, bound %d: %d of %d in %d calls", i, bound, len(got), len(want), calls)
			}
		}
	}
	if got, _ := bounded(t, x, 1<<20, either); len(got) != 140 {
		t.Errorf("%d are of one or the other", len(got))
	}
}

// hanging is a context that ends when it has been asked so many times.
type hanging struct {
	context.Context
	asked, after int
}

func (h *hanging) Err() error {
	if h.asked++; h.asked > h.after {
		return context.Canceled
	}
	return nil
}

// TestASearchEndsWithItsContext: it does so in the middle of what it looks through, also while nothing is found.
func TestASearchEndsWithItsContext(t *testing.T) {
	x := many(t, 3000)
	ctx := &hanging{Context: t.Context(), after: 3}
	never := term.Clause{Param: "note", Kind: term.String, Any: []term.Test{{Form: term.Contains, Folded: "z"}}}
	s := &Search{Query: term.Query{Type: "Observation", All: []term.Clause{never}}, Bound: 1 << 20}
	rest, err := x.Search(ctx, s, func(Match) (bool, error) { return true, nil })
	if !errors.Is(err, context.Canceled) || rest != nil || ctx.asked > ctx.after+1 {
		t.Errorf("rest %v, %v, after asking %d times", rest, err, ctx.asked)
	}
}

// TestApplyEndsWithItsContext: a batch that is not wanted any more adds nothing, and can be added later.
func TestApplyEndsWithItsContext(t *testing.T) {
	x := open(t, t.TempDir())
	t.Cleanup(func() { x.Close() })
	var b Batch
	for i := range 10 {
		b.Updates = append(b.Updates, Update{Type: "Observation", ID: fmt.Sprint("o", i), Version: Version{Number: 1, Entry: uint64(i)}, Terms: []term.Term{tokenTerm("code", "s|1")}})
	}
	if err := x.Apply(&hanging{Context: t.Context(), after: 5}, &b); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if found := search(t, x, "Observation", coded("s|1")); len(found) != 0 {
		t.Errorf("%d are found", len(found))
	}
	apply(t, x, &b)
	if found := search(t, x, "Observation", coded("s|1")); len(found) != 10 {
		t.Errorf("%d are found afterwards", len(found))
	}
}

// TestWideDocumentsCountAsSeveral: looking at a few that have very many terms is as much work as looking at many.
func TestWideDocumentsCountAsSeveral(t *testing.T) {
	x := open(t, t.TempDir())
	t.Cleanup(func() { x.Close() })
	var b Batch
	for i := range 40 {
		u := Update{Type: "Observation", ID: fmt.Sprintf("o%02d", i), Version: Version{Number: 1, Entry: uint64(i), Time: int64(i)}}
		for n := range 10 * wide {
			s := fmt.Sprint("a", n)
			u.Terms = append(u.Terms, term.Term{Param: "note", Kind: term.String, Value: s, Folded: s})
		}
		b.Updates = append(b.Updates, u)
	}
	apply(t, x, &b)
	note := term.Clause{Param: "note", Kind: term.String, Any: []term.Test{{Form: term.Contains, Folded: "a"}}}
	if got, calls := bounded(t, x, 100, note); len(got) != 40 || calls == 1 {
		t.Errorf("%d in %d calls", len(got), calls)
	}
	s := &Search{Query: term.Query{Type: "Observation", All: []term.Clause{note}}, Bound: 100, Total: &Total{Bound: 60}}
	found := 0
	if rest, err := x.Search(t.Context(), s, func(Match) (bool, error) { found++; return true, nil }); err != nil || rest == nil || found == 0 || s.Total.Known {
		t.Errorf("%d found, rest %v, total %+v, %v", found, rest, s.Total, err)
	}
}
