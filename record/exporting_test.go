package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

var system = record.Access{Actor: "Device/1", Role: "system", Purpose: "HRESCH", Request: [16]byte{2}, Detail: "export"}

// TestExport takes everything of a type away, in pages: each version once, with the entry and the commitment that prove it, and an entry in each chart
// that names it. What is damaged is told of, who may not export gets nothing.
func TestExport(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	for i := range 7 {
		_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpUpdate, fmt.Sprintf("o%d", i), fmt.Sprintf("Patient/p%d", i%2), fmt.Sprintf("body %d", i))})
		s.ok(err)
	}
	_, err := s.store.Write(ctx, clinician, []record.Change{
		change(record.OpUpdate, "o3", "Patient/p1", large("o3")), change(record.OpDelete, "o4", "", ""), change(record.OpCreate, "none", "", "of nobody")})
	s.ok(err)
	take := func(a record.Access, of func(string) bool) (got string) {
		t.Helper()
		q := record.Query{Type: "Observation", Count: 2}
		for {
			page, err := s.store.Export(ctx, a, q, of)
			s.ok(err)
			stop, cancel := context.WithCancel(ctx)
			cancel()
			if err := s.store.Receipts(stop, page.Versions, nil); len(page.Versions) > 0 && !errors.Is(err, context.Canceled) {
				t.Errorf("receipts of a ledger that stands still: %v", err)
			}
			for i := range page.Versions {
				v := &page.Versions[i]
				got += fmt.Sprintf(" %s/%d", v.ID, v.Version.Version)
				if v.Damaged {
					got += " damaged"
				}
			}
			for _, n := range s.wanted {
				e, err := verify.DecodeEntry(n.Entry.Body)
				s.ok(err)
				forms := n.Contents[0]
				if len(e.Targets) != 1 || e.Targets[0].Content != forms.Commit() || n.Entry.Salt == (verify.Salt{}) {
					t.Errorf("entry %d does not commit to what was given", n.Number)
				}
			}
			s.wanted = nil
			if q.After = page.Next; q.After == "" {
				return strings.TrimSpace(got)
			}
		}
	}
	if got, want := take(system, nil), "o0/1 o1/1 o2/1 o5/1 o6/1 o3/2 none/1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := take(system, func(chart string) bool { return chart == "Patient/p1" }), "o1/1 o5/1 o3/2"; got != want {
		t.Errorf("of one chart: %s, want %s", got, want)
	}
	own := record.Access{Actor: "Patient/p0", Role: "patient", Purpose: "PATRQT", Chart: "Patient/p0"}
	if got, want := take(own, nil), "o0/1 o2/1 o6/1"; got != want {
		t.Errorf("the patient's own: %s, want %s", got, want)
	}
	if _, err := s.store.Export(ctx, clinician, record.Query{Type: "Observation", Count: 1}, nil); !errors.Is(err, record.ErrForbidden) {
		t.Errorf("who may not: %v", err)
	}
	named := 0
	for _, e := range s.entries()["Patient/p1"] {
		if e.Kind == verify.KindExport {
			named += len(e.Targets)
		}
	}
	if named != 6 {
		t.Errorf("the chart's entries name %d exported resources, want 6", named)
	}
	s.heal = func(context.Context, index.Version) ([]byte, error) { return nil, errors.New("nobody has it") }
	s.damageBlob()
	if got, want := take(system, nil), "o0/1 o1/1 o2/1 o5/1 o6/1 o3/2 damaged none/1"; got != want {
		t.Errorf("with damage: %s, want %s", got, want)
	}
}
