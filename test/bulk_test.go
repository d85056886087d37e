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
)

// manifest is what the status of a complete export says.
type manifest struct {
	Output, Error []struct {
		Type, URL string
		Count     int
		Extension map[string]string
	}
	Extension map[string]string
}

// exported asks for an export, waits for it and fetches all its files into a directory.
func exported(t *testing.T, n *member, kickoff, dir string) (m manifest) {
	t.Helper()
	begun := n.ask(t, http.StatusAccepted, "system GET "+kickoff, "", "Prefer: respond-async")
	at := strings.TrimPrefix(begun.header.Get("Content-Location"), "http://"+n.fhir+"/fhir")
	said := ""
	await(t, "the export", func() bool {
		a, err := n.try(t.Context(), n.token(t, "system"), "GET", at, nil)
		if err != nil {
			t.Fatal(err)
		}
		said = fmt.Sprintf("%d %s %s", a.status, a.header.Get("X-Progress"), a.body)
		return a.status == http.StatusOK && json.Unmarshal(a.body, &m) == nil
	}, &said)
	fetch := func(url string) {
		t.Helper()
		a := n.ask(t, http.StatusOK, "system GET "+strings.TrimPrefix(url, "http://"+n.fhir+"/fhir"), "")
		write(t, filepath.Join(dir, filepath.Base(url)), a.body)
	}
	for _, o := range append(m.Output, m.Error...) {
		fetch(o.URL)
		for name, url := range o.Extension {
			if strings.HasSuffix(name, "/receipts") {
				fetch(url)
			}
		}
	}
	for _, url := range m.Extension {
		fetch(url)
	}
	n.ask(t, http.StatusForbidden, "clinician GET "+kickoff, "", "Prefer: respond-async")
	n.ask(t, http.StatusNotFound, "clinician GET "+at, "")
	n.ask(t, http.StatusAccepted, "system DELETE "+at, "")
	n.ask(t, http.StatusNotFound, "system GET "+at, "")
	return m
}

// TestRealExport exports everything, and some of it, and has `sijil verify` hold the files against another member's trust file: whole, and with each
// thing changed that could be.
func TestRealExport(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	trust := filepath.Join(c.nodes[3].dir, "trust.json")
	for i := range 3 {
		id := fmt.Sprintf("p%d", i)
		hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/"+id, strings.Replace(patient(id, "Hassan"), ",", ",\r\n\t", 1))
		for j := range 20 {
			oid := fmt.Sprintf("o%d-%d", i, j)
			hospital.ask(t, http.StatusCreated, "clinician PUT /Observation/"+oid, observation(oid, id, j))
		}
	}
	hospital.ask(t, http.StatusOK, "clinician PUT /Observation/o0-3", observation("o0-3", "p0", 77))
	hospital.ask(t, http.StatusNoContent, "clinician DELETE /Observation/o0-4", "")
	hospital.ask(t, http.StatusCreated, "clinician PUT /Group/g1", `{"resourceType":"Group","id":"g1","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p1"}}]}`)

	dir := t.TempDir()
	m := exported(t, hospital, "/$export?_type=Patient,Observation,Group", dir)
	counts := make(map[string]int)
	for _, o := range m.Output {
		counts[o.Type] += o.Count
	}
	if counts["Patient"] != 3 || counts["Observation"] != 59 || counts["Group"] != 1 || len(m.Error) != 0 {
		t.Errorf("%v", counts)
	}
	if out := hospital.sijil(t, 0, "verify", dir, "--trust", trust, "--json"); !strings.Contains(out, `"resources": 63`) {
		t.Error(out)
	}
	hospital.sijil(t, 0, "verify", dir, "--trust", trust, "--lang", "ar")
	for name, spoiled := range map[string]func(name string, b []byte) []byte{
		"a result changed": func(name string, b []byte) []byte {
			return bytes.Replace(b, []byte(`"value":77`), []byte(`"value":78`), 1)
		},
		"a line dropped": func(name string, b []byte) []byte { _, rest, _ := bytes.Cut(b, []byte("\n")); return rest },
		"a line added": func(name string, b []byte) []byte {
			first, _, _ := bytes.Cut(b, []byte("\n"))
			return append(append(first, '\n'), b...)
		},
		"the list changed": func(name string, b []byte) []byte {
			return bytes.Replace(b, []byte(`"count": 59`), []byte(`"count": 58`), 1)
		},
		"a file gone":               func(string, []byte) []byte { return nil },
		"a receipt of the receipts": func(name string, b []byte) []byte { b[len(b)/2] ^= 1; return b },
	} {
		for _, file := range []string{"Observation.1.ndjson", "Observation.1.receipts", "files.json", "receipt.json"} {
			copied := filepath.Join(t.TempDir(), "copy")
			copyTree(t, dir, copied)
			path := filepath.Join(copied, file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			after := spoiled(file, bytes.Clone(b))
			if bytes.Equal(after, b) {
				continue
			}
			if after == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, after, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if out, code := hospital.run(t, "verify", copied, "--trust", trust); code != 1 && !(file == "files.json" && after == nil) {
				t.Errorf("%s in %s: exit code %d: %s", name, file, code, out)
			}
		}
	}

	one := t.TempDir()
	m = exported(t, hospital, "/Group/g1/$export?_typeFilter=Observation%3Fcode%3Dhttp%3A%2F%2Floinc.org%7C8867-4&_type=Observation,Patient", one)
	if len(m.Output) != 2 || m.Output[0].Count+m.Output[1].Count != 21 {
		t.Errorf("of a group: %+v", m.Output)
	}
	hospital.sijil(t, 0, "verify", one, "--trust", trust)
	if m := exported(t, hospital, "/Patient/$export?_since=2199-01-01T00:00:00Z", t.TempDir()); len(m.Output) != 0 {
		t.Errorf("since the future: %+v", m.Output)
	}
	hospital.ask(t, http.StatusBadRequest, "system GET /$export", "")
	hospital.ask(t, http.StatusBadRequest, "system GET /$export?_type=Nothing", "", "Prefer: respond-async")
	hospital.ask(t, http.StatusBadRequest, "system GET /$export?_typeFilter=Patient", "", "Prefer: respond-async")
	hospital.ask(t, http.StatusNotFound, "system GET /$export/00/files/..%2Fx", "")
}
