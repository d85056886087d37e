package search

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

func part(t testing.TB, r Result, source string) string {
	t.Helper()
	var doc tape.Tape
	if err := doc.Parse([]byte(source), bundleLimits); err != nil {
		t.Fatal(err)
	}
	return string(r.AppendPart(nil, doc.Root()))
}

func TestAppendPart(t *testing.T) {
	const tag = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`
	const source = `{"resourceType":"Observation", "id":"1", "text":{"status":"generated","div":"<div/>"}, "status":"final",
	"code": {"text":"Weight" , "coding":[{"code":"c"}]}, "valueQuantity":{"value":1.500}, "note":[{"text":"n"}], "modifierExtension":[{"url":"u"}], "_issued":{"id":"i"},
	"component":[{"code":{"text":"a"},"referenceRange":[{"text":"r"}]},{"referenceRange":[]}]}`
	tests := []struct {
		name string
		r    Result
		want string
	}{
		{"elements", Result{Elements: []string{"value"}},
			`{"resourceType":"Observation","id":"1","status":"final","code":{"text":"Weight" , "coding":[{"code":"c"}]},"valueQuantity":{"value":1.500},"modifierExtension":[{"url":"u"}],"meta":{"tag":[` + tag + `]}}`},
		{"summary", Result{Summary: "true"},
			`{"resourceType":"Observation","id":"1","status":"final","code":{"text":"Weight","coding":[{"code":"c"}]},"valueQuantity":{"value":1.500},"modifierExtension":[{"url":"u"}],"_issued":{"id":"i"},"component":[{"code":{"text":"a"}}],"meta":{"tag":[` + tag + `]}}`},
		{"text", Result{Summary: "text"},
			`{"resourceType":"Observation","id":"1","text":{"status":"generated","div":"<div/>"},"status":"final","code":{"text":"Weight" , "coding":[{"code":"c"}]},"meta":{"tag":[` + tag + `]}}`},
	}
	for _, test := range tests {
		if got := part(t, test.r, source); got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
	if got := part(t, Result{Summary: "data"}, source); bytes.Contains([]byte(got), []byte(`"text":{`)) || !bytes.Contains([]byte(got), []byte(`"note":[{"text":"n"}]`)) {
		t.Errorf("data: %s", got)
	}
}

func TestSubsettedTag(t *testing.T) {
	const tag = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`
	r := Result{Elements: []string{"name"}}
	for _, test := range [][2]string{
		{`{"versionId":"1"}`, `{"versionId":"1","tag":[` + tag + `]}`},
		{`{}`, `{"tag":[` + tag + `]}`},
		{`{"tag":[{"code":"a"}],"x":1}`, `{"tag":[{"code":"a"},` + tag + `],"x":1}`},
		{`{"tag":[],"x":1}`, `{"x":1,"tag":[` + tag + `]}`},
		{`{"tag":[` + tag + `]}`, `{"tag":[` + tag + `]}`},
	} {
		got := part(t, r, `{"resourceType":"Patient","meta":`+test[0]+`}`)
		if want := `{"resourceType":"Patient","meta":` + test[1] + `}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestPartsOfRealResources cuts every published resource each way: it must stay well-formed, and hold nothing that the source has not.
func TestPartsOfRealResources(t *testing.T) {
	for name, root := range eachFile(t, "data/fhir/hl7-r4-examples/*.json", "data/fhir/us-core-examples/*.json") {
		if definition.TypeOf(root.Get("resourceType").Text()) == nil {
			continue
		}
		for _, r := range []Result{{Summary: "true"}, {Summary: "text"}, {Summary: "data"}, {Elements: []string{"identifier", "name"}}} {
			var again tape.Tape
			b := r.AppendPart(nil, root)
			if err := again.Parse(b, bundleLimits); err != nil {
				t.Errorf("%s: %+v: %v", name, r, err)
			}
			if !json.Valid(b) || len(b) > len(root.Raw())+200 {
				t.Errorf("%s: %+v: %d bytes of %d", name, r, len(b), len(root.Raw()))
			}
		}
	}
}

func FuzzAppendPart(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Observation","meta":{"tag":[]},"component":[{},{"code":1}],"_status":null}`))
	f.Fuzz(func(t *testing.T, source []byte) {
		var doc, again tape.Tape
		if doc.Parse(source, tape.Limits{Bytes: 1 << 16}) != nil {
			return
		}
		for _, r := range []Result{{Summary: "true"}, {Summary: "text"}, {Elements: []string{"id"}}} {
			if err := again.Parse(r.AppendPart(nil, doc.Root()), tape.Limits{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
