package fhir

import "testing"

func TestDiff(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{name: "v1", do: "PUT /Patient/d1", body: `{"resourceType":"Patient","id":"d1","active":true,"name":[{"family":"Hassan"}]}`, status: 201},
		{name: "one version", do: "GET /Patient/d1/$diff", status: 404, has: []string{"no version before the first"}},
		{name: "v2", do: "PUT /Patient/d1", body: `{"resourceType":"Patient","id":"d1","name":[{"family":"Hussein"}],"gender":"male"}`, status: 200},
		{name: "v3", do: "PUT /Patient/d1", body: `{"resourceType":"Patient","id":"d1","name":[{"family":"Hussein"}],"gender":"male"}`, status: 200},
		{name: "the last two", do: "GET /Patient/d1/$diff", status: 200, has: []string{`{"resourceType":"Parameters"}`},
			entries: []string{"read of Patient/d1 Patient/d1/3", "read of Patient/d1 Patient/d1/2"}},
		{name: "from the first", do: "GET /Patient/d1/$diff?fromVersion=1&toVersion=2", status: 200, has: []string{
			`{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.active"}]}`,
			`{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.name[0].family"},{"name":"value","valueString":"Hussein"}`,
			`{"name":"type","valueCode":"add"},{"name":"path","valueString":"Patient"},{"name":"name","valueString":"gender"},{"name":"value","valueCode":"male"}`}},
		{name: "other versions", do: "GET /Patient/d1/$diff?fromVersion=9", status: 404},
		{name: "no version", do: "GET /Patient/d1/$diff?fromVersion=x", status: 400, entries: []string{"refuse 400"}},
		{name: "unknown parameter", do: "GET /Patient/d1/$diff?from=1", status: 400},
		{name: "unknown resource", do: "GET /Patient/nobody/$diff", status: 404},
		{name: "another", do: "PUT /Patient/d2", body: `{"resourceType":"Patient","id":"d2","name":[{"family":"Hussein"}],"gender":"male"}`, status: 201},
		{name: "two resources", do: "GET /$diff?from=Patient/d1/_history/2&to=Patient/d2", status: 200, has: []string{`"valueString":"Patient.id"}`},
			hasNot: []string{"versionId"}, entries: []string{"read of Patient/d1 Patient/d1/2", "read of Patient/d2 Patient/d2/1"}},
		{name: "two types", do: "GET /$diff?from=Patient/d1&to=Basic/d2", status: 400},
		{name: "nothing", do: "GET /$diff", status: 400},
		{name: "a path", do: "GET /$diff?from=Patient/d1/x&to=Patient/d2", status: 400},
	})
}
