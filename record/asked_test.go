package record_test

import (
	"context"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
)

// TestAChartsEntriesNameNobodyElse: the question as it was asked stands in the organisation's own entry; a chart's entry says of it what is
// of that chart.
func TestAChartsEntriesNameNobodyElse(t *testing.T) {
	ctx := context.Background()
	search := func(s *site, detail string, whole bool, bodies ...string) {
		q := record.Query{Type: "Observation", Count: 10, Detail: detail, Whole: whole}
		f := term.Clause{Param: "code", Kind: term.Token}
		for _, body := range bodies {
			f.Any = append(f.Any, term.Test{System: "s", Code: body})
		}
		q.All = append(q.All, f)
		if _, err := s.store.Search(ctx, clinician, q); err != nil {
			t.Fatal(err)
		}
	}
	asked := func(detail string) record.Access {
		a := clinician
		a.Detail = detail
		return a
	}
	auditor := record.Access{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL", Detail: "GET AuditEvent?patient=a&entity=Patient/b"}
	const counted = " — 2 resources of 2 charts"
	for name, c := range map[string]struct {
		do           func(s *site)
		a, b, parent string
	}{
		"two found":  {func(s *site) { search(s, "GET Observation?code=A,B", false, "A", "B") }, "GET Observation?code", "GET Observation?code", "GET Observation?code=A,B" + counted},
		"one found":  {func(s *site) { search(s, "GET Observation?code=A,X", false, "A", "X") }, "GET Observation?code", "", "GET Observation?code=A,X"},
		"about it":   {func(s *site) { search(s, "GET Observation?code=A", true, "A") }, "GET Observation?code=A", "", ""},
		"its chart":  {func(s *site) { search(s, "GET Observation?patient=Patient%2Fa&_count=7", false, "A") }, "GET Observation?patient=Patient%2Fa&_count=7", "", ""},
		"both named": {func(s *site) { search(s, "GET Observation?patient=a,b", false, "A") }, "GET Observation?patient", "", "GET Observation?patient=a,b"},
		"a page":     {func(s *site) { search(s, "GET Observation?code=A&%5Fcursor=2~ofB", true, "A") }, "GET Observation?code=A&%5Fcursor", "", ""},
		"a refusal": {func(s *site) {
			s.ok(s.store.Refuse(ctx, asked("GET Observation/oA?x=B"), []string{"Observation/oA"}, 400, "why"))
		},
			"GET Observation/oA?x — why", "", "GET Observation/oA?x=B — why"},
		"a refused Bundle": {func(s *site) {
			a := asked("POST / (transaction of 2 entries)")
			a.Within = "GET Observation/oA, DELETE Observation/oB"
			s.ok(s.store.Refuse(ctx, a, []string{"Observation/oA", "Observation/oB"}, 403, ""))
		}, "POST / (transaction of 2 entries)", "POST / (transaction of 2 entries)", "POST / (transaction of 2 entries): GET Observation/oA, DELETE Observation/oB"},
		"a read": {func(s *site) {
			s.ok(second(s.store.Read(ctx, asked("GET Observation/oA?x=B"), "Observation", "oA", 0)))
		}, "GET Observation/oA?x", "", "GET Observation/oA?x=B"},
		"a history": {func(s *site) {
			s.ok(second(s.store.History(ctx, asked("GET H?x=B"), record.HistoryQuery{Types: []string{"Observation"}, ID: "oA", Count: 9})))
		}, "GET H?x", "", "GET H?x=B"},
		"a look": {func(s *site) {
			_, _, err := s.store.AuditEvents(ctx, auditor, record.AuditQuery{Chart: "Patient/a"})
			s.ok(err)
		},
			"GET AuditEvent?patient=a&entity — 0 entries", "", "GET AuditEvent?patient=a&entity=Patient/b — 0 entries"},
		"a write": {func(s *site) {
			s.ok(second(s.store.Write(ctx, asked("PUT Observation/oA?x=B"), []record.Change{change(record.OpUpdate, "oA", "Patient/a", "A")})))
		}, "PUT Observation/oA?x", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			defer s.close()
			for _, of := range []string{"A", "B"} {
				_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "o"+of, "Patient/"+strings.ToLower(of), of)})
				s.ok(err)
			}
			before := s.entries()
			c.do(s)
			for chart, want := range map[string]string{"Patient/a": c.a, "Patient/b": c.b, "": c.parent} {
				got := ""
				for _, e := range s.entries()[chart][len(before[chart]):] {
					got += e.Detail
				}
				if got != want {
					t.Errorf("chart %q says %q, want %q", chart, got, want)
				}
			}
		})
	}
}

// TestWhatWasErasedIsNotFound searches beside a chart whose keys are gone.
func TestWhatWasErasedIsNotFound(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	for _, c := range []record.Change{
		change(record.OpCreate, "o1", "Patient/a", "same"), change(record.OpCreate, "o2", "Patient/b", "same"), change(record.OpUpdate, "o2", "Patient/a", "same"),
		change(record.OpCreate, "o3", "Patient/b", "same"),
	} {
		if _, err := s.store.Write(ctx, clinician, []record.Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	s.ok(s.vault.EraseChart("Patient/b"))
	q := record.Query{Type: "Observation", Count: 10, All: []term.Clause{{Param: "code", Kind: term.Token, Any: []term.Test{{System: "s", Code: "same"}}}}}
	page, err := s.store.Search(ctx, clinician, q)
	if err != nil || len(page.Versions) != 2 || page.Total != 2 {
		t.Errorf("found %+v, %v", page, err)
	}
	if heads, err := s.store.Match(ctx, clinician, []record.Query{q}); err != nil || len(heads[0]) != 2 {
		t.Errorf("matched %+v, %v", heads, err)
	}
	if page, err = s.store.History(ctx, clinician, record.HistoryQuery{Types: []string{"Observation"}, ID: "o2", Count: 10}); err != nil || len(page.Versions) != 1 || page.Total != 1 {
		t.Errorf("history %+v, %v", page, err)
	}
	if _, ok := s.vault.Lookup("Patient/b", vault.Log); ok {
		t.Error("the erased chart has a key again")
	}
}
