package fhir

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/validation"
)

var r4 = validation.New(nil, nil)

// wellFormed holds every AuditEvent of an answer to the rules of R4.
func wellFormed(t *testing.T, body []byte) {
	t.Helper()
	if !strings.Contains(string(body), `"resourceType":"AuditEvent"`) {
		return
	}
	root := parsed(t, string(body))
	check := func(v tape.Value) {
		for _, i := range r4.Resource(v, validation.Options{}) {
			t.Errorf("%s: %s in %s", i.Path, i.Text, v.Raw())
		}
	}
	if root.Get("resourceType").Text() == "AuditEvent" {
		check(root)
	}
	for e := root.Get("entry").First(); e.Exists(); e = e.Next() {
		if r := e.Get("resource"); r.Get("resourceType").Text() == "AuditEvent" {
			check(r)
		}
	}
}

// queries are what the AuditEvents of a patient say was asked, as the patient sees them, newest first.
func (g *gate) queries(t *testing.T, patient string) (list []string) {
	t.Helper()
	var page struct {
		Entry []struct {
			Resource struct{ Entity []struct{ Query string } }
		}
	}
	if err := json.Unmarshal(g.get(t, "/AuditEvent?_count=1000&patient="+patient, patient, http.StatusOK), &page); err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entry {
		for _, x := range e.Resource.Entity {
			if q, _ := base64.StdEncoding.DecodeString(x.Query); len(q) > 0 {
				list = append(list, string(q))
			}
		}
	}
	return list
}

func TestAPatientReadsNothingOfOthersInTheAuditEvents(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	about := func(id, patient string) *exchange {
		return &exchange{do: "PUT /Observation/" + id, body: strings.NewReplacer(`"o1"`, `"`+id+`"`, "Patient/p1", "Patient/"+patient).Replace(observation)}
	}
	for _, e := range []*exchange{
		{do: "PUT /Patient/p1", body: patient},
		{do: "PUT /Patient/p2", body: strings.NewReplacer(`"p1"`, `"p2"`, `"7"`, `"NATID-B"`).Replace(patient)},
		about("o1", "p1"), about("o2", "p2"),
	} {
		if w := g.send(e); w.Code != http.StatusCreated {
			t.Fatal(w.Code, w.Body)
		}
	}
	for _, c := range []struct{ do, form, lenient, want string }{
		{do: "GET /Patient?identifier=http://h%7C7,http://h%7CNATID-B", want: "GET Patient?identifier"},
		{do: "GET /Patient?identifier=http://h%7C7,NATID-C", want: "GET Patient?identifier"},
		{do: "GET /Patient?_id=p1,p2", want: "GET Patient?_id"},
		{do: "GET /Observation?patient=p1,p2&_count=5", want: "GET Observation?patient&_count=5"},
		{do: "GET /Observation?patient=p1&code=718-7", want: "GET Observation?patient=p1&code=718-7"},
		{do: "GET /Observation?code=718-7&_format=json", want: "GET Observation?code=718-7&_format=json"},
		{do: "GET /Observation?patient=p1&_pretty=NATID-B", want: "GET Observation?patient=p1&_pretty"},
		{do: "GET /Observation?patient=p1&x=NATID-B", lenient: "Prefer: handling=lenient", want: "GET Observation?patient=p1&x"},
		{do: "POST /Patient/_search", form: "identifier=7,NATID-B", want: "POST Patient/_search?identifier"},
		{do: "GET /Observation?patient=p1&colour=NATID-B", want: "GET Observation?patient=p1&colour — not-supported: "},
		{do: "GET /Observation/o1/_history?_count=1", want: "GET Observation/o1/_history?_count=1"},
	} {
		e := &exchange{do: c.do, body: c.form}
		if c.form != "" {
			e.header = append(e.header, "Content-Type: application/x-www-form-urlencoded")
		}
		if c.lenient != "" {
			e.header = append(e.header, c.lenient)
		}
		w := g.send(e)
		if got := g.queries(t, "Patient/p1")[0]; got != c.want && (w.Code < 400 || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s (%d): the patient reads %q, want %q", c.do, w.Code, got, c.want)
		}
		if all := strings.Join(g.queries(t, "Patient/p1"), "\n"); strings.Contains(all, "NATID") || strings.Contains(all, "p2") {
			t.Errorf("%s: the patient reads\n%s", c.do, all)
		}
		if c.form == "" && w.Code < 400 && c.want != strings.Replace(c.do, "/", "", 1) {
			parents := strings.Join(g.entriesOf(t, w.Header().Get("X-Request-Id")), "\n")
			if want := ": search search-type <" + strings.Replace(c.do, "/", "", 1); !strings.Contains("\n"+parents, "\n"+want) {
				t.Errorf("%s: the organisation's entries do not say it:\n%s", c.do, parents)
			}
		}
	}
	// A resource that moves leaves a trace where it was, which does not say where it went.
	move := about("o1", "p2")
	move.actor = "Practitioner/mover"
	if w := g.send(move); w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	seen := string(g.get(t, "/AuditEvent?patient=Patient/p1&action=U", "Patient/p1", http.StatusOK))
	if !strings.Contains(seen, `"Observation/o1/_history/2"`) || !strings.Contains(seen, "Practitioner/mover") || strings.Contains(seen, "p2") ||
		!strings.Contains(seen, `"description":"moved to another chart"`) {
		t.Error(seen)
	}
}

func TestADocumentIsInTheChartOfItsSubject(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	g.send(&exchange{do: "PUT /Patient/p1", body: patient})
	w := g.send(&exchange{do: "PUT /Bundle/d1", body: `{"resourceType":"Bundle","id":"d1","type":"document","timestamp":"2026-01-01T00:00:00Z",
		"identifier":{"system":"urn:x","value":"1"},"entry":[{"fullUrl":"urn:uuid:0b7a6f3c-52a1-4c4b-9d3b-111111111111","resource":{"resourceType":"Composition",
		"status":"final","type":{"text":"IPS"},"subject":{"reference":"Patient/p1"},"date":"2026","author":[{"display":"x"}],"title":"IPS"}}]}`})
	if w.Code != http.StatusCreated {
		t.Fatal(w.Code, w.Body)
	}
	g.get(t, "/Bundle/d1", "Patient/p1", http.StatusOK)
	g.get(t, "/Bundle/d1", "Patient/p2", http.StatusForbidden)
	if seen := string(g.get(t, "/AuditEvent?patient=Patient/p1&entity=Bundle/d1", "Patient/p1", http.StatusOK)); strings.Count(seen, "Bundle/d1/_history/1") < 2 {
		t.Error(seen)
	}
}
