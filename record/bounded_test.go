package record_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// seeded is a site with so many Observations, of as many days, each in a chart of its own but every tenth, which is in that of Patient/a. Of those
// some are found by the patient, some are not.
func seeded(t *testing.T, n int) *site {
	s := newSite(t)
	var changes []record.Change
	for i := range n {
		c := change(record.OpCreate, fmt.Sprintf("o%03d", i), fmt.Sprintf("Patient/p%d", i), "body")
		if i%10 == 0 {
			c.Chart = "Patient/a"
		}
		c.Terms = []term.Term{{Param: "date", Kind: term.Date, Lo: int64(i), Hi: int64(i)}, {Param: "code", Kind: term.Token, System: "s", Code: fmt.Sprintf("%d", i%7)}}
		if i%20 == 0 {
			c.Terms = append(c.Terms, term.Term{Param: "subject", Kind: term.Reference, Value: c.Chart})
		}
		changes = append(changes, c)
	}
	_, err := s.store.Write(context.Background(), clinician, changes)
	s.ok(err)
	return s
}

// pages goes through a search, and gives what each page has.
func (s *site) pages(a record.Access, q record.Query) (ids []string, totals []int) {
	s.t.Helper()
	for {
		page, err := s.store.Search(context.Background(), a, q)
		s.ok(err)
		for i := range page.Versions {
			ids = append(ids, page.Versions[i].ID)
		}
		totals = append(totals, page.Total)
		if q.After = page.Next; q.After == "" {
			return ids, totals
		}
	}
}

func dated(prefix term.Prefix, day int64) term.Clause {
	return term.Clause{Param: "date", Kind: term.Date, Any: []term.Test{{Prefix: prefix, Lo: day, Hi: day}}}
}

// TestAPageLooksAtSoMuch: a page ends where enough was looked through, also without a match; the pages together lose and double nothing, and
// none gives a total that is not known.
func TestAPageLooksAtSoMuch(t *testing.T) {
	s := seeded(t, 200)
	defer s.close()
	code := term.Clause{Param: "code", Kind: term.Token, Any: []term.Test{{System: "s", Code: "3"}, {System: "s", Code: "5"}}}
	for _, filters := range [][]term.Clause{nil, {dated(term.GreaterOrEqual, 190)}, {dated(term.GreaterOrEqual, 500)}, {code}, {code, dated(term.Less, 100)}} {
		for _, count := range []int{1, 7, 1000} {
			q := record.Query{Type: "Observation", Count: count, All: filters}
			s.store.Look(1 << 20)
			want, known := s.pages(clinician, q)
			for _, rows := range []int{1, 10, 37} {
				s.store.Look(rows)
				got, totals := s.pages(clinician, q)
				if !slices.Equal(got, want) || len(totals) < len(known) || rows < 10 && len(totals) == 1 {
					t.Fatalf("%v, %d a page, %d rows: %d of %d on %d pages", filters, count, rows, len(got), len(want), len(totals))
				}
				if first := totals[0]; first != record.Unknown && first != len(want) || slices.ContainsFunc(totals, func(n int) bool { return n != first }) {
					t.Errorf("%v, %d a page, %d rows: totals %v", filters, count, rows, totals)
				}
			}
		}
	}
	s.store.Look(10)
	page, err := s.store.Search(context.Background(), clinician, record.Query{Type: "Observation", All: []term.Clause{dated(term.Less, 100)}})
	if err != nil || page.Total != record.Unknown || page.Next != "" {
		t.Errorf("a count that was not finished: %+v, %v", page, err)
	}
	if _, err := s.store.Match(context.Background(), clinician, []record.Query{{Type: "Observation", Count: 2, All: []term.Clause{dated(term.Equal, 199)}}}); !errors.Is(err, record.ErrCostly) {
		t.Errorf("a condition that was not looked for to the end: %v", err)
	}
}

// TestALimitedAccessLooksAtItsChart: what is in a chart is found without looking at all others, for whatever reason it is there.
func TestALimitedAccessLooksAtItsChart(t *testing.T) {
	s := seeded(t, 400)
	defer s.close()
	for _, c := range []record.Change{
		{Op: record.OpCreate, Type: "Patient", ID: "a", Chart: "Patient/a", Compartment: record.General, Source: []byte("a")},
		{Op: record.OpCreate, Type: "Patient", ID: "b", Chart: "Patient/b", Compartment: record.General, Source: []byte("b")},
		change(record.OpUpdate, "o010", "Patient/b", "moved away"), change(record.OpUpdate, "o011", "Patient/a", "moved here"), change(record.OpDelete, "o020", "", ""),
	} {
		_, err := s.store.Write(context.Background(), clinician, []record.Change{c})
		s.ok(err)
	}
	a := record.Access{Actor: "Patient/a", Role: "patient", Purpose: "PATRQT", Chart: "Patient/a", Detail: "test"}
	s.store.Look(200)
	got, totals := s.pages(a, record.Query{Type: "Observation", Count: 1000})
	if len(got) != 39 || !slices.Equal(totals, []int{39}) || slices.Contains(got, "o010") || !slices.Contains(got, "o011") {
		t.Errorf("%v on %v", got, totals)
	}
	if got, totals := s.pages(a, record.Query{Type: "Patient", Count: 10}); !slices.Equal(got, []string{"a"}) || !slices.Equal(totals, []int{1}) {
		t.Errorf("%v on %v", got, totals)
	}
	got, _ = s.pages(a, record.Query{Type: "Observation", Count: 3, All: []term.Clause{dated(term.GreaterOrEqual, 350)}})
	if want := []string{"o350", "o360", "o370", "o380", "o390"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s.close()
	s.ok(os.RemoveAll(filepath.Join(s.dir, "index"))) // what the record itself finds by is made again too
	s.open()
	s.store.Look(200)
	if got, totals := s.pages(a, record.Query{Type: "Observation", Count: 1000}); len(got) != 39 || !slices.Equal(totals, []int{39}) {
		t.Errorf("after a rebuild %v on %v", got, totals)
	}
}

// TestWhoHangsUpEndsTheSearch: nothing is looked through for nobody.
func TestWhoHangsUpEndsTheSearch(t *testing.T) {
	s := seeded(t, 200)
	defer s.close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := len(s.entries()[""])
	if _, err := s.store.Search(ctx, clinician, record.Query{Type: "Observation", Count: 10, All: []term.Clause{dated(term.GreaterOrEqual, 500)}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if after := len(s.entries()[""]); after != before {
		t.Errorf("%d entries of a search that gave nothing", after-before)
	}
}
