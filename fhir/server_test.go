package fhir

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/fhir/canonical"
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/xml"
)

// exchange is one request and what must come of it.
type exchange struct {
	name    string
	do      string // "METHOD path"
	body    string
	header  []string // "Name: value"
	actor   string   // "" is dr.amal, "-" nobody
	status  int
	has     []string // in the body or, as "Name: value", in the header
	hasNot  []string
	entries []string // what the record of accesses must gain; nil is not looked at
}

type gate struct {
	*Server
	store *memory
}

func newGate(tb testing.TB, limits Limits) *gate {
	tb.Helper()
	if limits.Ack == 0 {
		limits.Ack = 20 * time.Millisecond
	}
	m, own := newMemory(), new(canonical.Own)
	m.tell = own.Tell
	return &gate{New(Config{Store: m, Own: own, Auth: tokens{}, Prefix: "/fhir", Base: "http://h.example/fhir", Limits: limits, Version: "test"}), m}
}

func (g *gate) send(e *exchange) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(e.do, " ")
	r := httptest.NewRequest(method, "http://h.example/fhir"+path, strings.NewReader(e.body))
	if e.body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for _, h := range e.header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	switch e.actor {
	case "":
		r.Header.Set("Authorization", "Bearer dr.amal")
	case "-":
	default:
		r.Header.Set("Authorization", "Bearer "+e.actor)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func (g *gate) run(t *testing.T, list []exchange) {
	t.Helper()
	for _, e := range list {
		before := len(g.store.entries)
		w := g.send(&e)
		name := e.name
		if name == "" {
			name = e.do
		}
		var all strings.Builder
		for h, values := range w.Header() {
			fmt.Fprintf(&all, "%s: %s\n", h, strings.Join(values, ", "))
		}
		body, _ := io.ReadAll(w.Body)
		all.Write(body)
		wellFormed(t, body)
		if w.Code != e.status {
			t.Errorf("%s: status %d, want %d\n%s", name, w.Code, e.status, &all)
			continue
		}
		quote := `"`
		if w.Header().Get("Content-Type") == fhirXML {
			if quote = ""; len(body) > 0 && new(xml.Document).Parse(body, xml.Limits{}) != nil {
				t.Errorf("%s: the answer is no XML: %s", name, body)
			}
		} else if len(body) > 0 && !json.Valid(body) {
			t.Errorf("%s: the answer is no JSON: %s", name, body)
		}
		if e.status >= 400 && !strings.Contains(string(body), quote+"OperationOutcome"+quote) && !strings.HasPrefix(e.do, "HEAD") {
			t.Errorf("%s: no OperationOutcome: %s", name, body)
		}
		for _, want := range e.has {
			if !strings.Contains(all.String(), want) {
				t.Errorf("%s: without %q:\n%s", name, want, &all)
			}
		}
		for _, not := range e.hasNot {
			if strings.Contains(all.String(), not) {
				t.Errorf("%s: with %q:\n%s", name, not, &all)
			}
		}
		if e.entries != nil {
			if diff := cmp.Diff(e.entries, append([]string{}, g.store.left(before)...)); diff != "" {
				t.Errorf("%s: entries (-want +got):\n%s", name, diff)
			}
		}
	}
}

const (
	patient     = `{"resourceType":"Patient","id":"p1","active":true,"identifier":[{"system":"http://h","value":"7"}]}`
	observation = `{ "resourceType" : "Observation", "id":"o1", "status":"final",
  "meta": {"tag":[{"code":"x"}], "versionId":"99"},
  "code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]}, "category":[{"coding":[{"code":"laboratory"}]}],
  "subject":{"reference":"Patient/p1"}, "effectiveDateTime":"2020-05-17T10:00:00+03:00", "valueQuantity":{"value":14.10,"unit":"g\/dL"} }`
)

func TestLifeOfAResource(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/p1", body: patient, status: 201,
			has: []string{
				`{"resourceType":"Patient","id":"p1","meta":{"versionId":"1","lastUpdated":"2026-03-01T12:00:01.000Z"},"active":true`,
				`Etag: W/"1"`, "Location: http://h.example/fhir/Patient/p1/_history/1", "Sijil-Ack: anchored", "Last-Modified: Sun, 01 Mar 2026 12:00:01 GMT", "Cache-Control: no-store",
			},
			entries: []string{"create of Patient/p1 Patient/p1/1"}},
		{do: "PUT /Observation/o1", body: observation, status: 201,
			has: []string{
				`{ "resourceType" : "Observation", "id":"o1", "status":"final",` + "\n" +
					`  "meta": {"lastUpdated":"2026-03-01T12:00:02.000Z","tag":[{"code":"x"}], "versionId":"1"},`,
				`"value":14.10,"unit":"g\/dL"`,
			},
			entries: []string{"create of Patient/p1 Observation/o1/1"}},
		{do: "PUT /Observation/o1", body: observation, header: []string{`If-Match: W/"1"`, "Prefer: return=minimal"}, status: 200,
			has: []string{`Etag: W/"2"`}, hasNot: []string{"resourceType"}, entries: []string{"update of Patient/p1 Observation/o1/2"}},
		{name: "stale version", do: "PUT /Observation/o1", body: observation, header: []string{`If-Match: W/"1"`}, status: 412,
			has: []string{`"code":"conflict"`}, entries: []string{"refuse 412"}},
		{name: "only if it is new", do: "PUT /Observation/o1", body: observation, header: []string{"If-None-Match: *"}, status: 412,
			has: []string{`"code":"conflict"`}, entries: []string{"refuse 412"}},
		{do: "GET /Observation/o1", status: 200, has: []string{`"versionId":"2"`, "Content-Location: http://h.example/fhir/Observation/o1/_history/2"},
			entries: []string{"read of Patient/p1 Observation/o1/2"}},
		{do: "HEAD /Observation/o1", status: 200, has: []string{`Etag: W/"2"`}, entries: []string{"read of Patient/p1 Observation/o1/2"}},
		{name: "not modified", do: "GET /Observation/o1", header: []string{`If-None-Match: W/"2"`}, status: 304, hasNot: []string{"resourceType"},
			entries: []string{"read of Patient/p1 Observation/o1/2"}},
		{name: "the version that is wanted", do: "GET /Observation/o1", header: []string{`If-Match: W/"2"`}, status: 200},
		{name: "another than is wanted", do: "GET /Observation/o1", header: []string{`If-Match: W/"1"`}, status: 412, hasNot: []string{"718-7"}, entries: []string{"refuse 412"}},
		{name: "not modified since", do: "GET /Observation/o1", header: []string{"If-Modified-Since: Sun, 01 Mar 2026 12:00:03 GMT"}, status: 304},
		{name: "modified since", do: "GET /Observation/o1", header: []string{"If-Modified-Since: Sun, 01 Mar 2026 12:00:02 GMT"}, status: 200},
		{do: "GET /Observation/o1/_history/1", status: 200, has: []string{`"versionId":"1"`}, entries: []string{"read of Patient/p1 Observation/o1/1"}},
		{do: "GET /Observation/o1/_history/9", status: 404, entries: []string{"refuse 404"}},
		{do: "DELETE /Observation/o1", status: 204, has: []string{`Etag: W/"3"`, "Sijil-Ack: anchored"}, entries: []string{"delete of Patient/p1 Observation/o1/3"}},
		{name: "delete again", do: "DELETE /Observation/o1", status: 204, entries: []string{"refuse 204"}},
		{do: "GET /Observation/o1", status: 410, has: []string{`"code":"deleted"`, `Etag: W/"3"`, "Last-Modified: Sun, 01 Mar 2026 12:00:04 GMT"}, entries: []string{"refuse 410"}},
		{name: "vread of the deletion", do: "GET /Observation/o1/_history/3", status: 410},
		{do: "GET /Observation/o1/_history", status: 200,
			has:     []string{`"total":3`, `"method":"DELETE"`, `"method":"POST","url":"Observation"`, `"etag":"W/\"2\""`},
			entries: []string{"history of Patient/p1 Observation/o1/3 Observation/o1/2 Observation/o1/1"}},
		{name: "brought back", do: "PUT /Observation/o1", body: observation, status: 201, has: []string{`Etag: W/"4"`}},
		{do: "GET /Observation/o1/_history?_count=2", status: 200, has: []string{`"relation":"next","url":"http://h.example/fhir/Observation/o1/_history?_count=2&_cursor=3_"`}, hasNot: []string{`"versionId":"1"`}},
		{do: "GET /Observation/o1/_history?_count=2&_cursor=3_", status: 200, has: []string{`"versionId":"1"`}, hasNot: []string{`"next"`, `"versionId":"4"`}},
		{do: "GET /Observation/o1/_history?_cursor=x", status: 400},
		{do: "GET /Observation/o1/_history?_since=2020", status: 200, has: []string{`"total":4`}},
		{do: "GET /Observation/o1/_history?_at=2020", status: 200, has: []string{`"total":0`}},
		{do: "GET /Observation/o1/_history?_since=then", status: 400},
		{do: "GET /Observation/none/_history", status: 404},
		{name: "delete what never was", do: "DELETE /Observation/none", status: 204, entries: []string{"refuse 204"}},
		{do: "GET /Observation/o1?_pretty=true", status: 200, has: []string{"{\n  \"resourceType\": \"Observation\"", "14.10"}},
	})
}

