package terminology_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/terminology"
)

// TestEveryOfficialValueSet compiles all of them, and holds what is asked of a set to what its expansion gives.
func TestEveryOfficialValueSet(t *testing.T) {
	r := r4()
	expanded, refused := 0, map[string]int{}
	for _, d := range definition.Base().ValueSets() {
		url := d.URL
		s, err := r.Set(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		x, err := s.Expand(terminology.ExpandOptions{Count: -1, IncludeDesignations: true})
		if err != nil {
			var e *terminology.Error
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", url, err)
			}
			refused[e.Kind]++
			continue
		}
		expanded++
		for _, e := range x.Entries {
			if v := s.Contains(e.System, e.Code); v != terminology.Yes {
				t.Errorf("%s: %s|%s is in the expansion, and %v", url, e.System, e.Code, v)
			}
			if v := s.ContainsCodeBytes([]byte(e.Code)); v != terminology.Yes {
				t.Errorf("%s: %s is in the expansion, and %v", url, e.Code, v)
			}
		}
		if v := s.Contains("http://example.org/none", "none"); v == terminology.Yes {
			t.Errorf("%s contains a code of no system", url)
		}
		if b := x.Append(nil, "urn:uuid:0", time.Unix(0, 0)); !json.Valid(b) {
			t.Errorf("%s: not JSON: %.300s", url, b)
		}
	}
	t.Logf("%d expanded, refused: %v", expanded, refused)
	if expanded < 900 {
		t.Errorf("only %d value sets expand", expanded)
	}
}

// TestOfficialAnswers asks what R4's own definitions say.
func TestOfficialAnswers(t *testing.T) {
	r := r4()
	for _, c := range []struct {
		set, system, code string
		want              terminology.Verdict
	}{
		{"administrative-gender|4.0.1", "", "female", terminology.Yes},
		{"administrative-gender|4.0.1", "", "Female", terminology.No},
		{"observation-status|4.0.1", "", "amended", terminology.Yes},
		{"languages", "", "ar", terminology.Yes},
		{"all-languages|4.0.1", "", "ar-SD", terminology.Yes},
		{"mimetypes|4.0.1", "", "application/pdf", terminology.Yes},
		{"mimetypes|4.0.1", "", "pdf", terminology.No},
		{"ucum-units|4.0.1", "", "mm[Hg]", terminology.Yes},
		{"age-units", "http://unitsofmeasure.org", "a", terminology.Yes},
		{"observation-codes", "http://loinc.org", "718-7", terminology.Undecided},
		{"observation-codes", "http://example.org", "718-7", terminology.No},
		{"condition-code", "http://snomed.info/sct", "38341003", terminology.Undecided},
		{"condition-clinical", "http://terminology.hl7.org/CodeSystem/condition-clinical", "active", terminology.Yes},
		{"resource-types|4.0.1", "", "Patient", terminology.Yes},
		{"all-types|4.0.1", "", "Quantity", terminology.Yes},
		{"currencies|4.0.1", "", "SDG", terminology.Undecided},
		{"encounter-participant-type", "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "ATND", terminology.Yes},
	} {
		s, err := r.Set("http://hl7.org/fhir/ValueSet/" + c.set)
		if err != nil {
			t.Errorf("%s: %v", c.set, err)
			continue
		}
		got := s.ContainsCode(c.code)
		if c.system != "" {
			got = s.Contains(c.system, c.code)
		}
		if got != c.want {
			t.Errorf("%s: %s|%s: %v, want %v", c.set, c.system, c.code, got, c.want)
		}
	}
	if o, err := r.Subsumes("http://terminology.hl7.org/CodeSystem/v3-ActCode", "", "_ActEncounterCode", "AMB"); err != nil || o != terminology.Subsumes {
		t.Errorf("%v %v", o, err)
	}
	m, ok, err := r.Translate(terminology.TranslateRequest{Source: "http://hl7.org/fhir/ValueSet/administrative-gender",
		TargetSystem: "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender", Codings: []terminology.Coding{{Code: "female"}}})
	if err != nil || !ok || len(m) != 1 || m[0].Concept.Code != "F" {
		t.Errorf("%+v %v %v", m, ok, err)
	}
}
