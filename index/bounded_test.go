package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// bounded goes through a search by as many calls as it takes.
func bounded(t *testing.T, x *Index, bound int, filters ...Filter) (ids []string, calls int) {
	t.Helper()
	for from := uint64(0); ; {
		calls++
		rest, err := x.Search(t.Context(), "Observation", filters, from, bound, func(id string, _ Version) (bool, error) {
			ids = append(ids, id)
			return true, nil
		})
		if err != nil || calls > 10_000 {
			t.Fatalf("call %d: %v", calls, err)
		}
		if from = rest; from == 0 {
			return ids, calls
		}
	}
}

// many fills an index with n resources under two kinds of id, of one of 5 codes and one of 3 categories each.
func many(t *testing.T, n int) *Index {
	x := open(t, t.TempDir())
	t.Cleanup(func() { x.Close() })
	var b Batch
	for i := range n {
		id := fmt.Sprintf("o%04d", i)
		if i%2 == 0 {
			id = fmt.Sprintf("0198c2f0-0000-7000-8000-0000000%05x", i<<8) // ends in a zero byte where it is packed
		}
		b.Updates = append(b.Updates, Update{Type: "Observation", ID: id, Version: Version{Number: 1, Entry: uint64(i), Time: int64(i)}, Terms: []Term{
			{Param: "code", Kind: Token, Value: fmt.Sprintf("s|%d", i%5)}, {Param: "category", Kind: Token, Value: fmt.Sprintf("s|%d", i%3)},
			{Param: "date", Kind: Date, Lo: int64(i), Hi: int64(i)},
		}})
	}
	apply(t, x, &b)
	return x
}

// TestABoundedSearchGoesOn: however little a search may look at, those who go on at its rest are given everything once, and get on.
func TestABoundedSearchGoesOn(t *testing.T) {
	x := many(t, 300)
	code := Filter{Param: "code", Kind: Token, Any: []Test{{Value: "s|1"}, {Value: "s|4"}}}
	category := Filter{Param: "category", Kind: Token, Any: []Test{{Value: "s|2"}}}
	either := Filter{Param: "none", Or: []string{"category", "code"}, Kind: Token, Any: []Test{{Value: "s|0"}}}
	late := Filter{Param: "date", Kind: Date, Any: []Test{{Prefix: Greater, Hi: 250}}}
	never := Filter{Param: "date", Kind: Date, Any: []Test{{Prefix: Greater, Hi: 1000}}}
	for i, filters := range [][]Filter{nil, {code}, {code, category}, {either}, {code, late}, {late}, {never}} {
		want, calls := bounded(t, x, 1<<20, filters...)
		if calls != 1 {
			t.Errorf("filters %d: %d calls without a bound", i, calls)
		}
		for _, bound := range []int{0, 1, 2, 3, 10, 100} {
			got, calls := bounded(t, x, bound, filters...)
			if !slices.Equal(got, want) || calls == 1 {
				t.Errorf("filters %d, bound %d: %d of %d in %d calls", i, bound, len(got), len(want), calls)
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
	x := many(t, 300)
	ctx := &hanging{Context: t.Context(), after: 50}
	never := Filter{Param: "date", Kind: Date, Any: []Test{{Prefix: Greater, Hi: 1000}}}
	rest, err := x.Search(ctx, "Observation", []Filter{never}, 0, 1<<20, func(string, Version) (bool, error) { return true, nil })
	if !errors.Is(err, context.Canceled) || rest != 0 || ctx.asked > ctx.after+1 {
		t.Errorf("rest %d, %v, after asking %d times", rest, err, ctx.asked)
	}
}
