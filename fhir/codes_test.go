package fhir

import (
	"slices"
	"testing"

	searching "github.com/sijil-health/sijil/fhir/search"
)

// TestCodesOfSearches gives searches what value sets and hierarchies hold, and an error where that is not known or too much.
func TestCodesOfSearches(t *testing.T) {
	c := newGate(t, Limits{}).codes(new(request))
	const act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	if list, err := c.Members(genderSet, 10); err != nil || len(list) != 4 || !slices.Contains(list, searching.Code{System: genderCode, Code: "female"}) {
		t.Errorf("%v %v", list, err)
	}
	if list, err := c.Below(searching.Code{System: act, Code: "_ActEncounterCode"}, 100); err != nil || !slices.Contains(list, searching.Code{System: act, Code: "AMB"}) {
		t.Errorf("%v %v", list, err)
	}
	if list, err := c.Above(searching.Code{System: act, Code: "AMB"}, 10); err != nil || len(list) != 3 {
		t.Errorf("%v %v", list, err)
	}
	for _, set := range []string{"http://none", "http://loinc.org/vs", "http://hl7.org/fhir/ValueSet/resource-types"} {
		if list, err := c.Members(set, 100); err == nil {
			t.Errorf("%s: %d codes", set, len(list))
		}
	}
}
