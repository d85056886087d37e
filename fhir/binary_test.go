package fhir

import (
	"strings"
	"testing"
)

func TestBinary(t *testing.T) {
	g := newGate(t, Limits{Resource: 4 << 10})
	pdf := "%PDF-1.7\x00\xff\xfe"
	g.run(t, []exchange{
		{do: "PUT /Patient/p1", body: patient, status: 201},
		{name: "content", do: "PUT /Binary/b1", body: pdf, header: []string{"Content-Type: application/pdf", "X-Security-Context: Patient/p1"}, status: 201,
			has:     []string{`"contentType":"application/pdf"`, `"securityContext":{"reference":"Patient/p1"}`, `"data":"JVBERi0xLjcA//4="`, `"versionId":"1"`},
			entries: []string{"create of Patient/p1 Binary/b1/1"}},
		{name: "as a resource", do: "GET /Binary/b1", header: []string{"Accept: application/fhir+json"}, status: 200, has: []string{`"contentType":"application/pdf"`, "application/fhir+json"}, entries: []string{"read of Patient/p1 Binary/b1/1"}},
		{name: "by _format", do: "GET /Binary/b1?_format=json", status: 200, has: []string{`"contentType":"application/pdf"`}},
		{name: "as another type", do: "GET /Binary/b1", header: []string{"Accept: image/png"}, status: 406},
		{name: "by a _format that there is not", do: "GET /Binary/b1?_format=ttl", status: 406},
		{name: "search", do: "GET /Binary?_id=b1", status: 200, has: []string{`"contentType":"application/pdf"`}},
		{name: "JSON that is no Binary", do: "PUT /Binary/b2", body: patient, status: 201, has: []string{`"contentType":"application/fhir+json"`}},
		{name: "of which the resource is asked for", do: "GET /Binary/b2", header: []string{"Accept: application/fhir+json"}, status: 200, has: []string{`"resourceType":"Binary"`}},
		{name: "a Binary", do: "PUT /Binary/b3", body: `{"resourceType":"Binary","id":"b3","contentType":"text/plain","data":"aGk="}`, status: 201},
		{name: "a Binary without data", do: "POST /Binary", body: `{"resourceType":"Binary","contentType":"text/plain"}`, status: 201},
		{name: "of no form", do: "POST /Binary", body: `{"resourceType":"Binary","data":7}`, status: 400, has: []string{"Binary.data"}},
		{name: "broken", do: "POST /Binary", body: `{"resourceType":`, status: 400},
		{name: "no media type", do: "POST /Binary", body: "x", header: []string{"Content-Type: text"}, status: 201}, // a type alone is one to mime
		{name: "no media type at all", do: "POST /Binary", body: "x", header: []string{"Content-Type: ;"}, status: 415},
		{name: "too large", do: "POST /Binary", body: strings.Repeat("x", 4000), header: []string{"Content-Type: text/plain"}, status: 413},
		{name: "unchanged", do: "GET /Binary/b1", header: []string{`If-None-Match: W/"1"`}, status: 304},
		{name: "as a whole history", do: "GET /Binary/b1/_history", status: 200, has: []string{`"type":"history"`}},
		{name: "Parameters", do: "POST /Parameters", body: `{"resourceType":"Parameters"}`, status: 404, entries: []string{"refuse 404"}},
		{name: "Parameters in a Bundle", do: "POST /", body: bundleOf("transaction", entryOf("", "POST", "Parameters", `{"resourceType":"Parameters"}`)), status: 405},
	})
	for path, accept := range map[string]string{"/Binary/b1": "", "/Binary/b1/_history/1": "*/*", "/Binary/b1?": "application/pdf", "/Binary/b1?_pretty=true": "application/*, text/html;q=0.3"} {
		e := exchange{do: "GET " + path}
		if accept != "" {
			e.header = []string{"Accept: " + accept}
		}
		w := g.send(&e)
		if w.Code != 200 || w.Body.String() != pdf || w.Header().Get("Content-Type") != "application/pdf" || w.Header().Get("ETag") != `W/"1"` || w.Header().Get("X-Security-Context") != "Patient/p1" {
			t.Errorf("%s: %d %v %q", path, w.Code, w.Header(), w.Body)
		}
	}
	if w := g.send(&exchange{do: "GET /Binary/b2"}); w.Body.String() != patient {
		t.Errorf("JSON content: %s", w.Body)
	}
	if w := g.send(&exchange{do: "GET /Binary/b3", header: []string{"Accept: text/*"}}); w.Body.String() != "hi" {
		t.Errorf("text: %s", w.Body)
	}
}

func TestOrigins(t *testing.T) {
	g := newGate(t, Limits{})
	ask := exchange{name: "not configured", do: "OPTIONS /Patient", header: []string{"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, actor: "-", status: 401, hasNot: []string{"Access-Control"}}
	g.run(t, []exchange{ask})
	g.Origins = []string{"https://app.example"}
	ask.name, ask.status, ask.hasNot, ask.entries = "configured", 204, nil, []string{}
	ask.has = []string{"Access-Control-Allow-Origin: https://app.example", "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE", "If-None-Exist", "Vary: Origin"}
	g.run(t, []exchange{
		ask,
		{name: "the request itself", do: "PUT /Patient/p1", body: patient, header: []string{"Origin: https://app.example"}, status: 201, has: []string{"Access-Control-Allow-Origin: https://app.example", "Access-Control-Expose-Headers: Content-Location, ETag"}},
		{name: "another origin", do: "GET /Patient/p1", header: []string{"Origin: https://evil.example"}, status: 200, hasNot: []string{"Access-Control"}},
		{name: "no question of a browser", do: "OPTIONS /Patient", header: []string{"Origin: https://app.example"}, status: 405, has: []string{"Allow: "}},
		{do: "GET /metadata", status: 200, has: []string{`"cors":true`}},
	})
}
