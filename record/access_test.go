package record_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

func TestRefusalAndAuditEntries(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	if _, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "o1", "Patient/a", "one")}); err != nil {
		t.Fatal(err)
	}
	s.ok(s.store.Refuse(ctx, clinician, []string{"Observation/o1"}, 412, "stale"))
	s.ok(s.store.Refuse(ctx, record.Access{Detail: "GET Patient"}, nil, 401, ""))
	auditor := record.Access{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL"}
	events, next, err := s.store.AuditEvents(ctx, auditor, record.AuditQuery{Chart: "Patient/a", Count: 10})
	if err != nil || next != "" || len(events) != 2 || events[0].Entry.Kind != verify.KindRefuse || events[0].Entry.Outcome != 412 {
		t.Fatalf("audit: %+v, %q, %v", events, next, err)
	}
	// The audit was itself recorded, and pages go backwards without gap.
	var kinds []verify.Kind
	after := ""
	for {
		page, next, err := s.store.AuditEvents(ctx, auditor, record.AuditQuery{Chart: "Patient/a", Count: 1, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			kinds = append(kinds, e.Entry.Kind)
		}
		if after = next; next == "" {
			break
		}
	}
	want := []verify.Kind{verify.KindSearch, verify.KindRefuse, verify.KindCreate}
	if !slices.Equal(kinds, want) {
		t.Errorf("walked %v, want %v", kinds, want)
	}
	if e, err := s.store.AuditEvent(ctx, auditor, events[1].ID); err != nil || e.Entry.Kind != verify.KindCreate {
		t.Errorf("audit event: %+v, %v", e, err)
	}
	if _, err := s.store.AuditEvent(ctx, auditor, "0000000000000000-0"); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("another organisation's entry: %v", err)
	}
	for what, err := range map[string]error{
		"auditor reads":   second(s.store.Read(ctx, auditor, "Observation", "o1", 0)),
		"auditor writes":  second(s.store.Write(ctx, auditor, []record.Change{change(record.OpCreate, "o2", "", "x")})),
		"other's patient": second(s.store.Read(ctx, record.Access{Role: "patient", Chart: "Patient/b"}, "Observation", "o1", 0)),
		"clinician audit": second(s.store.AuditEvent(ctx, clinician, events[1].ID)),
	} {
		if !errors.Is(err, record.ErrForbidden) {
			t.Errorf("%s: %v, want ErrForbidden", what, err)
		}
	}
}

// TestAskingAboutNobodyMakesNoChart: a question about a chart that does not exist is an entry of the organisation's, and makes no key.
func TestAskingAboutNobodyMakesNoChart(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	if _, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "o1", "Patient/a", "one")}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []record.Access{
		{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL"}, {Actor: "nobody", Role: "patient", Purpose: "PATRQT", Chart: "Patient/nobody"},
	} {
		for range 2 { // the first question must not be an answer to the second
			events, next, err := s.store.AuditEvents(ctx, a, record.AuditQuery{Chart: "Patient/nobody", Count: 10})
			if err != nil || len(events) != 0 || next != "" {
				t.Errorf("%s: %v, %q, %v", a.Actor, events, next, err)
			}
		}
	}
	if _, _, err := s.store.AuditEvents(ctx, clinician, record.AuditQuery{Chart: "Patient/nobody", Count: 10}); !errors.Is(err, record.ErrForbidden) {
		t.Errorf("a clinician: %v", err)
	}
	if _, ok := s.vault.Lookup("Patient/nobody", vault.Log); ok {
		t.Error("there is a key for a chart that does not exist")
	}
	if n := len(s.entries()[""]); n != 4 {
		t.Errorf("%d entries in the organisation's stream", n)
	}
}

