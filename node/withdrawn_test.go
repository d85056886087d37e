package node

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/verify"
)

// TestWithdrawnIsTold has two runs withdrawn from one custodian and one from another: the operator is told of each custodian until the
// list is deleted.
func TestWithdrawnIsTold(t *testing.T) {
	t.Parallel()
	n := &Node{Layout: Layout{Dir: t.TempDir()}, log: slog.New(slog.DiscardHandler)}
	own, a, b := verify.OrgID{1}, verify.OrgID{2}, verify.OrgID{3}
	for _, w := range []custody.Withdrawn{{Custodian: a, Entries: 500}, {Custodian: b, Entries: 7}, {Custodian: a, Entries: 3}} {
		n.noteWithdrawn(w)
	}
	s := &Status{Members: []MemberStatus{{Org: a, Name: "Rafidain"}, {Org: b, Name: "Al-Noor"}}}
	if list := n.withdrawnStatus(s, own); len(list) != 3 || len(s.Warnings) != 2 {
		t.Fatalf("%d runs and the warnings %+v", len(list), s.Warnings)
	}
	for i, want := range [][]string{{"503", "Rafidain", own.String()}, {"7", "Al-Noor", own.String()}} {
		w := s.Warnings[i]
		if w.Code != "withdrawn" {
			t.Errorf("the warning %q", w.Code)
		}
		for _, part := range want {
			if !strings.Contains(w.Text, part) {
				t.Errorf("%q does not say %s", w.Text, part)
			}
		}
	}
	if err := os.Remove(n.withdrawnFile()); err != nil {
		t.Fatal(err)
	}
	s.Warnings = nil
	if n.withdrawnStatus(s, own); len(s.Warnings) != 0 {
		t.Errorf("still told: %+v", s.Warnings)
	}
}
