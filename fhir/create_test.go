package fhir

import (
	"strings"
	"testing"
)

func TestCreate(t *testing.T) {
	g := newGate(t, Limits{})
	w := g.send(&exchange{do: "POST /Patient", body: patient})
	location := strings.TrimPrefix(w.Header().Get("Location"), "http://h.example/fhir/Patient/")
	id, _, ok := strings.Cut(location, "/_history/1")
	if w.Code != 201 || !ok || !isID(id) || id == "p1" {
		t.Fatalf("%d, id %q", w.Code, id)
	}
	if want := strings.Replace(patient, `"id":"p1"`, `"id":"`+id+`","meta":{"versionId":"1","lastUpdated":"2026-03-01T12:00:01.000Z"}`, 1); w.Body.String() != want {
		t.Errorf("served %s\nwant %s", w.Body, want)
	}
	g.run(t, []exchange{
		{name: "without id", do: "POST /Basic", body: `{"code":{"text":"x"},"resourceType":"Basic","created":"2020"}`, status: 201, has: []string{`{"code":{"text":"x"},"resourceType":"Basic","id":"`, `"},"created":"2020"}`}},
		{name: "UTF-8", do: "POST /Basic", body: `{"resourceType":"Basic"}`, header: []string{`Content-Type: application/fhir+json; charset="Utf-8"; fhirVersion=4.0`}, status: 201},
		{name: "return=OperationOutcome", do: "POST /Basic", body: `{"resourceType":"Basic"}`, header: []string{"Prefer: return=OperationOutcome"}, status: 201,
			has: []string{`"severity":"information"`}, hasNot: []string{"Content-Location"}},
		{name: "exists", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: identifier=http://h|7"}, status: 200,
			has: []string{"Location: http://h.example/fhir/Patient/" + id + "/_history/1"}, hasNot: []string{"Sijil-Ack"},
			entries: []string{"search of Patient/" + id + " Patient/" + id + "/1", "read of Patient/" + id + " Patient/" + id + "/1"}},
		{name: "exists, and is not asked for", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: identifier=http://h|7", "Prefer: return=minimal"}, status: 200,
			hasNot: []string{"resourceType"}, entries: []string{"search of Patient/" + id + " Patient/" + id + "/1"}},
		{name: "exists, asked with the type", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: Patient?identifier=http://h|7"}, status: 200},
		{name: "exists, asked with the address", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: http://h.example/fhir/Patient?identifier=http://h|7"}, status: 200},
		{name: "exists, spelled otherwise", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: _format=json&%69dentifier=http%3A%2F%2Fh%7C7"}, status: 200},
		{name: "a condition that says nothing", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: Patient?_format=json"}, status: 400},
		{name: "asked elsewhere", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: http://other.example/fhir/Patient?identifier=http://h|7"}, status: 400},
		{name: "asked of another type", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: Person?identifier=http://h|7"}, status: 400},
		{name: "exists, in a transaction", do: "POST /", status: 200, has: []string{"/" + id + "/_history/1"},
			body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + patient + `,"request":{"method":"POST","url":"Patient","ifNoneExist":"?identifier=http://h|7"}}]}`},
		{name: "does not exist", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: identifier=http://h|8"}, status: 201},
		{name: "exists twice", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: identifier=http://h|7"}, status: 412,
			has: []string{"multiple-matches"}},
		{name: "no condition", do: "POST /Patient", body: patient, header: []string{"If-None-Exist: _count=1"}, status: 400},
		{name: "conditional reference", do: "POST /Basic", body: `{"resourceType":"Basic","subject":{"reference":"Patient?identifier=nobody"}}`, status: 422,
			has: []string{`"expression":["Basic.subject.reference"]`, "matches no resource"}},
	})
}
