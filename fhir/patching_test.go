package fhir

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const (
	jsonPatchType = "Content-Type: application/json-patch+json"
	xmlPatchType  = "Content-Type: application/xml-patch+xml"
	fhirXMLType   = "Content-Type: application/fhir+xml"

	inactive = `[{"op":"test","path":"/active","value":true},{"op":"replace","path":"/active","value":false}]`
	byPath   = `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.active"},{"name":"value","valueBoolean":false}]}]}`
	byXML    = `<diff><replace sel="f:Patient/f:active/@value">false</replace></diff>`
)

const byPathXML = `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="replace"/></part>` +
	`<part><name value="path"/><valueString value="Patient.active"/></part><part><name value="value"/><valueBoolean value="false"/></part></parameter></Parameters>`

// Every form of a patch makes a version as an update does, and leaves the entries of a look and of an update.
func TestPatch(t *testing.T) {
	for _, c := range []struct{ name, header, body string }{
		{"JSON Patch", jsonPatchType, inactive},
		{"FHIRPath Patch", "Content-Type: application/fhir+json", byPath},
		{"FHIRPath Patch in XML", fhirXMLType, byPathXML},
		{"FHIRPath Patch in text/xml", "Content-Type: text/xml", byPathXML},
		{"XML Patch", xmlPatchType, byXML},
		{"XML Patch in application/xml", "Content-Type: application/xml", byXML},
	} {
		g := newGate(t, Limits{})
		accept := []string{c.header, "Accept: application/json"}
		g.run(t, []exchange{
			{do: "PUT /Patient/p1", body: patient, status: 201},
			{name: c.name, do: "PATCH /Patient/p1", body: c.body, header: accept, status: 200,
				has:     []string{`"active":false`, `"versionId":"2"`, `Etag: W/"2"`, "Location: http://h.example/fhir/Patient/p1/_history/2", `"value":"7"`},
				entries: []string{"read of Patient/p1 Patient/p1/1", "update of Patient/p1 Patient/p1/2"}},
			{name: c.name + " kept", do: "GET /Patient/p1", status: 200, has: []string{`"active":false`}},
			{name: c.name + " of another version", do: "PATCH /Patient/p1", body: c.body, header: append(accept, `If-Match: W/"1"`), status: 412, has: []string{"conflict"}},
			{name: c.name + " of nothing", do: "PATCH /Patient/none", body: c.body, header: accept, status: 404},
			{name: c.name + " of what is deleted", do: "DELETE /Patient/p1", status: 204},
			{name: c.name + " of what is deleted", do: "PATCH /Patient/p1", body: c.body, header: accept, status: 410},
		})
	}
}