func TestAcknowledgement(t *testing.T) {
	g := newGate(t, Limits{Receipt: time.Millisecond})
	g.store.anchored = make(chan struct{}) // no block comes
	g.run(t, []exchange{
		{name: "no quorum", do: "PUT /Patient/p1", body: patient, status: 201, has: []string{"Sijil-Ack: journalled"}},
		{name: "in a batch", do: "POST /", body: `{"resourceType":"Bundle","type":"batch","entry":[{"resource":` + patient + `,"request":{"method":"PUT","url":"Patient/p1"}}]}`,
			status: 200, has: []string{"Sijil-Ack: journalled"}},
		{name: "receipt", do: "GET /Patient/p1/_history/1/$receipt", status: 503, has: []string{"in no block yet"}},
	})
	close(g.store.anchored)
	g.run(t, []exchange{
		{name: "respond-async", do: "PUT /Patient/p1", body: patient, header: []string{"Prefer: respond-async"}, status: 200, has: []string{"Sijil-Ack: journalled"}},
		{do: "PUT /Patient/p1", body: patient, status: 200, has: []string{"Sijil-Ack: anchored"}},
		{do: "GET /Patient/p1/_history/1/$receipt", status: 200, has: []string{"Content-Type: application/json"}, entries: []string{"export of Patient/p1"}},
		{do: "GET /Patient/none/_history/1/$receipt", status: 404},
	})
}

