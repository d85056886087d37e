package fhir

import (
	"strings"
	"testing"
)

const (
	stated   = `{"resourceType":"Observation","status":"final","code":{"text":"x"}}`
	unstated = `{"resourceType":"Observation","code":{"text":"x"}}`
	backward = `{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectivePeriod":{"start":"2020","end":"2019"}}`
	unknown  = `{"resourceType":"Observation","status":"final","code":{"text":"x"},"colour":"x"}`
)

func posted(typ, body string) string {
	return `{"resourceType":"Bundle","type":"` + typ + `","entry":[{"resource":` + stated + `,"request":{"method":"POST","url":"Observation"}},` +
		`{"resource":` + body + `,"request":{"method":"POST","url":"Observation"}}]}`
}

func TestStrict(t *testing.T) {
	g := newGate(t, Limits{})
	g.Checks = Strict
	g.run(t, []exchange{
		{name: "valid", do: "POST /Observation", body: stated, status: 201},
		{name: "form", do: "POST /Observation", body: unknown, status: 400, has: []string{`"code":"structure"`, `"expression":["Observation.colour"]`}, entries: []string{"refuse 400"}},
		{name: "required", do: "POST /Observation", body: unstated, status: 422, has: []string{`"code":"required"`, `"expression":["Observation.status"]`}, entries: []string{"refuse 422"}},
		{name: "invariant", do: "POST /Observation", body: backward, status: 422,
			has: []string{`"code":"invariant"`, "per-1", `"expression":["Observation.effective"]`, `line","valueInteger":1`}, hasNot: []string{"2019"}, entries: []string{"refuse 422"}},
		{name: "code", do: "POST /Observation", body: strings.Replace(stated, "final", "done", 1), status: 422, has: []string{`"code":"code-invalid"`, `"expression":["Observation.status"]`}, hasNot: []string{"done"}},
		{name: "update", do: "PUT /Observation/o1", body: `{"id":"o1",` + backward[1:], status: 422, entries: []string{"refuse 422"}},
		{name: "transaction", do: "POST /", body: posted("transaction", backward), status: 422, has: []string{`"expression":["Bundle.entry[1].resource.effective"]`}, entries: []string{"refuse 422"}},
		{name: "batch", do: "POST /", body: posted("batch", backward), status: 200, has: []string{`"status":"201 Created"`, `"status":"422 Unprocessable Entity"`, "per-1"}},
	})
}

func TestLenient(t *testing.T) {
	g := newGate(t, Limits{})
	g.Checks = Lenient
	g.run(t, []exchange{
		{name: "form", do: "POST /Observation", body: unknown, status: 400},
		{name: "required", do: "POST /Observation", body: unstated, status: 422, has: []string{`"code":"required"`}},
		{name: "invariant", do: "POST /Observation", body: backward, status: 201, header: []string{"Prefer: return=OperationOutcome"},
			has: []string{`"severity":"warning","code":"invariant"`, "per-1"}, hasNot: []string{`"error"`}},
		{name: "transaction", do: "POST /", body: posted("transaction", backward), status: 200},
	})
}

func TestValidate(t *testing.T) {
	g := newGate(t, Limits{})
	input := func(more string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + backward + `}` + more + `]}`
	}
	looked := []string{"refuse 200"}
	g.run(t, []exchange{
		{name: "valid", do: "POST /Observation/$validate", body: stated, status: 200, has: []string{`"resourceType":"OperationOutcome"`}, hasNot: []string{`"error"`}, entries: looked},
		{name: "invalid", do: "POST /Observation/$validate", body: backward, status: 200, has: []string{`"severity":"error"`, "per-1"}, entries: looked},
		{name: "form", do: "POST /Observation/$validate", body: unknown, status: 200, has: []string{`"expression":["Observation.colour"]`}, entries: looked},
		{name: "another type", do: "POST /Patient/$validate", body: stated, status: 200, has: []string{`"code":"invalid"`}, entries: looked},
		{name: "Parameters", do: "POST /Observation/$validate", body: input(``), status: 200, has: []string{`"expression":["Observation.effective"]`}, entries: looked},
		{name: "update without id", do: "POST /Observation/$validate?mode=update", body: stated, status: 200, has: []string{`"code":"required"`}, entries: looked},
		{name: "update of another", do: "POST /Observation/o1/$validate", body: input(`,{"name":"mode","valueCode":"update"}`), status: 200, has: []string{`"code":"value"`}, entries: looked},
		{name: "unknown profile", do: "POST /Observation/$validate?profile=http://x.example/p", body: stated, status: 200, has: []string{`"code":"not-supported"`, `"error"`}, hasNot: []string{"x.example"}, entries: looked},
		{name: "base profile", do: "POST /Observation/$validate?profile=http://hl7.org/fhir/StructureDefinition/Observation", body: stated, status: 200, hasNot: []string{`"error"`}, entries: looked},
		{name: "mode", do: "POST /Observation/$validate?mode=x", body: stated, status: 400, entries: []string{"refuse 400"}},
		{name: "parameter", do: "POST /Observation/$validate?x=y", body: stated, status: 400},
		{name: "nothing", do: "POST /Observation/$validate", status: 400},
		{name: "no JSON", do: "POST /Observation/$validate", body: `{`, status: 400},
		{name: "no token", do: "POST /Observation/$validate", body: stated, actor: "-", status: 401},
		{name: "not there", do: "GET /Observation/o1/$validate", status: 404},
		{name: "stored", do: "PUT /Observation/o1", body: `{"id":"o1",` + backward[1:], status: 201},
		{name: "of what is stored", do: "GET /Observation/o1/$validate", status: 200, has: []string{"per-1"}, entries: []string{"read Observation/o1/1"}},
		{name: "deletion", do: "POST /Observation/o1/$validate?mode=delete", status: 200, hasNot: []string{`"error"`}, entries: looked},
		{name: "still there", do: "GET /Observation/o1", status: 200},
		{name: "deletion of what is not there", do: "POST /Observation/o2/$validate?mode=delete", status: 404},
	})
}