// TestHistoryOfAResourceThatMovedCharts corrects an observation that was filed under the wrong patient: the right one must not see what is
// the other's.
func TestHistoryOfAResourceThatMovedCharts(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	for _, c := range []record.Change{change(record.OpCreate, "o1", "Patient/b", "of b"), change(record.OpUpdate, "o1", "Patient/a", "of a")} {
		if _, err := s.store.Write(ctx, clinician, []record.Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	a := record.Access{Actor: "Patient/a", Role: "patient", Purpose: "PATRQT", Chart: "Patient/a"}
	for _, count := range []int{10, 1, 0} {
		page, err := s.store.History(ctx, a, record.HistoryQuery{Types: []string{"Observation"}, ID: "o1", Count: count})
		if err != nil || len(page.Versions) != min(count, 1) || page.Total != 1 || page.Next != "" || count > 0 && string(page.Versions[0].Body) != "of a" {
			t.Errorf("a sees %+v of %d, %v", page, count, err)
		}
	}
	if page, err := s.store.History(ctx, clinician, record.HistoryQuery{Types: []string{"Observation"}, ID: "o1", Count: 10}); err != nil || len(page.Versions) != 2 {
		t.Errorf("a clinician sees %+v, %v", page, err)
	}
	b := s.entries()["Patient/b"]
	if len(b) != 3 { // the write, the move, and the clinician's look
		t.Fatalf("%d entries in b's chart", len(b))
	}
	if e := b[1]; e.Kind != verify.KindUpdate || e.Detail != "test — moved to another chart" || e.Actor != clinician.Actor ||
		len(e.Targets) != 1 || e.Targets[0] != (verify.Target{Ref: "Observation/o1", Version: 2}) {
		t.Errorf("of the move b's chart says %+v", e)
	}
	// The move is no version of its own: an index that is built anew from the journal says the same.
	s.close()
	s.ok(os.RemoveAll(filepath.Join(s.dir, "index")))
	s.open()
	if v, err := s.store.Read(ctx, clinician, "Observation", "o1", 0); err != nil || v.Chart != "Patient/a" || string(v.Body) != "of a" {
		t.Errorf("after a rebuild: %+v, %v", v, err)
	}
}

// TestNothingIsLearntFromARefusal asks for what is there, what never was, and what is gone, with accesses that may see none of it.
func TestNothingIsLearntFromARefusal(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	for _, c := range []record.Change{
		change(record.OpCreate, "here", "Patient/a", "one"), change(record.OpUpdate, "here", "Patient/a", "two"),
		change(record.OpCreate, "gone", "Patient/a", "one"), change(record.OpDelete, "gone", "", ""),
	} {
		if _, err := s.store.Write(ctx, clinician, []record.Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []record.Access{
		{Role: "auditor", Purpose: "HCOMPL"}, {Role: "administrator", Purpose: "HSYSADMIN"}, {Role: "patient", Purpose: "PATRQT", Chart: "Patient/b"},
	} {
		for _, id := range []string{"here", "never", "gone"} {
			for version := range uint64(4) {
				if _, err := s.store.Read(ctx, a, "Observation", id, version); !errors.Is(err, record.ErrForbidden) {
					t.Errorf("%s reads %s version %d: %v", a.Role, id, version, err)
				}
			}
			if _, err := s.store.History(ctx, a, record.HistoryQuery{Types: []string{"Observation"}, ID: id, Count: 10}); !errors.Is(err, record.ErrForbidden) {
				t.Errorf("%s reads the history of %s: %v", a.Role, id, err)
			}
		}
	}
	if _, err := s.store.Read(ctx, clinician, "Observation", "never", 0); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("a clinician: %v", err)
	}
	if _, err := s.store.Read(ctx, clinician, "Observation", "gone", 0); !errors.Is(err, record.ErrGone) {
		t.Errorf("a clinician: %v", err)
	}
}

// TestAReceiptShowsNoMoreThanItsEntry: who may not read entries gets no receipts of them either.
func TestAReceiptShowsNoMoreThanItsEntry(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	s.ok(s.store.Refuse(ctx, clinician, nil, 403, "why"))
	auditor := record.Access{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL"}
	events, _, err := s.store.AuditEvents(ctx, auditor, record.AuditQuery{Count: 1})
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	for _, role := range []string{"clinician", "nurse", "laboratory", "radiology", "system", "administrator"} {
		if _, err := s.store.AuditReceipt(ctx, record.Access{Role: role, Purpose: "TREAT"}, events[0].ID); !errors.Is(err, record.ErrForbidden) {
			t.Errorf("%s: %v", role, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestErrorsOfAWriteNameNoResource: they reach the log of a gate, and an id or a chart there would name a patient.
func TestErrorsOfAWriteNameNoResource(t *testing.T) {
	s := newSite(t)
	defer s.close()
	const id, chart = "named-resource", "Patient/named-patient"
	write := func(c record.Change) error { return second(s.store.Write(t.Context(), clinician, []record.Change{c})) }
	late := change(record.OpUpdate, id, chart, "late")
	late.IfVersion = 7
	s.ok(write(change(record.OpCreate, id, chart, "one")))
	refused := map[string]error{
		"taken":    write(change(record.OpCreate, id, chart, "again")),
		"conflict": write(late),
		"unknown":  write(change(record.OpDelete, "never-"+id, "", "")),
	}
	s.ok(write(change(record.OpDelete, id, "", "")))
	refused["gone"] = write(change(record.OpDelete, id, "", ""))
	s.ok(os.RemoveAll(filepath.Join(s.dir, "blobs")))
	s.ok(os.WriteFile(filepath.Join(s.dir, "blobs"), nil, 0o600)) // no ciphertext of its own can be stored
	refused["disk"] = write(change(record.OpCreate, id, chart, strings.Repeat("x", 100<<10)))
	for what, err := range refused {
		var which *record.ChangeError
		if !errors.As(err, &which) || which.Index != 0 {
			t.Errorf("%s: %v, want a ChangeError", what, err)
		} else if text := err.Error(); strings.Contains(text, id) || strings.Contains(text, chart) || !strings.Contains(text, "change 0") {
			t.Errorf("%s: %q", what, text)
		}
	}
	if err := refused["disk"]; !errors.Is(err, record.ErrUnavailable) {
		t.Errorf("without a disk: %v", err)
	}
}
