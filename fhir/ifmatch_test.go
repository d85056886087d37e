package fhir

import "testing"

// TestIfMatch: any version, or one of several (RFC 9110, section 13.1.1).
func TestIfMatch(t *testing.T) {
	g := newGate(t, Limits{})
	condition := func(value string) []string { return []string{"If-Match: " + value} }
	in := func(value string) string { return `"ifMatch":"` + value + `"` }
	patched := []string{"Content-Type: application/json-patch+json", "If-Match: *"}
	g.run(t, []exchange{
		{name: "any, and there is none", do: "PUT /Patient/p1", body: patient, header: condition("*"), status: 412, has: []string{"conflict"}, entries: []string{"refuse 412"}},
		{name: "several, and there is none", do: "PUT /Patient/p1", body: patient, header: condition(`W/"1", W/"2"`), status: 412},
		{do: "PUT /Patient/p1", body: patient, status: 201},
		{name: "any", do: "PUT /Patient/p1", body: patient, header: condition("*"), status: 200, has: []string{`Etag: W/"2"`}},
		{name: "several", do: "PUT /Patient/p1", body: patient, header: condition(`W/"7" ,, "2"`), status: 200, has: []string{`Etag: W/"3"`}},
		{name: "one that is nobody's among them", do: "PUT /Patient/p1", body: patient, header: condition(`"x", W/"3"`), status: 200, has: []string{`Etag: W/"4"`}},
		{name: "others", do: "PUT /Patient/p1", body: patient, header: condition(`W/"1", W/"2"`), status: 412, has: []string{"conflict"}},
		{name: "none of them closed", do: "PUT /Patient/p1", body: patient, header: condition(`W/"4", "`), status: 412, has: []string{`"value"`}},
		{name: "no list", do: "PUT /Patient/p1", body: patient, header: condition(`, ,`), status: 412, has: []string{`"value"`}},
		{name: "a read", do: "GET /Patient/p1", header: condition(`W/"1", W/"4"`), status: 200},
		{name: "a read of any", do: "GET /Patient/p1", header: condition("*"), status: 200},
		{name: "a read of others", do: "GET /Patient/p1", header: condition(`W/"1", W/"2"`), status: 412},
		{name: "a patch", do: "PATCH /Patient/p1", body: `[{"op":"add","path":"/active","value":true}]`, header: patched, status: 200, has: []string{`Etag: W/"5"`}},
		{name: "criteria", do: "PUT /Patient?_id=p1", body: patient, header: condition(`W/"1", W/"5"`), status: 200, has: []string{`Etag: W/"6"`}},
		{name: "criteria that match none", do: "PUT /Patient?_id=p2", body: person("p2", "2"), header: condition("*"), status: 412},
		{name: "a transaction", do: "POST /", body: bundleOf("transaction", entryOf("", "PUT", "Patient/p1", patient, in("*"))), status: 200, has: []string{`"etag":"W/\"7\""`}},
		{name: "with criteria that match none", do: "POST /", body: bundleOf("transaction", entryOf("", "PUT", "Patient?_id=p2", person("p2", "2"), in("*"))), status: 412},
		{name: "a delete of others", do: "DELETE /Patient/p1", header: condition(`W/"1", W/"2"`), status: 412},
		{name: "a delete", do: "DELETE /Patient/p1", header: condition(`*`), status: 204, has: []string{`Etag: W/"8"`}},
		{name: "a delete of nothing", do: "DELETE /Patient/p1", header: condition(`*`), status: 412},
		{name: "what is deleted is not there", do: "PUT /Patient/p1", body: patient, header: condition("*"), status: 412},
	})
}