func TestMetadata(t *testing.T) {
	g := newGate(t, Limits{})
	w := g.send(&exchange{do: "GET /metadata", actor: "-"})
	var c capability
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	if c.FHIRVersion != "4.0.1" || len(c.Rest[0].Resource) != len(definition.ResourceTypes()) || c.Implementation["url"] != "http://h.example/fhir" {
		t.Errorf("%+v", c)
	}
	if _, p := g.inspect(parsed(t, w.Body.String()), nil); p != nil {
		t.Errorf("the statement is of no form that the gate would take: %v", p)
	}
	if got := fmt.Sprint(c.Rest[0].Interaction, c.Rest[0].Operation); !strings.HasPrefix(got, "[{transaction} {batch} {history-system}]") && !strings.HasPrefix(got, "[{transaction} {batch} {search-system} {history-system}]") || !strings.Contains(got, "diff") {
		t.Errorf("of the whole it says %s", got)
	}
	for _, r := range c.Rest[0].Resource { // every interaction that is promised is there, and none that is not
		promised := map[string]bool{}
		for _, i := range r.Interaction {
			promised[i.Code] = true
		}
		promised["conditionalUpdate"], promised["conditionalDelete"] = r.ConditionalUpdate, r.ConditionalDelete != "not-supported"
		for code, do := range map[string]string{
			"read": "GET /T/x", "vread": "GET /T/x/_history/1", "update": "PUT /T/x", "patch": "PATCH /T/x", "delete": "DELETE /T/x", "create": "POST /T", "search-type": "GET /T?_count=0",
			"history-instance": "GET /T/x/_history", "history-type": "GET /T/_history", "conditionalUpdate": "PUT /T?_id=x", "conditionalDelete": "DELETE /T?_id=x",
		} {
			w := g.send(&exchange{do: strings.Replace(do, "/T", "/"+r.Type, 1), actor: "dr.amal", body: "{}"})
			there := w.Code != 405 && !strings.Contains(w.Body.String(), "there is nothing at this address") && !strings.Contains(w.Body.String(), "neither an operation nor a valid id")
			if there != promised[code] {
				t.Errorf("%s of %s: promised %t, but %d %.300s", code, r.Type, promised[code], w.Code, w.Body)
			}
		}
	}
	for _, r := range c.Rest[0].Resource { // every parameter that is promised is answered
		for _, p := range r.SearchParam {
			value := sample(r.Type, p.Name, p.Type)
			if w := g.send(&exchange{do: "GET /" + r.Type + "?" + p.Name + "=" + value}); w.Code != 200 {
				t.Errorf("%s by %s: %d %s", r.Type, p.Name, w.Code, w.Body)
			}
		}
	}
	if n := len(g.store.entries); n == 0 {
		t.Error("searches left no entries")
	}
}

// sample is a value that a search parameter of a type can have.
func sample(typ, name, kind string) string {
	if kind != "composite" {
		return map[string]string{"token": "C", "reference": "Patient/1", "date": "2020", "string": "x", "uri": "http://x", "number": "1", "quantity": "1"}[kind]
	}
	var parts []string
	for _, c := range parameters().Of(typ).Param(name).Components {
		parts = append(parts, sample(typ, c.Code, kindNames[c.Kind]))
	}
	return strings.Join(parts, "$")
}

func TestHTTPServesOverANetwork(t *testing.T) {
	g := newGate(t, Limits{})
	g.Base = "" // not known: links begin with what the request was sent to
	server := httptest.NewUnstartedServer(nil)
	server.Config = g.HTTP()
	server.Start()
	defer server.Close()
	for range 3 { // on one connection: no deadline may be left behind
		r, _ := http.NewRequestWithContext(t.Context(), "PUT", server.URL+"/fhir/Patient/p1", strings.NewReader(patient))
		r.Header.Set("Authorization", "Bearer dr.amal")
		r.Header.Set("Content-Type", "application/fhir+json")
		w, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, w.Body)
		w.Body.Close()
		if w.StatusCode >= 300 || !strings.HasPrefix(w.Header.Get("Location"), server.URL+"/fhir/Patient/p1/") {
			t.Error(w.Status, w.Header)
		}
	}
}
