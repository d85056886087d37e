package fhir

import (
	"testing"
	"time"
)

func TestChartsAndCompartments(t *testing.T) {
	for body, want := range map[string]string{
		`{"resourceType":"Patient"}`: "Patient/new general",
		observation:                  "Patient/p1 labs",
		`{"resourceType":"Observation","subject":{"reference":"Group/1"},"performer":[{"reference":"Practitioner/1"},{"reference":"http://b/fhir/Patient/2"}]}`: "Patient/2 general",
		`{"resourceType":"Coverage","payor":[{"reference":"Patient/1"}],"beneficiary":{"reference":"Patient/2/_history/4"}}`:                                    "Patient/2 general",
		`{"resourceType":"Appointment","participant":[{"actor":{"reference":"Practitioner/1"}},{"actor":{"reference":"Patient/3"}}]}`:                           "Patient/3 general",
		`{"resourceType":"Group","member":[{"entity":{"reference":"Patient/3"}}]}`:                                                                              " general",
		`{"resourceType":"Organization"}`:                                                                                                   " general",
		`{"resourceType":"Task","for":{"reference":"Patient/4"}}`:                                                                           "Patient/4 general",
		`{"resourceType":"MedicationRequest","subject":{"reference":"Patient/4"}}`:                                                          "Patient/4 medications",
		`{"resourceType":"ImagingStudy","subject":{"reference":"Patient/4"}}`:                                                               "Patient/4 imaging",
		`{"resourceType":"MolecularSequence","patient":{"reference":"Patient/4"}}`:                                                          "Patient/4 genomic",
		`{"resourceType":"DiagnosticReport","category":[{"coding":[{"code":"RAD"}]}],"subject":{"reference":"http://elsewhere/Patient/4"}}`: " imaging",
	} {
		q := &request{body: parsed(t, body)}
		r, p := inspect(q.body)
		if p != nil {
			t.Fatal(p)
		}
		change, err := newGate(t, Limits{}).changeOf(r, OpCreate, "new", &resolver{base: "http://b/fhir"}, "")
		if got := change.Chart + " " + string(change.Compartment); err != nil || got != want {
			t.Errorf("%.60s: %q, want %q, %v", body, got, want, err)
		}
	}
}

func TestNewIDsAscend(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	a, b := newID(at), newID(at.Add(time.Millisecond))
	if a >= b || !isID(a) || len(a) != 36 || a[14] != '7' {
		t.Errorf("%s, %s", a, b)
	}
}
