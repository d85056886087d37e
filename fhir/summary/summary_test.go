package summary

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
)

func begun(t *testing.T, language string) *Maker {
	t.Helper()
	n := 0
	m := New(Options{Base: "http://h.example/fhir", Language: language, Now: time.Unix(1e9, 0),
		NewID: func() string { n++; return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) },
		Local: func(ref string) (typ, id string, ok bool) {
			typ, id, ok = strings.Cut(ref, "/")
			return typ, id, ok && id != ""
		}})
	if err := m.Patient("a", []byte(`{"resourceType":"Patient","id":"a"}`)); err != nil {
		t.Fatal(err)
	}
	return m
}

// narrativesOf checks a document's texts for being XML, and gives them.
func narrativesOf(t *testing.T, m *Maker) string {
	t.Helper()
	var doc tape.Tape
	b := m.Document()
	if err := doc.Parse(b, tape.Limits{}); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	all := ""
	for s := doc.Root().Get("entry").At(0).Get("resource").Get("section").First(); s.Exists(); s = s.Next() {
		div := s.Get("text").Get("div").Text()
		d := xml.NewDecoder(strings.NewReader(div))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v: %q", err, div)
			}
		}
		all += div
	}
	return all
}

// TestTexts looks at what cells of the tables say.
func TestTexts(t *testing.T) {
	observed := func(rest string) string {
		return `{"resourceType":"Observation","status":"final","code":{"text":"` + fmt.Sprint(len(rest)) + `"},` + rest + `}`
	}
	for body, want := range map[string]string{
		observed(`"valueQuantity":{"value":1.50,"unit":"mg","comparator":"<"}`):                                                                                   "&lt; 1.50 mg",
		observed(`"valueRange":{"low":{"value":1},"high":{"value":2,"code":"g"}}`):                                                                                "1 – 2 g",
		observed(`"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}`):                                                                            "1 / 128",
		observed(`"valueBoolean":true`):                                                                                                                           "<td>yes</td>",
		observed(`"dataAbsentReason":{"text":"refused"}`):                                                                                                         "<td>refused</td>",
		observed(`"valueCodeableConcept":{"coding":[{"code":"c"}]},"interpretation":[{"text":"H"}]`):                                                              "<td>c (H)</td>",
		observed(`"component":[{"code":{"text":"sys"},"valueQuantity":{"value":120}},{"code":{"text":"x"}}]`):                                                     "<td>sys: 120</td>",
		`{"resourceType":"AllergyIntolerance","code":{"text":"Nuts"},"reaction":[{"manifestation":[{"text":"Hives"}],"severity":"severe"}],"criticality":"high"}`: "<td>Nuts</td><td>Hives, severe</td><td>high</td>",
		`{"resourceType":"MedicationStatement","status":"active","medicationReference":{"reference":"#m"},"contained":[{"resourceType":"Medication","id":"m","code":{"text":"Inside"}}],"dosage":[{"text":"daily"}]}`: "<td>Inside</td><td>daily</td><td>active</td>",
		`{"resourceType":"Condition","code":{"text":"A"},"onsetAge":{"value":7,"unit":"a"}}`:                                                                                                                          "<td>status not recorded</td><td>7 a</td>",
		`{"resourceType":"Condition","clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"text":"B"},"onsetDateTime":"2001-02-03T04:05:06Z","abatementDateTime":"2002"}`:                                        "<td>resolved</td><td>2001-02-03</td><td>2002</td>",
		`{"resourceType":"CarePlan","status":"active","intent":"plan","period":{"start":"2020-01"}}`:                                                                                                                  "<td>Plan of Care</td><td>active</td><td>2020-01</td><td></td>",
		`{"resourceType":"Consent","status":"active","scope":{"coding":[{"code":"adr"}]},"category":[{"text":"DNR"}]}`:                                                                                                "<td>DNR</td>",
		`{"resourceType":"ClinicalImpression","status":"completed","summary":"walks"}`:                                                                                                                                "<td>walks</td>",
	} {
		m := begun(t, "en")
		typ, _, _ := strings.Cut(strings.TrimPrefix(body, `{"resourceType":"`), `"`)
		if !m.Take(typ, "1", []byte(body)) {
			t.Errorf("%s is not taken", body)
			continue
		}
		if got := narrativesOf(t, m); !strings.Contains(got, want) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// TestMoreThanASectionTakes: what is not shown is counted in the text.
func TestMoreThanASectionTakes(t *testing.T) {
	m := begun(t, "ar")
	for i := range maxEntries + 3 {
		m.Take("Procedure", fmt.Sprint(i), fmt.Appendf(nil, `{"resourceType":"Procedure","status":"completed","code":{"text":"p"},"performedDateTime":"%d"}`, 1000+i))
	}
	m.Take("Procedure", "none", []byte(`{"resourceType":"Procedure","status":"completed"}`))
	if got := narrativesOf(t, m); !strings.Contains(got, "غير معروضة: 3.") || !strings.Contains(got, "غير معروضة: 1.") || !strings.Contains(got, `dir="rtl"`) ||
		!strings.Contains(got, "<td><span dir=\"ltr\">1202</span></td>") || strings.Contains(got, ">1002<") {
		t.Errorf("%.3000s", got)
	}
}

// FuzzTake hands over anything: the document stays JSON, and its texts XML.
func FuzzTake(f *testing.F) {
	for i, typ := range []string{"Observation", "Condition", "MedicationRequest", "Device", "AllergyIntolerance", "Procedure", "DeviceUseStatement", "Organization"} {
		f.Add(typ, `{"resourceType":"`+typ+`","status":"active","code":{"coding":[{"code":"x"}],"text":"a<&\u0000\uffff"},"device":{"reference":"Device/1"},"valueQuantity":{"value":1}}`, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, typ, body string, arabic bool) {
		language := "en"
		if arabic {
			language = "ar"
		}
		m := begun(t, language)
		took, referred := m.Take(typ, "1", []byte(body)), m.Referred(typ, "2", []byte(body))
		has := func(ref string) bool { return m.taken[ref] != nil || m.patient != nil && m.patient.ref == ref }
		if has(typ+"/1") != took || has(typ+"/2") != referred {
			t.Error("what was taken is not what is there")
		}
		m.Wanted()
		narrativesOf(t, m)
	})
}
