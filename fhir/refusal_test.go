package fhir

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRefusals(t *testing.T) {
	g := newGate(t, Limits{Resource: 600, Bundle: 2000, Entries: 2})
	big := `{"resourceType":"Basic","x":"` + strings.Repeat("x", 600) + `"}`
	g.run(t, []exchange{
		{name: "no token", do: "GET /Patient/p1", actor: "-", status: 401, has: []string{"Www-Authenticate: Bearer", `"code":"login"`}, entries: []string{"refuse 401"}},
		{name: "no right", do: "GET /Patient/p1", actor: "mallory", status: 403, entries: []string{"refuse 403"}},
		{name: "unknown type", do: "GET /Patiently/p1", status: 404, entries: []string{"refuse 404"}},
		{name: "unknown operation", do: "GET /Patient/$everything", status: 404, has: []string{"not-supported"}},
		{name: "unknown path", do: "GET /a/b/c/d/e", status: 404},
		{name: "not JSON", do: "POST /Patient", body: "{\n \"resourceType\":\"Patient\",\n \"name\":[{\"given\":[x]}]}", status: 400,
			has:     []string{`"code":"structure"`, `"expression":["Patient.name[0].given[0]"]`, `operationoutcome-issue-line","valueInteger":3`, `operationoutcome-issue-col","valueInteger":20`},
			entries: []string{"refuse 400"}},
		{name: "a name twice", do: "POST /Patient", body: `{"resourceType":"Patient","id":"a","id":"b"}`, status: 400, has: []string{"Patient.id"}},
		{name: "too deep", do: "POST /Patient", body: `{"resourceType":"Patient","x":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `}`, status: 400, has: []string{"nested deeper"}},
		{name: "too large", do: "POST /Basic", body: big, status: 413, has: []string{"too-long"}, entries: []string{"refuse 413"}},
		{name: "empty", do: "POST /Patient", status: 400},
		{name: "an array", do: "POST /Patient", body: `[]`, status: 400},
		{name: "no type", do: "POST /Patient", body: `{"id":"x"}`, status: 400, has: []string{`"expression":["resourceType"]`}},
		{name: "unknown resourceType", do: "POST /Patient", body: `{"resourceType":"X"}`, status: 400},
		{name: "another type", do: "POST /Patient", body: `{"resourceType":"Basic"}`, status: 400, has: []string{"Basic.resourceType"}},
		{name: "bad id", do: "PUT /Patient/p1", body: `{"resourceType":"Patient","id":"a b"}`, status: 400, has: []string{"Patient.id"}},
		{name: "another id", do: "PUT /Patient/p1", body: `{"resourceType":"Patient","id":"p2"}`, status: 400},
		{name: "no id", do: "PUT /Patient/p1", body: `{"resourceType":"Patient"}`, status: 400, has: []string{`"code":"required"`, "Patient.id"}},
		{name: "meta", do: "POST /Patient", body: `{"resourceType":"Patient","meta":[]}`, status: 400, has: []string{"Patient.meta"}},
		{name: "meta.versionId", do: "POST /Patient", body: `{"resourceType":"Patient","meta":{"versionId":1}}`, status: 400, has: []string{"Patient.meta.versionId"}},
		{name: "reference", do: "POST /Basic", body: `{"resourceType":"Basic","subject":{"reference":"Patient/a b"}}`, status: 400, has: []string{"Basic.subject.reference"}},
		{name: "reference type", do: "POST /Basic", body: `{"resourceType":"Basic","subject":{"reference":7}}`, status: 400, has: []string{"Basic.subject.reference"}},
		{name: "code", do: "POST /Basic", body: `{"resourceType":"Basic","code":"x"}`, status: 400, has: []string{"Basic.code", "must be an object"}},
		{name: "coding", do: "POST /Observation", body: `{"resourceType":"Observation","code":{"coding":[{"code":7}]}}`, status: 400, has: []string{"Observation.code.coding[0].code"}},
		{name: "date", do: "POST /Observation", body: `{"resourceType":"Observation","effectiveDateTime":"yesterday"}`, status: 400, has: []string{"Observation.effective"}, hasNot: []string{"yesterday"}},
		{name: "If-Match", do: "PUT /Patient/p1", body: patient, header: []string{`If-Match: "x"`}, status: 412},
		{name: "media type", do: "POST /Patient", body: patient, header: []string{"Content-Type: application/fhir+turtle"}, status: 415, entries: []string{"refuse 415"}},
		{name: "UTF-16", do: "POST /Patient", body: patient, header: []string{"Content-Type: application/fhir+json; charset=utf-16"}, status: 415, has: []string{"UTF-8 only"}, entries: []string{"refuse 415"}},
		{name: "Latin-1", do: "PUT /Patient/p1", body: patient, header: []string{`Content-Type: application/json;charset="ISO-8859-1"`}, status: 415, has: []string{"UTF-8 only"}},
		{name: "a form in UTF-16", do: "POST /Patient/_search", body: "_id=1", header: []string{"Content-Type: application/x-www-form-urlencoded; charset=utf-16"}, status: 415, has: []string{"UTF-8 only"}},
		{name: "compressed otherwise", do: "POST /Patient", body: patient, header: []string{"Content-Encoding: deflate"}, status: 415, has: []string{"Accept-Encoding: zstd, gzip"}},
		{name: "Turtle wanted", do: "GET /Patient/p1", header: []string{"Accept: text/turtle"}, status: 406},
		{name: "Turtle by _format", do: "GET /Patient/p1?_format=ttl", status: 406},
		{name: "not wanted", do: "GET /Patient/p1", header: []string{"Accept: application/fhir+xml;q=0, application/json;q=0"}, status: 406},
		{name: "another FHIR", do: "GET /Patient/p1", header: []string{"Accept: application/fhir+json; fhirVersion=5.0"}, status: 406},
		{name: "browser", do: "GET /metadata", header: []string{"Accept: text/html,*/*;q=0.8"}, actor: "-", status: 200},
		{name: "patch", do: "PATCH /Patient/p1", body: `[]`, header: []string{"Content-Type: application/merge-patch+json"}, status: 415, has: []string{"Accept-Patch: application/json-patch+json"}, entries: []string{"refuse 415"}},
		{name: "patch of a type", do: "PATCH /Patient", body: `[]`, status: 405, has: []string{"Allow: "}},
		{name: "patch of an AuditEvent", do: "PATCH /AuditEvent/x", body: `[]`, status: 405, has: []string{"Allow: "}},
		{name: "delete of all", do: "DELETE /Patient", status: 405, has: []string{"Allow: GET, HEAD, POST"}},
		{name: "delete by nothing", do: "DELETE /Patient?_format=json", status: 400},
		{name: "delete by what is not known", do: "DELETE /Patient?shoe=7", status: 400},

		{name: "version 0", do: "GET /Patient/p1/_history/0", status: 404},
		{name: "parameter of a read", do: "GET /Patient/p1?_sort=_id", status: 400},
		{name: "not a Bundle", do: "POST /", body: patient, status: 400},
		{name: "a collection", do: "POST /", body: `{"resourceType":"Bundle","type":"collection"}`, status: 400, has: []string{"Bundle.type"}},
		{name: "too many entries", do: "POST /", body: `{"resourceType":"Bundle","type":"batch","entry":[{},{},{}]}`, status: 413},
		{name: "audit is not written", do: "POST /AuditEvent", body: `{"resourceType":"AuditEvent"}`, status: 405},
		{name: "nor changed", do: "PUT /AuditEvent/e0", body: `{"resourceType":"AuditEvent","id":"e0"}`, status: 405},
		{name: "nor deleted", do: "DELETE /AuditEvent/e0", status: 405},
		{name: "nor versioned", do: "GET /AuditEvent/e0/_history", status: 404},
	})
	if len(g.store.resources) != 0 {
		t.Errorf("%d resources were stored", len(g.store.resources))
	}
	g.store.stopped = true
	g.run(t, []exchange{
		{name: "stopped", do: "PUT /Patient/p1", body: patient, status: 503, has: []string{"Retry-After: ", "transient"}, entries: []string{}},
		{name: "stopped read", do: "GET /Patient/p1", status: 503},
	})
}

// TestAsked: what is refused says what is wrong with it, and what is allowed is not refused.
func TestAsked(t *testing.T) {
	g := newGate(t, Limits{})
	names := `{"resourceType":"Patient","name":[` + strings.Repeat(`{"family":"a"},`, maxTerms/2) + `{"family":"b"}]}`
	dangling := `{"resourceType":"Basic","subject":{"reference":"urn:uuid:a9fcc685-c7a2-4474-bf25-26c8fe4b48f9"}}`
	g.run(t, []exchange{
		{do: "PUT /Patient/p1", body: patient, status: 201},
		{name: "an empty Accept", do: "GET /Patient/p1", header: []string{"Accept: "}, status: 200, has: []string{"Content-Type: application/fhir+json"}},
		{name: "an Accept of empty elements", do: "GET /Patient/p1", header: []string{"Accept: , application/fhir+xml,"}, status: 200, has: []string{"Content-Type: application/fhir+xml"}},
		{name: "FHIR of another version", do: "POST /Patient", body: patient, header: []string{"Content-Type: application/fhir+json; fhirVersion=3.0"}, status: 415, has: []string{"fhirVersion=4.0"}},
		{name: "a format twice", do: "GET /Patient?_format=json&_format=xml", status: 400, has: []string{"_format is given twice"}},
		{name: "a format twice, where nothing else is asked", do: "GET /metadata?_format=json&_format=xml", actor: "-", status: 400, has: []string{"_format is given twice"}},
		{name: "a format twice, and the same", do: "GET /Patient/p1?_format=xml&_format=xml", status: 200, has: []string{"Content-Type: application/fhir+xml"}},
		{name: "no UTF-8", do: "GET /Patient?name=%FF", status: 400, has: []string{"UTF-8"}},
		{name: "a search", do: "GET /Patient?shoe=7", status: 400, has: []string{"handling=lenient"}},
		{name: "criteria", do: "PUT /Patient?shoe=7", body: patient, status: 400, has: []string{"shoe"}, hasNot: []string{"lenient"}},
		{name: "If-None-Exist", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: shoe=7"}, status: 400, hasNot: []string{"lenient"}},
		{name: "since when", do: "GET /Patient/p1/$everything?_since=foo", status: 400, has: []string{"_since must be"}, hasNot: []string{"_lastUpdated"}},
		{name: "all of metadata", do: "GET /metadata?mode=full", actor: "-", status: 200},
		{name: "another mode", do: "GET /metadata?mode=foo", actor: "-", status: 400, has: []string{"mode is"}},
		{name: "more than searches can look at", do: "POST /Patient", body: names, status: 422, has: []string{"too-costly", "65536"}, entries: []string{"refuse 422"}},
		{name: "a batch", do: "POST /", body: bundleOf("batch", entryOf("", "POST", "Patient/$validate", `{"resourceType":"Patient","gender":"x"}`), entryOf("", "POST", "Basic", dangling)),
			status: 200, has: []string{`"OperationOutcome","issue":[{`, "code-invalid", `"status":"200 OK"`, `"status":"422 Unprocessable Entity"`, "names no entry"}, entries: []string{"refuse 422", "refuse 200"}},
		{name: "a batch that has nothing checked", do: "POST /", body: bundleOf("batch", entryOf("", "POST", "Patient/$validate", "")),
			status: 200, has: []string{`"status":"400 Bad Request"`}, entries: []string{"refuse 400"}},
	})
	if len(g.store.resources) != 1 {
		t.Errorf("%d resources are stored", len(g.store.resources))
	}
}

// TestStrangersCannotFillTheRecord floods the gate without a token and stops: the record has some of it, and the number of the rest.
func TestStrangersCannotFillTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Limits{})
		for range 100 {
			if w := g.send(&exchange{do: "GET /Patient/x", actor: "-"}); w.Code != 401 {
				t.Fatal(w.Code)
			}
		}
		if n := len(g.store.entries); n != strangersBurst {
			t.Errorf("%d entries", n)
		}
		time.Sleep(2 * strangersTold)
		if n := len(g.store.entries); n != strangersBurst+1 {
			t.Fatalf("%d entries a minute later", n)
		}
		if e := g.store.entries[strangersBurst].Entry; e.Outcome != 401 || e.Detail != "80 more requests in 1m0s" || e.Request == [16]byte{} {
			t.Errorf("the last says %+v", e)
		}
	})
}

func TestAdmission(t *testing.T) {
	g := newGate(t, Limits{Requests: 1, Admission: 5 * time.Millisecond})
	other, err := g.admission.enter(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	g.run(t, []exchange{{name: "busy", do: "GET /Patient/p1", status: 503, has: []string{"throttled", "Retry-After: 2"}, entries: []string{}}})
	other.leave()
	g.run(t, []exchange{{name: "free again", do: "GET /Patient/p1", status: 404}})
	if g.admission.requests.free != 1 || g.admission.bytes.free != g.Limits.Bodies || len(g.admission.shares) != 0 {
		t.Error("a budget was not given back")
	}
}
