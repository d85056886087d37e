package fhir

import (
	"strings"
	"testing"
)

// TestConditionsAreKept sends conditions that are misspelt, empty or out of place, and one that forbids to replace: nothing is done without them.
func TestConditionsAreKept(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{{do: "PUT /Patient/p1", body: patient, status: 201}})
	transaction := func(request string) string {
		return `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + patient + `,"request":` + request + `}]}`
	}
	for name, c := range map[string]struct {
		request, element string
		status           int
	}{
		"none that exists":  {`{"method":"PUT","url":"Patient/p1","ifNoneMatch":"*"}`, "Bundle.entry[0]", 412},
		"another than any":  {`{"method":"PUT","url":"Patient/p1","ifNoneMatch":"W/\"1\""}`, "Bundle.entry[0].request.ifNoneMatch", 400},
		"misspelt":          {`{"method":"POST","url":"Patient","ifnoneexist":"identifier=a|b"}`, "Bundle.entry[0].request.ifnoneexist", 400},
		"empty":             {`{"method":"POST","url":"Patient","ifNoneExist":""}`, "Bundle.entry[0].request.ifNoneExist", 400},
		"an empty version":  {`{"method":"PUT","url":"Patient/p1","ifMatch":""}`, "Bundle.entry[0].request.ifMatch", 400},
		"of another method": {`{"method":"PUT","url":"Patient/p1","ifNoneExist":"identifier=a|b"}`, "Bundle.entry[0].request.ifNoneExist", 400},
		"of a create":       {`{"method":"POST","url":"Patient","ifMatch":"W/\"1\""}`, "Bundle.entry[0].request.ifMatch", 400},
	} {
		t.Run(name, func(t *testing.T) {
			g.run(t, []exchange{
				{do: "POST /", body: transaction(c.request), status: c.status, has: []string{`"expression":["` + c.element + `"]`}},
				{do: "POST /", body: strings.Replace(transaction(c.request), `"transaction"`, `"batch"`, 1), status: 200, has: []string{`"status":"4`}},
				{do: "GET /Patient/p1", status: 200, has: []string{`"versionId":"1"`}},
				{do: "GET /Patient?_summary=count", status: 200, has: []string{`"total":1`}},
			})
		})
	}
	for _, bundle := range []string{
		`{"resourceType":"Bundle","type":"batch","entries":[]}`, `{"resourceType":"Bundle","type":"batch","timestamp":"zz"}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/p1"},"reqest":1}]}`,
	} {
		w := g.send(&exchange{do: "POST /", body: bundle})
		if !strings.Contains(w.Body.String(), `"severity":"error"`) {
			t.Errorf("%s: %d %s", bundle, w.Code, w.Body)
		}
	}
	g.run(t, []exchange{{name: "a new one", do: "POST /", status: 200, has: []string{`"status":"201 Created"`},
		body: strings.ReplaceAll(transaction(`{"method":"PUT","url":"Patient/p2","ifNoneMatch":"*"}`), `"id":"p1"`, `"id":"p2"`)}})
}
