package fhir

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/record"
)

// entriesOf gives what a request left on the ledger, oldest first, as "chart: interaction status <what was asked> what was touched".
func (g *gate) entriesOf(t *testing.T, request string) (list []string) {
	t.Helper()
	var page struct {
		Entry []struct {
			Resource struct {
				Subtype     []struct{ Code string }
				OutcomeDesc string
				Entity      []struct {
					Type, Role struct{ Code string }
					Query      string
					What       struct {
						Reference  string
						Identifier struct{ Value string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(g.get(t, "/AuditEvent?_count=1000", "auditor", http.StatusOK), &page); err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entry {
		chart, targets, id := "", "", ""
		for _, x := range e.Resource.Entity {
			switch {
			case x.Role.Code == "1":
				chart = x.What.Reference
			case x.Type.Code == "XrequestId":
				id = x.What.Identifier.Value
			case x.Query != "":
				q, _ := base64.StdEncoding.DecodeString(x.Query)
				targets = " <" + string(q) + ">" + targets
			default:
				targets += " " + x.What.Reference
			}
		}
		line := chart + ":"
		for _, s := range e.Resource.Subtype {
			line += " " + s.Code
		}
		if e.Resource.OutcomeDesc != "" {
			line += " " + e.Resource.OutcomeDesc[:3]
		}
		if id == request {
			list = append(list, line+targets)
		}
	}
	slices.Reverse(list)
	return list
}

// segment is the file that a journal writes to.
func segment(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "journal", "*.segment"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	return files[0]
}

// recordEnd does something and gives the place of the last ciphertext that it brings to the journal, which ends its record.
func recordEnd(t *testing.T, dir string, do func()) (at int) {
	t.Helper()
	do()
	b, err := os.ReadFile(segment(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return len(bytes.TrimRight(b, "\x00")) - 16 // files are extended ahead of writing
}

// spoil changes one byte at each place of the journal, once nothing is read from memory any more.
func (g *gate) spoil(t *testing.T, dir string, places ...int) {
	t.Helper()
	for s := g.Store.(*record.Store); s.Lag() > 0; {
		time.Sleep(time.Millisecond)
	}
	f, err := os.OpenFile(segment(t, dir), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, at := range places {
		b := make([]byte, 1)
		_, readErr := f.ReadAt(b, int64(at))
		b[0] ^= 0x5a
		if _, err := f.WriteAt(b, int64(at)); errors.Join(readErr, err) != nil {
			t.Fatal(readErr, err)
		}
	}
}

// TestDamageDoesNotHoldBackTheRest damages ciphertexts on the disk under a running gate: searches and histories come with what is whole, name
// what is not to those who may know of it, and the ledger says which was given.
func TestDamageDoesNotHoldBackTheRest(t *testing.T) {
	dir := t.TempDir()
	g, stop := realGate(t, dir, true)
	defer stop()
	put := func(id, patient string) {
		t.Helper()
		body := `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"coding":[{"system":"s","code":"c"}]},"subject":{"reference":"Patient/` + patient + `"}}`
		if w := g.send(&exchange{do: "PUT /Observation/" + id, body: body}); w.Code >= 300 {
			t.Fatal(w.Code, w.Body)
		}
	}
	put("a1", "a")
	put("a3", "a")
	var lost []int
	for _, o := range [][2]string{{"a2", "a"}, {"b1", "b"}, {"a3", "a"}} { // of a3 the second version
		lost = append(lost, recordEnd(t, dir, func() { put(o[0], o[1]) }))
	}
	put("a3", "a")
	g.spoil(t, dir, lost...)
	const named = `"severity":"warning","code":"incomplete","diagnostics":"Observation/`
	for _, c := range []struct {
		do, actor   string
		status      int
		ids         string
		has, hasNot []string
		entries     []string
	}{
		{"GET /Observation?patient=a", "", 200, "a1 a3", []string{`"total":3`, named + `a2, version 1, is damaged`, `"search":{"mode":"outcome"}`}, []string{"b1"}, []string{
			"Patient/a: search search-type <GET Observation?patient=a> Observation/a1/_history/1 Observation/a3/_history/3",
			"Patient/a: search search-type 500 <GET Observation?patient=a — damaged, not released> Observation/a2/_history/1",
		}},
		{"GET /Observation?code=c", "", 200, "a1 a3", []string{`Observation/a2, version 1`, `Observation/b1, version 1`}, nil, []string{
			"Patient/a: search search-type <GET Observation?code=c> Observation/a1/_history/1 Observation/a3/_history/3",
			"Patient/a: search search-type 500 <GET Observation?code=c — damaged, not released> Observation/a2/_history/1",
			"Patient/b: search search-type 500 <GET Observation?code=c — damaged, not released> Observation/b1/_history/1",
			": search search-type <GET Observation?code=c — 2 resources of 2 charts, 2 damaged>",
		}},
		{"GET /Observation?code=c", "Patient/a", 200, "a1 a3", []string{`Observation/a2, version 1`, `"total":3`}, []string{"b1"}, []string{
			"Patient/a: search search-type <GET Observation?code=c> Observation/a1/_history/1 Observation/a3/_history/3",
			"Patient/a: search search-type 500 <GET Observation?code=c — damaged, not released> Observation/a2/_history/1",
		}},
		{"GET /Observation?_id=a2", "", 200, "", []string{`Observation/a2, version 1`}, nil, []string{
			"Patient/a: search search-type 500 <GET Observation?_id=a2 — damaged, not released> Observation/a2/_history/1",
		}},
		{"GET /Observation/a3/_history", "", 200, "a3  a3", []string{`"status":"500 Internal Server Error","etag":"W/\"2\""`, named + `a3, version 2`}, []string{`"mode"`}, []string{
			"Patient/a: history-instance <GET Observation/a3/_history> Observation/a3/_history/3 Observation/a3/_history/1",
			"Patient/a: history-instance 500 <GET Observation/a3/_history — damaged, not released> Observation/a3/_history/2",
		}},
		{"GET /Observation/a2", "", 500, "", []string{`"code":"exception"`, "damaged"}, nil, []string{"Patient/a: read 500 <GET Observation/a2 — exception: " + damagedText + "> Observation/a2"}},
		{"GET /Observation/b1", "Patient/a", 403, "", nil, []string{"damaged"}, nil},
		{"GET /Observation/b1/_history", "Patient/a", 403, "", nil, []string{"damaged"}, nil},
	} {
		w := g.send(&exchange{do: c.do, actor: c.actor})
		body := w.Body.String()
		if w.Code != c.status {
			t.Fatalf("%s: %d %s", c.do, w.Code, body)
		}
		if c.status == http.StatusOK {
			if got := ids(t, w.Body.Bytes()); got != c.ids {
				t.Errorf("%s: gave %q, want %q: %s", c.do, got, c.ids, body)
			}
		}
		for _, s := range c.has {
			if !strings.Contains(body, s) {
				t.Errorf("%s: without %s: %s", c.do, s, body)
			}
		}
		for _, s := range c.hasNot {
			if strings.Contains(body, s) {
				t.Errorf("%s: with %s: %s", c.do, s, body)
			}
		}
		if got := g.entriesOf(t, w.Header().Get("X-Request-Id")); c.entries != nil {
			slices.Sort(got)
			slices.Sort(c.entries)
			if d := cmp.Diff(c.entries, got); d != "" {
				t.Errorf("%s: entries (-want +got):\n%s", c.do, d)
			}
		}
	}
}

// damagedText is what the answer to a read of something damaged says.
var damagedText = problemOf(record.ErrDamaged).issues[0].Text

// TestADamagedEntryIsNamed damages an entry of a patient's chart: the others are shown, and the one by its id.
func TestADamagedEntryIsNamed(t *testing.T) {
	dir := t.TempDir()
	g, stop := realGate(t, dir, true)
	look := func() { g.get(t, "/Patient/p1", "", http.StatusOK) }
	if w := g.send(&exchange{do: "PUT /Patient/p1", body: patient}); w.Code != http.StatusCreated {
		t.Fatal(w.Code, w.Body)
	}
	at := recordEnd(t, dir, look)
	look()
	stop()
	g, stop = realGate(t, dir, false) // the journal keeps what was written last in memory
	defer stop()
	g.spoil(t, dir, at)
	id := verifyOrg + "-1"
	for _, path := range []string{"/AuditEvent?patient=p1", "/AuditEvent"} {
		body := string(g.get(t, path, "auditor", http.StatusOK))
		if !strings.Contains(body, verifyOrg+`-0"`) || !strings.Contains(body, verifyOrg+`-2"`) || strings.Contains(body, `"id":"`+id) {
			t.Errorf("%s: not what is whole: %.300s", path, body)
		}
		if !strings.Contains(body, `"diagnostics":"AuditEvent/`+id+`, an entry`) {
			t.Errorf("%s: the damaged entry is not named: %.300s", path, body)
		}
	}
	if body := string(g.get(t, "/AuditEvent/"+id, "auditor", http.StatusInternalServerError)); !strings.Contains(body, damagedText) {
		t.Error(body)
	}
	g.get(t, "/AuditEvent/"+id, "Patient/p1", http.StatusForbidden) // whose it is cannot be told any more
	g.get(t, "/AuditEvent/"+verifyOrg+"-99", "Patient/p1", http.StatusForbidden)
}

const verifyOrg = "0100000000000000"
