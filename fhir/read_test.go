package fhir

import "testing"

// TestReadsInPart: _summary and _elements go with reads as with searches (FHIR R4, 3.1.0.1.5), and the entry is that of a read.
func TestReadsInPart(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/a", body: `{"resourceType":"Patient","id":"a","name":[{"family":"Rushd"}],"gender":"male","photo":[{"title":"p"}]}`, status: 201},
		{do: "GET /Patient/a?_elements=gender", status: 200, has: []string{`"gender":"male"`, `SUBSETTED`}, hasNot: []string{"Rushd", "photo"}},
		{do: "GET /Patient/a/_history/1?_summary=true", status: 200, has: []string{"Rushd", `SUBSETTED`}, hasNot: []string{"photo"}},
		{do: "GET /Patient/a?_summary=false", status: 200, has: []string{"Rushd", "photo"}, hasNot: []string{"SUBSETTED"}},
		{do: "GET /Patient/a?_elements=gender&_format=xml", status: 200, has: []string{`<gender value="male"/>`}, hasNot: []string{"Rushd"}},
		{do: "GET /Patient/a?_summary=count", status: 400},
		{do: "GET /Patient/a?_summary=some", status: 400},
		{do: "GET /Patient/a?_elements=nothing", status: 400},
		{do: "GET /Patient/a?_elements=gender&name=x", status: 400},
	})
}
