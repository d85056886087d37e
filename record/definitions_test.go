package record_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// TestDefinitions: what has a canonical URL is found by it, the newest first, without an entry; what was used leaves one, and who may not read it uses nothing.
func TestDefinitions(t *testing.T) {
	s := newSite(t)
	defer s.close()
	named := func(url, version string) []term.Term {
		return []term.Term{{Param: term.ParamCanonical, Kind: term.Reference, Value: url + "|"}, {Param: term.ParamCanonical, Kind: term.Reference, Value: url + "|" + version}}
	}
	ctx := context.Background()
	for _, c := range []struct{ id, chart, version string }{{"old", "", "1"}, {"new", "", "2"}, {"hers", "Patient/a", "2"}} {
		change := change(record.OpCreate, c.id, c.chart, c.id)
		change.Type, change.Compartment, change.Terms = "ValueSet", record.General, named("http://v", c.version)
		_, err := s.store.Write(ctx, clinician, []record.Change{change})
		s.ok(err)
	}
	before := s.log.End().Entry
	find := func(url, version string, most int, want ...string) {
		t.Helper()
		list, err := s.store.Definitions(ctx, "ValueSet", url, version, most)
		s.ok(err)
		var got []string
		for _, v := range list {
			got = append(got, v.ID)
		}
		if len(got) != len(want) {
			t.Fatalf("%s|%s: %v, want %v", url, version, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s|%s: %v, want %v", url, version, got, want)
			}
		}
	}
	find("http://v", "1", 10, "old")
	find("http://v", "3", 10)
	find("http://w", "", 10)
	if list, err := s.store.Definitions(ctx, "ValueSet", "http://v", "", 10); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := s.store.Definitions(ctx, "ValueSet", "", "", 10); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if n := s.log.End().Entry; n != before {
		t.Errorf("looking for definitions left %d entries", n-before)
	}
	used := []record.Head{{Type: "ValueSet", ID: "old", Version: 1}, {Type: "ValueSet", ID: "new", Version: 1}}
	s.ok(s.store.Used(ctx, clinician, used))
	auditor := record.Access{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL"}
	events, _, err := s.store.AuditEvents(ctx, auditor, record.AuditQuery{Entities: []string{"ValueSet/new"}, Count: 10})
	if err != nil || len(events) != 2 || events[0].Entry.Kind != verify.KindRead || len(events[0].Entry.Targets) != 2 {
		t.Errorf("%+v, %v", events, err)
	}
	for _, a := range []record.Access{auditor, {Role: "patient", Chart: "Patient/a"}} {
		if err := s.store.Used(ctx, a, used); !errors.Is(err, record.ErrForbidden) {
			t.Errorf("%s: %v", a.Role, err)
		}
	}
}
