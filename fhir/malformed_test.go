package fhir

import (
	"strings"
	"testing"
)

// refusals are the rows of "What malformed things get" in docs/fhir.md, in their order, but for cursors: see TestPagesBothWays. Each stores nothing.
var refusals = []exchange{
	{do: "POST /Patient", body: `no JSON`, status: 400, has: []string{`"severity":"fatal"`, `"code":"structure"`}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","language":"en}`, status: 400, has: []string{`"severity":"fatal"`}},
	{do: "POST /Patient", body: "{\"resourceType\":\"Patient\",\"language\":\"\xff\"}", status: 400, has: []string{`"severity":"fatal"`}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","active":true,"active":true}`, status: 400, has: []string{`"severity":"fatal"`}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","multipleBirthInteger":NaN}`, status: 400, has: []string{`"severity":"fatal"`}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","multipleBirthInteger":01}`, status: 400, has: []string{`"severity":"fatal"`}},
	{do: "POST /Patient", body: strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), status: 400, has: []string{`"severity":"fatal"`}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","colour":"blue"}`, status: 400, has: []string{"Patient.colour"}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","active":"true"}`, status: 400, has: []string{"Patient.active"}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","name":[]}`, status: 400, has: []string{"Patient.name"}},
	{do: "POST /Patient", body: `{"resourceType":"Patient","birthDate":"yesterday"}`, status: 400, has: []string{"Patient.birthDate"}, hasNot: []string{"yesterday"}},
	{do: "POST /Patient", body: `{"active":true}`, status: 400},
	{do: "POST /Patient", body: `{"resourceType":"Person"}`, status: 400},
	{do: "PUT /Patient/p9", body: `{"resourceType":"Patient"}`, status: 400},
	{do: "PUT /Patient/p9", body: `{"resourceType":"Patient","id":"p8"}`, status: 400},
	{do: "POST /Basic", body: `{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"no reference"}}`, status: 400, has: []string{"Basic.subject.reference"}},
	{do: "POST /", body: transactionOf(`{"resource":{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"urn:uuid:0193f1a2-7c00-7001-8000-00ff00000000"}},"request":{"method":"POST","url":"Basic"}}`), status: 422, has: []string{"not-found"}},
	{do: "POST /Basic", body: `{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"Patient?identifier=nobody"}}`, status: 422, has: []string{"not-found"}},
	{do: "POST /Basic", body: `{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"Patient?family=twin"}}`, status: 412, has: []string{"multiple-matches"}},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"If-None-Exist: family=twin"}, status: 412, has: []string{"multiple-matches"}},
	{do: "PUT /Patient?family=twin", body: `{"resourceType":"Patient"}`, status: 412, has: []string{"multiple-matches"}},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"If-None-Exist: _count=1"}, status: 400},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"If-None-Exist: nonsense=1"}, status: 400},
	{do: "PUT /Patient/t1", body: `{"resourceType":"Patient","id":"t1"}`, header: []string{"If-None-Exist: _id=t1"}, status: 400},
	{do: "PUT /Patient/t1", body: `{"resourceType":"Patient","id":"t1"}`, header: []string{"If-Match: one"}, status: 412},
	{do: "PUT /Patient?_id=t1", body: `{"resourceType":"Patient","id":"t2"}`, status: 400},
	{do: "PUT /Patient/t1", body: `{"resourceType":"Patient","id":"t1"}`, header: []string{"If-None-Match: *"}, status: 412},
	{do: "PUT /Patient/t1", body: `{"resourceType":"Patient","id":"t1"}`, header: []string{`If-Match: W/"7"`}, status: 412},
	{do: "GET /Patient/t1", header: []string{`If-Match: W/"7"`}, status: 412},
	{do: "PUT /Patient", body: `{"resourceType":"Patient"}`, status: 405, has: []string{"Allow: "}},
	{do: "DELETE /Patient", status: 405, has: []string{"Allow: "}},
	{do: "PUT /Patient?family=nobody", body: `{"resourceType":"Patient","id":"t1"}`, status: 409, has: []string{"duplicate"}},
	{do: "GET /Nonsense/1", status: 404},
	{do: "GET /Patient/t1/$nonsense", status: 404},
	{do: "GET /Patient/a_b", status: 404},
	{do: "POST /Parameters", body: `{"resourceType":"Parameters"}`, status: 404},
	{do: "GET /Patient/t1/_history/0", status: 404},
	{do: "POST /", body: transactionOf(`{"request":{"method":"DELETE","url":"Patient/t1"}},{"resource":{"resourceType":"Patient","id":"t1"},"request":{"method":"PUT","url":"Patient/t1"}}`), status: 400, has: []string{"duplicate"}},
	{do: "POST /", body: transactionOf(`{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},{"resource":{"resourceType":"Patient","colour":"blue"},"request":{"method":"POST","url":"Patient"}}`), status: 400, has: []string{"entry[1]"}},
	{do: "POST /", body: `{"resourceType":"Bundle","type":"collection"}`, status: 400},
	{do: "POST /", body: `{"resourceType":"Patient"}`, status: 400},
	{do: "GET /Patient?nonsense=1", status: 400},
	{do: "GET /Patient?family:nonsense=1", status: 400},
	{do: "GET /Patient?birthdate=yesterday", status: 400, hasNot: []string{"yesterday"}},
	{do: "GET /Patient/t1/_history?_since=yesterday", status: 400},
	{do: "GET /Patient/t1/_history?name=x", status: 400},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"Content-Type: text/plain"}, status: 415},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"Content-Type: application/fhir+json; charset=latin1"}, status: 415},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"Content-Type: application/fhir+json; fhirVersion=5.0"}, status: 415},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"Content-Encoding: br"}, status: 415},
	{do: "GET /Patient/t1", header: []string{"Accept: image/png"}, status: 406},
	{do: "GET /Patient/t1?_format=ttl", status: 406},
	{do: "POST /Patient", body: `{"resourceType":"Patient"}`, header: []string{"Content-Encoding: gzip"}, status: 400},
	{do: "POST /Patient", body: `{"resourceType":"Patient","language":"` + strings.Repeat("x", 5<<20) + `"}`, status: 413},
}

func transactionOf(entries string) string {
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + entries + `]}`
}

// TestMalformedThings checks what docs/fhir.md says that each gets.
func TestMalformedThings(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/t1", body: `{"resourceType":"Patient","id":"t1","name":[{"family":"Twin"}]}`, status: 201},
		{do: "PUT /Patient/t2", body: `{"resourceType":"Patient","id":"t2","name":[{"family":"Twin"}]}`, status: 201},
	})
	for i := range refusals {
		refusals[i].name = strings.TrimSpace(refusals[i].do + " " + refusals[i].body[:min(len(refusals[i].body), 60)])
		refusals[i].has = append(refusals[i].has, `"resourceType":"OperationOutcome"`)
	}
	g.run(t, refusals)
	g.run(t, []exchange{
		{name: "nothing was stored", do: "GET /Patient?_summary=count", status: 200, has: []string{`"total":2`}},
		{name: "nothing was stored", do: "GET /Basic?_summary=count", status: 200, has: []string{`"total":0`}},
		{name: "nothing was changed", do: "GET /Patient/t1", status: 200, has: []string{`Etag: W/"1"`}},
		{name: "a batch goes on", do: "POST /", status: 200, has: []string{"400 Bad Request", "201 Created", "OperationOutcome"},
			body: strings.Replace(transactionOf(`{"resource":{"resourceType":"Patient","colour":"blue"},"request":{"method":"POST","url":"Patient"}},{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`), "transaction", "batch", 1)},
	})
}
