package shape

import (
	"bufio"
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

// TestWrong names the element of each fault.
func TestWrong(t *testing.T) {
	for _, c := range []struct{ src, at, code string }{
		{`{"resourceType":"Patient","birthDate":7}`, "Patient.birthDate", "structure"},
		{`{"resourceType":"Patient","gender":{}}`, "Patient.gender", "structure"},
		{"{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"a\\u0007\"}]}", "Patient.name[0].family", "value"},
		{`{"resourceType":"Patient","gender":null}`, "Patient.gender", "structure"},
		{`{"resourceType":"Patient","gender":""}`, "Patient.gender", "value"},
		{`{"resourceType":"Patient","gender":" male"}`, "Patient.gender", "value"},
		{`{"resourceType":"Patient","active":"true"}`, "Patient.active", "structure"},
		{`{"resourceType":"Patient","birthDate":"1970-02-30"}`, "Patient.birthDate", "value"},
		{`{"resourceType":"Patient","birthDate":"70"}`, "Patient.birthDate", "value"},
		{`{"resourceType":"Patient","name":{"family":"x"}}`, "Patient.name", "structure"},
		{`{"resourceType":"Patient","name":[]}`, "Patient.name", "structure"},
		{`{"resourceType":"Patient","name":[{}]}`, "Patient.name[0]", "structure"},
		{`{"resourceType":"Patient","name":["x"]}`, "Patient.name[0]", "structure"},
		{`{"resourceType":"Patient","name":[{"given":["a",null]}]}`, "Patient.name[0].given[1]", "structure"},
		{`{"resourceType":"Patient","name":[{"given":[["a"]]}]}`, "Patient.name[0].given[0]", "structure"},
		{`{"resourceType":"Patient","nickname":"x"}`, "Patient.nickname", "structure"},
		{`{"resourceType":"Patient","_name":{"id":"x"}}`, "Patient._name", "structure"},
		{`{"resourceType":"Patient","_birthDate":"x"}`, "Patient._birthDate", "structure"},
		{`{"resourceType":"Patient","_birthDate":{"value":"x"}}`, "Patient._birthDate.value", "structure"},
		{`{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, "Patient.deceasedDateTime", "structure"},
		{`{"resourceType":"Patient","deceased":true}`, "Patient.deceased", "structure"},
		{`{"resourceType":"Patient","multipleBirthInteger":1.0}`, "Patient.multipleBirthInteger", "value"},
		{`{"resourceType":"Patient","multipleBirthInteger":3000000000}`, "Patient.multipleBirthInteger", "value"},
		{`{"resourceType":"Patient","telecom":[{"rank":0}]}`, "Patient.telecom[0].rank", "value"},
		{`{"resourceType":"Patient","photo":[{"size":-1}]}`, "Patient.photo[0].size", "value"},
		{`{"resourceType":"Patient","photo":[{"data":"a=bc"}]}`, "Patient.photo[0].data", "value"},
		{`{"resourceType":"Patient","photo":[{"url":"a b"}]}`, "Patient.photo[0].url", "value"},
		{`{"resourceType":"Patient","contact":[{"name":{"family":1}}]}`, "Patient.contact[0].name.family", "structure"},
		{`{"resourceType":"Patient","extension":[{"url":"http://x","valueDecimal":"1"}]}`, "Patient.extension[0].valueDecimal", "structure"},
		{`{"resourceType":"Patient","contained":[{"resourceType":"Patient","gender":1}]}`, "Patient.contained[0].gender", "structure"},
		{`{"resourceType":"Patient","contained":[{"resourceType":"Element","id":"1"}]}`, "Patient.contained[0].resourceType", "structure"},
		{`{"resourceType":"Patient","contained":[{"id":"1"}]}`, "Patient.contained[0]", "structure"},
		{`{"resourceType":"Patient","name":[{"resourceType":"HumanName"}]}`, "Patient.name[0].resourceType", "structure"},
		{`{"resourceType":"Observation","effectiveDateTime":"2020-01-01T10:00"}`, "Observation.effectiveDateTime", "value"},
		{`{"resourceType":"Observation","effectiveDateTime":"2020-01-01T10:00:00"}`, "Observation.effectiveDateTime", "value"},
		{`{"resourceType":"Observation","issued":"2020-01-01"}`, "Observation.issued", "value"},
		{`{"resourceType":"Observation","valueTime":"10:00"}`, "Observation.valueTime", "value"},
		{`{"resourceType":"Observation","valueQuantity":{"value":"7"}}`, "Observation.valueQuantity.value", "structure"},
		{`{"resourceType":"Observation","component":[{"referenceRange":[{"low":7}]}]}`, "Observation.component[0].referenceRange[0].low", "structure"},
		{`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","gender":1}}]}`, "Bundle.entry[0].resource.gender", "structure"},
		{`{"resourceType":"Bundle","entry":[{"resource":[]}]}`, "Bundle.entry[0].resource", "structure"},
		{`{"resourceType":"DomainResource"}`, "DomainResource.resourceType", "structure"},
	} {
		faults := check(t, []byte(c.src))
		if len(faults) != 1 || faults[0].At.Path() != c.at || faults[0].Code != c.code {
			t.Errorf("%s: %v", c.src, told(faults))
		}
	}
}

// TestRight takes what the specification allows and a hasty reader would refuse.
func TestRight(t *testing.T) {
	for _, src := range []string{
		`{"resourceType":"Patient"}`,
		`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://x","valueDateTime":"1970-01-01T10:00:00.123456+14:00"}]},"birthDate":"1970-01"}`,
		`{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]}`,
		`{"resourceType":"Patient","_deceasedBoolean":{"id":"a"},"deceasedBoolean":false}`,
		`{"resourceType":"Patient","multipleBirthInteger":-2147483648,"gender":"a b"}`,
		`{"resourceType":"Observation","valueQuantity":{"value":1e-7}}`,
		`{"resourceType":"Observation","issued":"2016-12-31T23:59:60Z"}`,
		`{"resourceType":"Binary","contentType":"text/plain","data":" YQ ==\n"}`,
		`{"resourceType":"Questionnaire","item":[{"linkId":"1","item":[{"linkId":"2","item":[{"linkId":"3"}]}]}]}`,
	} {
		if faults := check(t, []byte(src)); len(faults) > 0 {
			t.Errorf("%s: %v", src, told(faults))
		}
	}
}

// TestBounded reports no more than it should of a document that is wrong throughout.
func TestBounded(t *testing.T) {
	src := `{"resourceType":"Patient","name":[` + strings.Repeat("1,", 1000) + `1]}`
	if faults := check(t, []byte(src)); len(faults) != MaxFaults {
		t.Errorf("%d faults", len(faults))
	}
}

// TestSamples finds nothing wrong with what is right: the official examples, those of guides, and generated patients.
func TestSamples(t *testing.T) {
	resources := 0
	for _, pattern := range []string{
		"data/fhir/hl7-r4-examples/*.json", "data/fhir/us-core-examples/*.json", "data/fhir/ips/*.json", "data/ips/*.json",
		"data/fhir/synthea/*/*.json.gz", "data/fhir/synthea/*/*.ndjson.gz",
	} {
		files := shared.Files(pattern)
		if len(files) == 0 {
			t.Logf("no %s: set SIJIL_SHARED", pattern)
		}
		for _, name := range files {
			src, err := shared.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(name, "NL_Drimpy_01") {
				continue // of an earlier FHIR than R4
			}
			for _, doc := range documents(name, src) {
				resources++
				if faults := check(t, doc); len(faults) > 0 {
					t.Errorf("%s: %v", filepath.Base(name), told(faults))
				}
			}
		}
	}
	t.Logf("%d documents", resources)
}

func documents(name string, src []byte) (docs [][]byte) {
	if !strings.Contains(name, ".ndjson") {
		return [][]byte{src}
	}
	s := bufio.NewScanner(bytes.NewReader(src))
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		docs = append(docs, bytes.Clone(s.Bytes()))
	}
	return docs
}

func check(tb testing.TB, src []byte) []Fault {
	tb.Helper()
	doc := new(tape.Tape)
	if err := doc.Parse(src, tape.Limits{Bytes: 64 << 20, Nodes: 1 << 22}); err != nil {
		tb.Fatal(err)
	}
	return Check(doc.Root())
}

func told(faults []Fault) (list []string) {
	for _, f := range faults {
		list = append(list, f.At.Path()+": "+f.Text)
	}
	return list
}

const observation = `{"resourceType":"Observation","id":"o1","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"55284-4","display":"Blood Pressure"}],"text":"Blood Pressure"},"subject":{"reference":"urn:uuid:a9fcc685-c7a2-4474-bf25-26c8fe4b48f9"},` +
	`"encounter":{"reference":"urn:uuid:a9fcc685-c7a2-4474-bf25-26c8fe4b48f8"},"effectiveDateTime":"2010-03-24T08:35:47-04:00","issued":"2010-03-24T08:35:47.123-04:00","component":[` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic Blood Pressure"}],"text":"Diastolic Blood Pressure"},"valueQuantity":{"value":84.7,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic Blood Pressure"}],"text":"Systolic Blood Pressure"},"valueQuantity":{"value":121.3,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

func TestAllocatesNothing(t *testing.T) {
	doc := new(tape.Tape)
	if err := doc.Parse([]byte(observation), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { Check(doc.Root()) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	doc := new(tape.Tape)
	if err := doc.Parse([]byte(observation), tape.Limits{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(observation)))
	for b.Loop() {
		if len(Check(doc.Root())) > 0 {
			b.Fatal("faults")
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(observation))
	f.Add([]byte(`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://x","valueDate":"1970"}]}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		doc := new(tape.Tape)
		if doc.Parse(src, tape.Limits{}) != nil {
			return
		}
		for _, fault := range Check(doc.Root()) {
			if !fault.At.Exists() || fault.Text == "" || fault.Code == "" {
				t.Errorf("%+v", fault)
			}
		}
	})
}
