package fhir

import (
	"fmt"
	"strings"
	"testing"
)

// TestManyIncluded has a full page refer to, and be referred to by, more than one search has tests for.
func TestManyIncluded(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	const people, values = 600, maxCount
	var b strings.Builder
	put := func(ref, rest string) {
		typ, id, _ := strings.Cut(ref, "/")
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"resource":{"resourceType":"%s","id":"%s"%s},"request":{"method":"PUT","url":"%s"}}`, typ, id, rest, ref)
	}
	for i := range people {
		put(fmt.Sprintf("Practitioner/p%d", i), "")
	}
	for i := range values {
		put(fmt.Sprintf("Observation/o%d", i), fmt.Sprintf(`,"status":"final","code":{"text":"x"},"performer":[{"reference":"Practitioner/p%d"}]`, i%people))
	}
	if w := g.send(&exchange{do: "POST /", body: `{"resourceType":"Bundle","type":"transaction","entry":[` + b.String() + `]}`}); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	for path, want := range map[string]int{
		"/Observation?_count=1000&_include=Observation:performer":                people,
		"/Observation?_count=1000&_include=*":                                    people,
		"/Practitioner?_count=1000&_revinclude=Observation:performer":            values,
		"/Practitioner?_count=1000&_id=p0,p1&_revinclude=Observation:performer":  4,
		"/Observation?_count=1000&_id=o0,o600,o1&_include=Observation:performer": 2,
	} {
		answer := string(g.get(t, path, "", 200))
		if n := strings.Count(answer, `"mode":"include"`); n != want || strings.Contains(answer, "OperationOutcome") {
			t.Errorf("%s: %d are included, want %d", path, n, want)
		}
	}
}
