package fhir

import "testing"

// TestOneSpelling: who asks the same is known to one another, however it is written.
func TestOneSpelling(t *testing.T) {
	q := request{typ: "Patient", own: "http://h.example/fhir"}
	const want = "active=true&identifier=http%3A%2F%2Fh%7C7"
	for _, asked := range []string{
		"identifier=http://h|7&active=true", "active=true&identifier=http://h%7C7", "?active=true&&identifier=http%3a//h|7&_format=json",
		"Patient?identifier=http://h|7&active=true&active=true", "http://h.example/fhir/Patient?active=true&identifier=http://h|7", want,
	} {
		if got := q.criteria(asked); got != want {
			t.Errorf("%s: %s", asked, got)
		}
	}
	for _, asked := range []string{"_format=json", "x=%zz"} {
		if got := q.criteria(asked); got != asked {
			t.Errorf("%s became %q", asked, got)
		}
	}
}
