//go:build real && linux

package real_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealReceipts checks receipts of writes and of audit events with `sijil verify`, whole and altered.
func TestRealReceipts(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	dir, trust := t.TempDir(), filepath.Join(c.nodes[3].dir, "trust.json") // the university's, not the hospital's
	source := patient("p1", "Hassan")
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", source)
	served := hospital.ask(t, http.StatusOK, "clinician GET /Patient/p1", "")
	receipt := hospital.ask(t, http.StatusOK, "clinician GET /Patient/p1/_history/1/$receipt", "").body
	save := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		write(t, path, b)
		return path
	}
	r := save("receipt.json", receipt)
	hospital.sijil(t, 0, "verify", r, "--trust", trust)
	hospital.sijil(t, 0, "verify", r, "--trust", trust, "--resource", save("source.json", []byte(source)))
	out := hospital.sijil(t, 0, "verify", r, "--trust", trust, "--json", "--resource", save("served.json", served.body))
	for _, has := range []string{`"verdict": "holds"`, `"organisation": "hospital"`, `"actor": "clinician@hospital"`, `"witnessed": true`} {
		if !strings.Contains(out, has) {
			t.Errorf("verify --json does not say %s: %s", has, out)
		}
	}
	other := save("other.json", []byte(patient("p1", "Hussein")))
	if out := hospital.sijil(t, 1, "verify", r, "--trust", trust, "--json", "--resource", other); !strings.Contains(out, `"step": "content"`) {
		t.Errorf("another resource: %s", out)
	}

	for _, c := range alterations {
		var doc map[string]any
		if err := json.Unmarshal(receipt, &doc); err != nil {
			t.Fatal(err)
		}
		c.alter(t, doc)
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		out := hospital.sijil(t, 1, "verify", save("altered.json", b), "--trust", trust, "--json")
		if !strings.Contains(out, `"step": "`+c.step+`"`) || strings.Contains(out, `"proven"`) {
			t.Errorf("%s altered: want step %q: %s", c.name, c.step, out)
		}
	}

	// The reading above is an entry of its own, with a receipt of its own.
	events := eventsOf(t, hospital, served.header.Get("X-Request-Id"))
	if len(events) != 1 {
		t.Fatalf("the reading left %d entries", len(events))
	}
	proof := hospital.ask(t, http.StatusOK, "auditor GET /AuditEvent/"+events[0].ID+"/$receipt", "").body
	out = hospital.sijil(t, 0, "verify", save("read.json", proof), "--trust", trust, "--json")
	if !strings.Contains(out, `"kind": "read"`) || !strings.Contains(out, `"actor": "clinician@hospital"`) {
		t.Errorf("the receipt of the reading: %s", out)
	}

	alone := lone(t, filepath.Join(t.TempDir(), "lone"))
	alone.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", source)
	r = save("lone.json", alone.ask(t, http.StatusOK, "clinician GET /Patient/p1/_history/1/$receipt", "").body)
	if out := alone.sijil(t, 3, "verify", r, "--trust", filepath.Join(alone.dir, "trust.json")); !strings.Contains(out, "NOT WITNESSED") {
		t.Errorf("a lone node: %s", out)
	}
	if out := alone.sijil(t, 1, "verify", r, "--trust", trust, "--json"); !strings.Contains(out, `"step": "chain name"`) {
		t.Errorf("another ledger's trust file: %s", out)
	}
}

// alterations are changes to one place each, and the check that must find them.
var alterations = []struct {
	name, step string
	alter      func(*testing.T, map[string]any)
}{
	{"the entry's salt", "batch path", flip("entry", "salt")},
	{"the key commitment", "batch path", flip("entry", "key")},
	{"the batch path", "batch path", func(t *testing.T, doc map[string]any) {
		path := doc["batch"].(map[string]any)["path"].([]any)
		path[0] = flipped(t, path[0].(string))
	}},
	{"the header's application hash", "header", flip("block", "header", "app_hash")},
}

// flip changes one byte of a value.
func flip(path ...string) func(*testing.T, map[string]any) {
	return func(t *testing.T, doc map[string]any) {
		t.Helper()
		for _, name := range path[:len(path)-1] {
			doc = doc[name].(map[string]any)
		}
		last := path[len(path)-1]
		text, ok := doc[last].(string)
		if !ok {
			t.Fatalf("the receipt has no %v", path)
		}
		doc[last] = flipped(t, text)
	}
}

// flipped changes the last byte of a hexadecimal or base64 text.
func flipped(t *testing.T, text string) string {
	t.Helper()
	if len(text)%2 == 0 && strings.Trim(strings.ToLower(text), "0123456789abcdef") == "" {
		last := "0"
		if strings.HasSuffix(text, "0") {
			last = "1"
		}
		return text[:len(text)-1] + last
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	return base64.StdEncoding.EncodeToString(b)
}
