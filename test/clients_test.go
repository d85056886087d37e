//go:build real && linux

package real_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRealClients has FHIR clients that others publish do against a node what their documentation shows, each in a process of its own, and asks the
// node what entries that left.
func TestRealClients(t *testing.T) {
	if _, err := os.Stat("clients/node_modules"); err != nil {
		t.Skip("the clients are not installed: make test-real installs them into test/clients/node_modules; that needs Node 20")
	}
	n := lone(t, filepath.Join(t.TempDir(), "node"))
	tests, err := filepath.Glob("clients/*.test.mjs")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no clients: %v", err)
	}
	for _, path := range tests {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c := exec.CommandContext(t.Context(), "node", "--test-reporter=spec", filepath.Base(path))
			c.Dir = "clients"
			c.Env = append(os.Environ(), "SIJIL_FHIR=http://"+n.fhir+"/fhir", "SIJIL_TOKEN="+n.token(t, "clinician"))
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	left := make(map[string]int)
	for next := "/AuditEvent?_count=1000"; next != ""; {
		var page struct {
			Link  []struct{ Relation, URL string }
			Entry []struct {
				Resource struct{ Subtype []struct{ Code string } }
			}
		}
		if err := json.Unmarshal(n.ask(t, http.StatusOK, "auditor GET "+next, "").body, &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entry {
			for _, s := range e.Resource.Subtype {
				left[s.Code]++
			}
		}
		next = ""
		for _, l := range page.Link {
			if l.Relation == "next" {
				next = l.URL[len(fmt.Sprintf("http://%s/fhir", n.fhir)):]
			}
		}
	}
	for code, least := range map[string]int{
		"create": 100, "read": 30, "vread": 3, "update": 9, "patch": 3, "delete": 8, "search-type": 60, "history-instance": 4, "history-type": 1, "history-system": 1, "operation": 8,
	} {
		if left[code] < least {
			t.Errorf("%d entries of %s, want at least %d: %v", left[code], code, least, left)
		}
	}
}