// What a patch may not do is refused, nothing is stored, and no content is repeated.
func TestPatchRefused(t *testing.T) {
	g := newGate(t, Limits{Resource: 4096})
	g.run(t, []exchange{{do: "PUT /Patient/p1", body: patient, status: 201}})
	for _, c := range []struct {
		name, header, body string
		status             int
		has                string
	}{
		{"a test that fails", jsonPatchType, `[{"op":"test","path":"/active","value":false}]`, 409, "operation 0"},
		{"a place that is not there", jsonPatchType, `[{"op":"remove","path":"/gender"}]`, 422, "operation 0"},
		{"malformed", jsonPatchType, `[{"op":"remove"}]`, 400, "malformed"},
		{"no JSON", jsonPatchType, `[`, 400, "well-formed"},
		{"no XML", xmlPatchType, `<diff`, 400, "well-formed"},
		{"a document type", xmlPatchType, `<!DOCTYPE diff [<!ENTITY x SYSTEM "file:///etc/passwd">]><diff>&x;</diff>`, 400, "document type"},
		{"no Parameters", "Content-Type: application/fhir+json", patient, 400, "Parameters"},
		{"no resource", fhirXMLType, `<diff/>`, 400, "resource"},
		{"the id", jsonPatchType, `[{"op":"replace","path":"/id","value":"p2"}]`, 422, "id of the resource"},
		{"no id", jsonPatchType, `[{"op":"remove","path":"/id"}]`, 422, "id of the resource"},
		{"the type", jsonPatchType, `[{"op":"replace","path":"","value":{"resourceType":"Basic","id":"p1"}}]`, 422, "type of the resource"},
		{"an unknown element", jsonPatchType, `[{"op":"add","path":"/shoe","value":7}]`, 422, `"expression":["Patient.shoe"]`},
		{"a wrong value", jsonPatchType, `[{"op":"replace","path":"/active","value":"secret"}]`, 422, "Patient.active"},
		{"no object", jsonPatchType, `[{"op":"replace","path":"","value":7}]`, 422, "patch makes"},
		{"too large", jsonPatchType, `[{"op":"add","path":"/language","value":"` + strings.Repeat("x", 3000) + `"},{"op":"copy","from":"/language","path":"/implicitRules"}]`, 413, "4096"},
		{"XML in the answer", xmlPatchType, `<diff><add sel="f:Patient"><shoe value="7"/></add></diff>`, 422, "Patient.shoe"},
	} {
		g.run(t, []exchange{{name: c.name, do: "PATCH /Patient/p1", body: c.body, header: []string{c.header, "Accept: application/json"}, status: c.status, has: []string{c.has}, hasNot: []string{"secret"}}})
	}
	g.run(t, []exchange{
		{do: "GET /Patient/p1", status: 200, has: []string{`"versionId":"1"`}},
		{name: "who may not write", do: "PATCH /Patient/p1", body: inactive, header: []string{jsonPatchType}, actor: "auditor", status: 403, entries: []string{"refuse 403"}},
		{name: "nobody", do: "PATCH /Patient/p1", body: inactive, header: []string{jsonPatchType}, actor: "-", status: 401},
	})
}

func TestConditionalPatch(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/p1", body: patient, status: 201},
		{do: "PUT /Patient/p2", body: person("p2", "8"), status: 201},
		{do: "PUT /Patient/p3", body: person("p3", "8"), status: 201},
		{name: "one", do: "PATCH /Patient?identifier=http://h|7", body: inactive, header: []string{jsonPatchType}, status: 200, has: []string{`"active":false`, "Patient/p1/_history/2"},
			entries: []string{"search of Patient/p1 Patient/p1/1", "read of Patient/p1 Patient/p1/1", "update of Patient/p1 Patient/p1/2"}},
		{name: "several", do: "PATCH /Patient?identifier=http://h|8", body: inactive, header: []string{jsonPatchType}, status: 412},
		{name: "none", do: "PATCH /Patient?identifier=http://h|9", body: inactive, header: []string{jsonPatchType}, status: 404},
		{name: "another version", do: "PATCH /Patient?identifier=http://h|7", body: inactive, header: []string{jsonPatchType, `If-Match: W/"1"`}, status: 412},
		{name: "its type", do: "PATCH /Patient", body: inactive, header: []string{jsonPatchType}, status: 405},
	})
}

func patchIn(contentType, patch string) string {
	return `{"resourceType":"Binary","contentType":"` + contentType + `","data":"` + base64.StdEncoding.EncodeToString([]byte(patch)) + `"}`
}

