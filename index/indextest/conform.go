package indextest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
)

// Run holds an empty index to all of it, and closes it.
func Run(t *testing.T, x *index.Index) {
	defer x.Close()
	n := 0
	for name, property := range map[string]func(*rapid.T, *world){"Finds": finds, "Pages": pages, "Permits": permits, "GoesOn": goesOn} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				n++ // each time other types, for the index is the same
				property(r, newWorld(x, fmt.Sprint("T", n), fmt.Sprint("U", n)))
			})
		})
	}
}

const unbounded = 1 << 30

func search(r *rapid.T, x *index.Index, s *index.Search) (ids []string, rest *index.Point) {
	rest, err := x.Search(r.Context(), s, func(m index.Match) (bool, error) {
		ids = append(ids, m.ID)
		return true, nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return ids, rest
}

func found(q *term.Query, all []term.Resource) (ids []string) {
	for _, i := range term.Find(q, all) {
		ids = append(ids, all[i].ID)
	}
	return ids
}

// finds compares searches, sorted and counted, with a walk through everything.
func finds(r *rapid.T, w *world) {
	for range rapid.IntRange(1, 3).Draw(r, "batches") {
		w.write(r, 8)
	}
	for range 6 {
		q := w.query(r, 2)
		q.Sort = genSort(r)
		got, _ := search(r, w.x, &index.Search{Query: q, Bound: unbounded})
		want := found(&q, w.all)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("query %+v of %+v:\n%s", q, w.all, diff)
		}
		first(r, w, &q, want)
		if n, err := w.x.Count(r.Context(), &index.Search{Query: q, Bound: unbounded}); err != nil || n != len(want) {
			r.Fatalf("query %+v: counted %d, %v; want %d", q, n, err, len(want))
		}
	}
}

// first looks up a first page only: it is the same, and what is said of the number of all is right.
func first(r *rapid.T, w *world, q *term.Query, want []string) {
	total := index.Total{Bound: rapid.IntRange(0, 60).Draw(r, "counting")}
	s := &index.Search{Query: *q, Bound: unbounded, Limit: rapid.IntRange(1, 4).Draw(r, "limit"), Total: &total}
	var got []string
	if _, err := w.x.Search(r.Context(), s, func(m index.Match) (bool, error) {
		got = append(got, m.ID)
		return len(got) < s.Limit, nil
	}); err != nil {
		r.Fatal(err)
	}
	if diff := cmp.Diff(want[:min(len(want), s.Limit)], got, cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("query %+v of %+v, first %d:\n%s", q, w.all, s.Limit, diff)
	}
	if total.Known && total.N != len(want) {
		r.Fatalf("query %+v: %d in all, want %d", q, total.N, len(want))
	}
}

// pages goes through a search page by page while others write: it tells of what was there when the first page was asked for, but for what was
// deleted since.
func pages(r *rapid.T, w *world) {
	w.write(r, 12)
	q := w.query(r, 1)
	q.Sort = genSort(r)
	want := found(&q, w.all)
	s := &index.Search{Query: q, Bound: unbounded}
	first := true
	for {
		size, n := rapid.IntRange(1, 3).Draw(r, "size"), 0
		var last index.Point
		if _, err := w.x.Search(r.Context(), s, func(m index.Match) (bool, error) {
			for len(want) > 0 && want[0] != m.ID && !w.has(q.Type, want[0]) {
				want = want[1:]
			}
			if len(want) == 0 || want[0] != m.ID {
				r.Fatalf("query %+v: %s is given, due are %v", q, m.ID, want)
			}
			if m.Version.Number != w.version[q.Type+"/"+m.ID] {
				r.Fatalf("version %d of %s is given", m.Version.Number, m.ID)
			}
			want, last = want[1:], m.At
			n++
			return n < size, nil
		}); err != nil {
			r.Fatal(err)
		}
		if n == 0 {
			break
		}
		if first && rapid.Bool().Draw(r, "counted") {
			// a count goes by the same moment
			all, err := w.x.Count(r.Context(), &index.Search{Query: q, Bound: unbounded, After: index.Point{Serial: last.Serial}})
			if err != nil || all != n+len(want) {
				r.Fatalf("counted %d, %v; want %d", all, err, n+len(want))
			}
		}
		first = false
		b, _ := last.MarshalBinary()
		if err := s.After.UnmarshalBinary(b); err != nil {
			r.Fatal(err)
		}
		w.write(r, 4)
	}
	for _, id := range want {
		if w.has(q.Type, id) {
			r.Fatalf("query %+v: %s was never given", q, id)
		}
	}
}

func (w *world) has(typ, id string) bool {
	return slices.ContainsFunc(w.all, func(o term.Resource) bool { return o.Type == typ && o.ID == id })
}

// permits hides some resources: nothing is found, counted, or found by way of them.
func permits(r *rapid.T, w *world) {
	w.write(r, 12)
	hidden := rapid.SliceOfN(rapid.SampledFrom(ids), 0, 3).Draw(r, "hidden")
	seen := slices.DeleteFunc(slices.Clone(w.all), func(o term.Resource) bool { return slices.Contains(hidden, o.ID) })
	permit := func(typ, id string, v *index.Version) bool {
		if v.Number != w.version[typ+"/"+id] || v.Deleted {
			r.Errorf("asked about version %d of %s/%s", v.Number, typ, id)
		}
		return !slices.Contains(hidden, id)
	}
	for range 6 {
		q := w.query(r, 3)
		q.Sort = genSort(r)
		s := &index.Search{Query: q, Bound: unbounded, Permit: permit}
		got, _ := search(r, w.x, s)
		want := found(&q, seen)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("query %+v of %+v without %v:\n%s", q, w.all, hidden, diff)
		}
		if n, err := w.x.Count(r.Context(), s); err != nil || n != len(want) {
			r.Fatalf("counted %d, %v; want %d", n, err, len(want))
		}
	}
}

// goesOn ends searches early: those who go on are given everything once.
func goesOn(r *rapid.T, w *world) {
	w.write(r, 12)
	q := w.query(r, 0)
	want := found(&q, w.all)
	s := &index.Search{Query: q, Bound: rapid.IntRange(0, 20).Draw(r, "bound")}
	var got []string
	for range 100 {
		some, rest := search(r, w.x, s)
		got = append(got, some...)
		if rest == nil {
			if diff := cmp.Diff(want, got); diff != "" {
				r.Fatalf("query %+v of %+v: %s", q, w.all, diff)
			}
			return
		}
		s.After = *rest
	}
	r.Fatal("it does not get on")
}
