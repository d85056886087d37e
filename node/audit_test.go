package node

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRunningAuditNamesKeys: the keys of the engine are read only at a start; the audit of a node that runs looks at them as well.
func TestRunningAuditNamesKeys(t *testing.T) {
	n, _ := lone(t)
	for _, name := range []string{"node_key.json", "priv_validator_key.json"} {
		if err := os.WriteFile(filepath.Join(n.Chain(), name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		n.adminAudit(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/audit", nil))
		if !strings.Contains(w.Body.String(), name) {
			t.Errorf("%s is not named: %s", name, w.Body)
		}
	}
}