func TestPatchInBundles(t *testing.T) {
	start := func() *gate {
		g := newGate(t, Limits{})
		g.run(t, []exchange{{do: "PUT /Patient/p1", body: patient, status: 201}, {do: "PUT /Patient/p2", body: person("p2", "8"), status: 201}})
		return g
	}
	g := start()
	g.run(t, []exchange{
		{name: "transaction", do: "POST /", body: bundleOf("transaction",
			entryOf("", "GET", "Patient/p1", ""),
			entryOf("", "PATCH", "Patient/p1", patchIn("application/json-patch+json", inactive), `"ifMatch":"W/\"1\""`),
			entryOf("", "PATCH", "Patient?identifier=http://h|8", byPathAdd),
			entryOf(urnVisit, "POST", "Encounter", `{"resourceType":"Encounter","status":"planned","class":{"code":"AMB"}}`)),
			status: 200, has: []string{`"location":"Patient/p1/_history/2"`, `"location":"Patient/p2/_history/2"`, `"active":false`}},
		{do: "GET /Patient/p2", status: 200, has: []string{`"gender":"female"`}},
		{name: "batch", do: "POST /", body: bundleOf("batch",
			entryOf("", "PATCH", "Patient/p1", patchIn("application/xml-patch+xml", `<diff><replace sel="f:Patient/f:active/@value">true</replace></diff>`)),
			entryOf("", "PATCH", "Patient/p2", patchIn("application/json-patch+json", `[{"op":"test","path":"/gender","value":"male"}]`)),
			entryOf("", "PATCH", "Patient/p2", patient),
			entryOf("", "PATCH", "Patient/p2", patchIn("text/plain", `x`)),
			entryOf("", "PATCH", "Patient/p2", patchIn("application/json-patch+json", `[]`), `"ifMatch":"W/\"1\""`)),
			status: 200, has: []string{`"location":"Patient/p1/_history/3"`, `"status":"409 Conflict"`, `"status":"400 Bad Request"`, `"status":"415 Unsupported Media Type"`, `"status":"412 Precondition Failed"`}},
	})
	for name, c := range map[string]struct {
		entries []string
		status  int
	}{
		"a patch that fails":  {[]string{entryOf("", "PATCH", "Patient/p2", patchIn("application/json-patch+json", inactive))}, 409},
		"of nothing":          {[]string{entryOf("", "PATCH", "Patient/none", patchIn("application/json-patch+json", inactive))}, 404},
		"of what nothing is":  {[]string{entryOf("", "PATCH", "Patient?identifier=http://h|9", patchIn("application/json-patch+json", inactive))}, 404},
		"without a patch":     {[]string{entryOf("", "PATCH", "Patient/p2", "")}, 400},
		"no base64":           {[]string{entryOf("", "PATCH", "Patient/p2", `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"-"}`)}, 400},
		"twice":               {[]string{entryOf("", "PATCH", "Patient/p1", patchIn("application/json-patch+json", inactive))}, 400},
		"of another version":  {[]string{entryOf("", "PATCH", "Patient/p2", patchIn("application/json-patch+json", `[]`), `"ifMatch":"W/\"7\""`)}, 412},
		"of the wrong format": {[]string{entryOf("", "PATCH", "Patient/p2", patchIn("text/plain", `x`))}, 415},
	} {
		g := start()
		first := entryOf("", "PATCH", "Patient/p1", patchIn("application/json-patch+json", inactive))
		g.run(t, []exchange{
			{name: name, do: "POST /", body: bundleOf("transaction", append([]string{first}, c.entries...)...), status: c.status},
			{name: name, do: "GET /Patient/p1", status: 200, has: []string{`"versionId":"1"`}},
		})
	}
}

const byPathAdd = `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Patient"},{"name":"name","valueString":"gender"},{"name":"value","valueCode":"female"}]}]}`

// A patch may say what an entry of the same transaction makes.
func TestPatchRefersToWhatIsMade(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/p1", body: patient, status: 201},
		{do: "POST /", body: bundleOf("transaction",
			entryOf("", "PATCH", "Patient/p1", patchIn("application/json-patch+json", `[{"op":"add","path":"/managingOrganization","value":{"reference":"`+urnVisit+`"}}]`)),
			entryOf(urnVisit, "POST", "Organization", `{"resourceType":"Organization","name":"o"}`)), status: 200},
		{do: "GET /Patient/p1", status: 200, has: []string{`"reference":"Organization/`}, hasNot: []string{urnVisit}},
	})
}

// Patches at the same time are all applied, one upon the other.
func TestPatchesTogether(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{{do: "PUT /Patient/p1", body: patient, status: 201}})
	var wait sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range 4 {
		wait.Go(func() {
			w := g.send(&exchange{do: "PATCH /Patient/p1", body: `[{"op":"add","path":"/identifier/-","value":{"value":"x"}}]`, header: []string{jsonPatchType}})
			mu.Lock()
			defer mu.Unlock()
			if w.Code == http.StatusOK {
				done++
			} else if w.Code != http.StatusConflict {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wait.Wait()
	body := g.send(&exchange{do: "GET /Patient/p1"}).Body.String()
	if got := strings.Count(body, `"value":"x"`); got != done || done == 0 {
		t.Errorf("%d of %d are there: %s", got, done, body)
	}
}
