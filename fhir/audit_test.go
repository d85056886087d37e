package fhir

import (
	"testing"
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
