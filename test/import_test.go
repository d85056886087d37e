//go:build real && linux

package real_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// importResult is what the status of an import says when it is complete.
type importResult struct {
	Output, Error []struct {
		Count int
		URL   string
	}
	Extension map[string]importCounts
}

type importCounts struct{ Pass, Lines, Created, Updated, Unchanged, Refused int }

func (r *importResult) counts() importCounts {
	return r.Extension["https://sijil.health/fhir/bulk/counts"]
}

// begunImport sends lines, and gives where the status is.
func begunImport(t *testing.T, n *member, lines []byte) string {
	t.Helper()
	a := n.ask(t, http.StatusAccepted, "system POST /$import", string(lines), "Prefer: respond-async", "Content-Type: application/fhir+ndjson")
	_, at, _ := strings.Cut(a.header.Get("Content-Location"), "/fhir")
	return at
}

// endedImport waits for the end of an import.
func endedImport(t *testing.T, n *member, at string) (r importResult) {
	t.Helper()
	said := ""
	await(t, "the import", func() bool {
		a, err := n.try(t.Context(), n.token(t, "system"), "GET", at, nil)
		if err != nil {
			t.Fatal(err)
		}
		said = fmt.Sprintf("%d %s %s", a.status, a.header.Get("X-Progress"), a.body)
		return a.status == http.StatusOK && json.Unmarshal(a.body, &r) == nil
	}, &said)
	return r
}

// TestRealImport kills a node in the middle of an import, several times, and lets it go on. Every resource is there once, in its first version, with one
// entry; what refers to what comes later is resolved; nothing is readable meanwhile; the ledger holds; and again it changes nothing.
func TestRealImport(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	const patients, each = 200, 60
	var body bytes.Buffer
	for i := range patients {
		for j := range each {
			id := fmt.Sprintf("o%d-%d", i, j)
			line := observation(id, fmt.Sprintf("p%d", i), j)
			if j == 0 {
				line = strings.TrimSuffix(line, "}") + `,"performer":[{"reference":"Practitioner?identifier=urn:s|late"}]}`
			}
			body.WriteString(line + "\n")
		}
		body.WriteString(patient(fmt.Sprintf("p%d", i), "Hassan-al-Masri") + "\n{broken\n")
	}
	body.WriteString(`{"resourceType":"Practitioner","id":"late","identifier":[{"system":"urn:s","value":"late"}]}`)
	all := patients*(each+1) + 1

	at := begunImport(t, hospital, body.Bytes())
	kills := 0
	for range 6 {
		time.Sleep(400 * time.Millisecond)
		a, err := hospital.try(t.Context(), hospital.token(t, "system"), "GET", at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.status == http.StatusOK {
			break
		}
		hospital.kill()
		kills++
		noneReadable(t, filepath.Join(hospital.dir, "imports"), "Hassan-al-Masri", "Observation")
		hospital.start(t)
	}
	if kills == 0 {
		t.Error("the import was done before the node could be killed")
	}
	r := endedImport(t, hospital, at)
	t.Logf("killed %d times, %+v", kills, r.counts())
	if n := r.counts(); n.Created != all || n.Updated != 0 || n.Unchanged != 0 || n.Refused != patients || n.Lines != all+patients || len(r.Error) != 1 {
		t.Errorf("%+v", r)
	}
	var begun []byte
	for next := "/AuditEvent?action=E&_count=200"; next != ""; { // each refused line has one as well
		page := hospital.ask(t, http.StatusOK, "auditor GET "+next, "").body
		begun = append(begun, page...)
		_, next, _ = strings.Cut(string(page), `{"relation":"next","url":"`)
		next, _, _ = strings.Cut(next, `"`)
		_, next, _ = strings.Cut(next, "/fhir")
	}
	for _, what := range []string{"an import was begun", fmt.Sprintf("the import is complete: %d created", all)} {
		if !bytes.Contains(begun, []byte(what)) {
			t.Errorf("no AuditEvent says %q: %s", what, head(begun))
		}
	}
	_, file, _ := strings.Cut(r.Error[0].URL, "/fhir")
	if refused := hospital.ask(t, http.StatusOK, "system GET "+file, "").body; bytes.Count(refused, []byte("\n")) != patients || !bytes.Contains(refused, []byte(`"valueInteger":62}`)) {
		t.Errorf("%d lines: %s", bytes.Count(refused, []byte("\n")), head(refused))
	}
	for i := range patients {
		var found struct {
			Total int
			Entry []struct {
				Resource struct {
					Meta      struct{ VersionID string }
					Performer []struct{ Reference string }
				}
			}
		}
		a := hospital.ask(t, http.StatusOK, fmt.Sprintf("system GET /Observation?patient=Patient/p%d&_count=100", i), "")
		if err := json.Unmarshal(a.body, &found); err != nil {
			t.Fatal(err)
		}
		resolved := 0
		for _, e := range found.Entry {
			if e.Resource.Meta.VersionID != "1" {
				t.Fatalf("version %s", e.Resource.Meta.VersionID)
			}
			if p := e.Resource.Performer; len(p) == 1 && p[0].Reference == "Practitioner/late" {
				resolved++
			}
		}
		if found.Total != each || len(found.Entry) != each || resolved != 1 {
			t.Fatalf("patient %d: %d found, %d resolved", i, found.Total, resolved)
		}
	}
	// The chart's log: one entry for each resource that was created, besides those of what this test asked for.
	made := hospital.ask(t, http.StatusOK, "auditor GET /AuditEvent?patient=Patient/p7&action=C&_count=200", "").body
	if n := bytes.Count(made, []byte(`"resourceType":"AuditEvent"`)); n != each+1 {
		t.Errorf("%d entries of creations in a chart, want %d", n, each+1)
	}
	again := endedImport(t, hospital, begunImport(t, hospital, body.Bytes()))
	if n := again.counts(); n.Created != 0 || n.Updated != 0 || n.Unchanged != all || n.Refused != patients {
		t.Errorf("again: %+v", n)
	}
	hospital.ask(t, http.StatusAccepted, "system DELETE "+at, "")
	hospital.ask(t, http.StatusNotFound, "system GET "+at, "")
	hospital.ask(t, http.StatusForbidden, "auditor POST /$import", body.String(), "Prefer: respond-async", "Content-Type: application/fhir+ndjson")
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
}

// noneReadable looks through all files below a directory for words.
func noneReadable(t *testing.T, dir string, words ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, w := range words {
			if bytes.Contains(b, []byte(w)) {
				t.Errorf("%s is readable in %s", w, path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
