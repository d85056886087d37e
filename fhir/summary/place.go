package summary

import (
	"strconv"

	"github.com/sijil-health/sijil/fhir/tape"
)

// place tells into which section a resource goes, if it goes into one.
func (m *Maker) place(typ string, root tape.Value) (at int, ok bool) {
	switch typ {
	case "MedicationStatement":
		return medications, !wrong(root, "entered-in-error", "completed", "stopped", "not-taken")
	case "MedicationRequest":
		return medications, !wrong(root, "entered-in-error", "completed", "stopped", "cancelled", "draft") && root.Get("doNotPerform").Kind() != tape.True
	case "AllergyIntolerance":
		return allergies, !coded(root.Get("verificationStatus"), "entered-in-error", "refuted")
	case "Condition":
		if coded(root.Get("verificationStatus"), "entered-in-error", "refuted") {
			return 0, false
		}
		if coded(root.Get("clinicalStatus"), "inactive", "remission", "resolved") {
			return pastIllness, true
		}
		return problems, true
	case "Immunization":
		return immunizations, !wrong(root, "entered-in-error", "not-done")
	case "Procedure":
		return procedures, !wrong(root, "entered-in-error", "not-done", "preparation")
	case "DeviceUseStatement":
		return devices, !wrong(root, "entered-in-error", "completed", "stopped")
	case "Device":
		return devices, !wrong(root, "entered-in-error", "inactive")
	case "ClinicalImpression":
		return functionalStatus, !wrong(root, "entered-in-error", "in-progress")
	case "CarePlan":
		return planOfCare, !wrong(root, "entered-in-error", "revoked", "completed", "draft")
	case "Consent":
		return advanceDirectives, root.Get("status").Is("active") && (coded(root.Get("scope"), "adr") || coded(root.Get("category"), directives...))
	}
	if wrong(root, "entered-in-error", "cancelled", "registered") {
		return 0, false
	}
	if typ == "DiagnosticReport" {
		at = results
	} else if at, ok = sectionOf(root); !ok {
		return 0, false
	}
	return at, m.latest(typ, at, root)
}

// directives are codes of a Consent's category for a directive in advance (LOINC and v3-ActCode, as consent-category has them).
var directives = []string{"acd", "dnr", "polst", "42348-3", "75320-2", "81378-2"}

// sectionOf tells into which section an observation goes: by what it is of, then by its category. One without any category is taken for a result.
func sectionOf(root tape.Value) (at int, ok bool) {
	code, category := root.Get("code"), root.Get("category")
	switch {
	case coded(code, "82810-3", "11778-8", "11779-6", "11780-4", "11636-8", "11637-6", "11638-4", "11639-2", "11640-0", "11612-9", "11613-7", "11614-5", "33065-4"):
		return pregnancy, true
	case coded(code, "72166-2", "74013-4"), coded(category, "social-history"):
		return socialHistory, true
	case coded(category, "vital-signs"):
		return vitalSigns, true
	case coded(category, "laboratory", "imaging", "LAB", "RAD"):
		return results, true
	case category.First().Exists():
		return 0, false
	case coded(code, "85353-1", "9279-1", "8867-4", "2708-6", "59408-5", "8310-5", "8302-2", "9843-4", "29463-7", "39156-5", "85354-9"):
		return vitalSigns, true
	}
	return results, true
}

// latest tells whether a report or an observation is the latest of its kind, given that they come the latest first. One that shares a coding with a later one
// of its section is not.
func (m *Maker) latest(typ string, at int, root tape.Value) bool {
	code := root.Get("code")
	prefix := typ + " " + strconv.Itoa(at) + " "
	var names []string
	for c := code.Get("coding").First(); c.Exists(); c = c.Next() {
		names = append(names, prefix+c.Get("system").Text()+"|"+c.Get("code").Text())
	}
	if names == nil {
		names = []string{prefix + code.Get("text").Text()}
	}
	fresh := true
	for _, name := range names {
		fresh = fresh && !m.kinds[name]
	}
	if fresh {
		for _, name := range names {
			m.kinds[name] = true
		}
	}
	return fresh
}
