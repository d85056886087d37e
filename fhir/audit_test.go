package fhir

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/record"
)

func TestAuditEvents(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/p1", body: patient, status: 201},
		{do: "PUT /Observation/o1", body: observation, status: 201},
		{do: "GET /Observation/o1", actor: "Practitioner/dr", status: 200},
		{do: "GET /Observation?patient=p1", status: 200},
		{do: "GET /Observation/o1", actor: "mallory", status: 403},
		{do: "GET /AuditEvent?patient=Patient/p1", actor: "auditor", status: 200,
			has: []string{
				`"resourceType":"AuditEvent","id":"e2"`, `"subtype":[{"system":"http://hl7.org/fhir/restful-interaction","code":"read"`, `"action":"R"`,
				`"who":{"reference":"Practitioner/dr"}`, `"code":"110153"`, `"requestor":true`, `"purposeOfUse":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]`,
				`{"what":{"reference":"Patient/p1"},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1","display":"Person"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1","display":"Patient"}}`,
				`"what":{"reference":"Observation/o1/_history/1"}`, `"query":"R0VUIE9ic2VydmF0aW9uP3BhdGllbnQ9cDE="`, `"code":"search-type"`, `"action":"C"`, `"code":"AUT"`,
				`"observer":{"identifier":{"system":"https://sijil.health/fhir/organisation"`, `"outcome":"0"`, `"code":"XrequestId"`, `{"url":"block","valueDecimal":3}`,
			},
			entries: []string{"history of Patient/p1"}},
		{name: "refusals", do: "GET /AuditEvent?action=E", status: 200, has: []string{`"outcome":"4"`, `"outcomeDesc":"403 Forbidden"`, `"name":"mallory"`, `"code":"read"`}},
		{name: "by action", do: "GET /AuditEvent?patient=p1&action=C,U", status: 200, has: []string{`"action":"C"`}, hasNot: []string{`"action":"R"`}},
		{name: "by agent", do: "GET /AuditEvent?patient=p1&agent=auditor", status: 200, hasNot: []string{"Practitioner/dr"}},
		{name: "by entity", do: "GET /AuditEvent?patient=p1&entity=Patient/p1", status: 200, has: []string{`"id":"e0"`}, hasNot: []string{`"id":"e1"`}},
		{name: "by date", do: "GET /AuditEvent?patient=p1&date=lt2020", status: 200, hasNot: []string{`"entry"`}},
		{name: "first page", do: "GET /AuditEvent?patient=p1&_count=2", status: 200, has: []string{`"relation":"next","url":"http://h.example/fhir/AuditEvent?patient=p1&_count=2&_cursor=`}},
		{name: "by form", do: "POST /AuditEvent/_search", body: "patient=p1", header: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 200, has: []string{`"id":"e0"`}},
		{do: "GET /AuditEvent/e0", status: 200, has: []string{`"resourceType":"AuditEvent","id":"e0"`}, entries: []string{"read of Patient/p1"}},
		{do: "GET /AuditEvent/e0/$receipt", status: 200, has: []string{"Content-Type: application/json"}},
		{do: "GET /AuditEvent/none", status: 404, entries: []string{"refuse 404"}},
		{name: "unknown parameter", do: "GET /AuditEvent?policy=x", status: 400},
		{name: "unknown, lenient", do: "GET /AuditEvent?policy=x", header: []string{"Prefer: handling=lenient"}, status: 200, has: []string{"passed over: policy"}},
		{name: "two patients", do: "GET /AuditEvent?patient=p1,p2", status: 400},
		{name: "no patient", do: "GET /AuditEvent?patient=Group/1", status: 400},
		{name: "bad action", do: "GET /AuditEvent?action=X", status: 400},
		{name: "bad date", do: "GET /AuditEvent?date=X", status: 400},
		{name: "two dates in one", do: "GET /AuditEvent?date=2020,2021", status: 400},
	})
}

// TestATokensEntrySaysWhoseItIs: the AuditEvent of a token that was handed out, and of a request without one.
func TestATokensEntrySaysWhoseItIs(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	if err := g.Store.(*record.Store).Minted(t.Context(), "Practitioner/amal", "clinician", "TREAT"); err != nil {
		t.Fatal(err)
	}
	g.send(&exchange{do: "GET /Patient/p1", actor: "-"})
	seen := string(g.get(t, "/AuditEvent", "auditor", http.StatusOK))
	for _, want := range []string{`"description":"token for Practitioner/amal, clinician, TREAT"`, `"who":{"display":"unknown"},"requestor":true`} {
		if !strings.Contains(seen, want) {
			t.Errorf("without %s: %s", want, seen)
		}
	}
}

// TestRefusalsNameWhatWasAsked refuses each interaction and reads from the ledger which it was.
func TestRefusalsNameWhatWasAsked(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	for _, c := range []struct{ do, actor, body, want string }{
		{"GET /Patient/p1", "mallory", "", "read"},
		{"HEAD /Patient/p1", "mallory", "", "read"},
		{"GET /Patient/p1/_history/1", "mallory", "", "vread"},
		{"GET /Patient/p1/_history", "mallory", "", "history-instance"},
		{"GET /Patient/_history", "mallory", "", "history-type"},
		{"GET /_history", "mallory", "", "history-system"},
		{"GET /Patient", "mallory", "", "search search-type"},
		{"GET /Patient?name=x", "mallory", "", "search search-type"},
		{"POST /Patient/_search", "mallory", "", "search search-type"},
		{"GET /AuditEvent?patient=Patient/p1", "", "", "search search-type"},
		{"GET /AuditEvent", "", "", "search search-type"},
		{"GET /AuditEvent/0100000000000000-0", "", "", "read"},
		{"GET /AuditEvent/0100000000000000-0/$receipt", "", "", "operation"},
		{"POST /Patient", "mallory", patient, "create"},
		{"PUT /Patient/p1", "mallory", patient, "update"},
		{"PUT /Patient?identifier=x", "mallory", patient, "update"},
		{"PATCH /Patient/p1", "", "[]", "patch"},
		{"DELETE /Patient/p1", "mallory", "", "delete"},
		{"DELETE /Patient?identifier=x", "mallory", "", "delete"},
		{"GET /Patient/p1/$everything", "", "", "operation"},
		{"GET /Patient/$match", "", "", "operation"},
		{"POST /", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/none"}}]}`, "transaction"},
		{"POST /Patient/p1", "", patient, ""},
		{"GET /Patiently/p1", "", "", ""},
		{"GET /metadata/x/_history", "", "", ""},
	} {
		w := g.send(&exchange{do: c.do, actor: c.actor, body: c.body})
		if w.Code < http.StatusBadRequest {
			t.Errorf("%s: %d", c.do, w.Code)
			continue
		}
		got := g.entriesOf(t, w.Header().Get("X-Request-Id"))
		if len(got) != 1 {
			t.Errorf("%s: entries %q", c.do, got)
			continue
		}
		words := strings.Fields(got[0][:strings.Index(got[0], " <")])
		if said := strings.Join(slices.DeleteFunc(words, func(s string) bool { return strings.HasPrefix(s, "4") || strings.HasSuffix(s, ":") }), " "); said != c.want {
			t.Errorf("%s: the entry says %q, want %q", c.do, said, c.want)
		}
	}
}
