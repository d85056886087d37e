package validation

import (
	"fmt"
	"strings"
	"testing"
)

// many are as many as a resource may have of something, in about a mebibyte.
const many = 12_000

// TestManyContained: each of very many contained resources is found by its id, referred to or not, in the time that one reading takes.
func TestManyContained(t *testing.T) {
	for _, c := range []struct {
		contained string // of number n
		refer     func(n int) string
		want      string
	}{
		{`{"resourceType":"Organization","id":"o%d","name":"n"}`, func(n int) string { return fmt.Sprintf("#o%d", n) }, ""},
		{`{"resourceType":"Organization","id":"o%d","name":"n"}`, func(n int) string { return fmt.Sprintf("#o%d", n/2*2) }, "dom-3"},
		{`{"resourceType":"Organization","id":"o%d","name":"n"}`, func(n int) string { return fmt.Sprintf("#o%d", n+1) }, "ref-1"},
		{`{"resourceType":"Organization","id":"o%[1]d","name":"n","partOf":{"reference":"#o%[1]d"}}`, func(int) string { return "Organization/1" }, "dom-3"},
		{`{"resourceType":"Basic","id":"o%d","code":{"text":"c"},"subject":{"reference":"#"}}`, func(int) string { return "Organization/1" }, ""},
		{`{"resourceType":"Organization","id":"o","name":"%d"}`, func(int) string { return "#o" }, "duplicate"},
	} {
		var contained, refer strings.Builder
		for n := range many {
			fmt.Fprintf(&contained, ","+c.contained, n)
			fmt.Fprintf(&refer, `,{"reference":%q}`, c.refer(n))
		}
		src := `{"resourceType":"Patient","contained":[` + contained.String()[1:] + `],"generalPractitioner":[` + refer.String()[1:] + `]}`
		issues := check(t, []byte(src))
		if c.want == "" && len(issues) > 0 || c.want != "" && (len(issues) == 0 || issues[0].Key != c.want && issues[0].Code != c.want) {
			t.Errorf("%s: want %q, got %v", c.contained, c.want, issues[:min(1, len(issues))])
		}
	}
}

// TestManyOutsideOfSlices: values of no slice of a profile are no error, and telling so costs nothing beside looking at them.
func TestManyOutsideOfSlices(t *testing.T) {
	var categories strings.Builder
	for n := range many {
		fmt.Fprintf(&categories, `{"coding":[{"system":"http://h.example","code":"%d"}]},`, n)
	}
	src := `{"resourceType":"Observation","status":"final","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},"code":{"text":"x"},
		"subject":{"reference":"Patient/1"},"effectiveDateTime":"2020-01-01","valueString":"x","category":[` + categories.String() + `{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}]}`
	if issues := check(t, []byte(src)); len(issues) > 0 {
		t.Error(issues[0])
	}
}
