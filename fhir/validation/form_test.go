package validation

import (
	"strings"
	"testing"

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
		{`{"resourceType":"Patient","_name":{"id":"x"}}`, "Patient.name", "structure"},
		{`{"resourceType":"Patient","_birthDate":"x"}`, "Patient.birthDate", "structure"},
		{`{"resourceType":"Patient","_birthDate":{"value":"x"}}`, "Patient.birthDate.value", "structure"},
		{`{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, "Patient.deceased", "structure"},
		{`{"resourceType":"Patient","deceased":true}`, "Patient.deceased", "structure"},
		{`{"resourceType":"Patient","multipleBirthInteger":1.0}`, "Patient.multipleBirth", "value"},
		{`{"resourceType":"Patient","multipleBirthInteger":3000000000}`, "Patient.multipleBirth", "value"},
		{`{"resourceType":"Patient","telecom":[{"rank":0}]}`, "Patient.telecom[0].rank", "value"},
		{`{"resourceType":"Patient","photo":[{"size":-1}]}`, "Patient.photo[0].size", "value"},
		{`{"resourceType":"Patient","photo":[{"data":"a=bc"}]}`, "Patient.photo[0].data", "value"},
		{`{"resourceType":"Patient","photo":[{"url":"a b"}]}`, "Patient.photo[0].url", "value"},
		{`{"resourceType":"Patient","contact":[{"name":{"family":1}}]}`, "Patient.contact[0].name.family", "structure"},
		{`{"resourceType":"Patient","extension":[{"url":"http://x","valueDecimal":"1"}]}`, "Patient.extension[0].value", "structure"},
		{`{"resourceType":"Patient","contained":[{"resourceType":"Patient","gender":1}]}`, "Patient.contained[0].gender", "structure"},
		{`{"resourceType":"Patient","contained":[{"resourceType":"Element","id":"1"}]}`, "Patient.contained[0].resourceType", "structure"},
		{`{"resourceType":"Patient","contained":[{"id":"1"}]}`, "Patient.contained[0]", "structure"},
		{`{"resourceType":"Patient","name":[{"resourceType":"HumanName"}]}`, "Patient.name[0].resourceType", "structure"},
		{`{"resourceType":"Observation","effectiveDateTime":"2020-01-01T10:00"}`, "Observation.effective", "value"},
		{`{"resourceType":"Observation","effectiveDateTime":"2020-01-01T10:00:00"}`, "Observation.effective", "value"},
		{`{"resourceType":"Observation","issued":"2020-01-01"}`, "Observation.issued", "value"},
		{`{"resourceType":"Observation","valueTime":"10:00"}`, "Observation.value", "value"},
		{`{"resourceType":"Observation","valueQuantity":{"value":"7"}}`, "Observation.value.value", "structure"},
		{`{"resourceType":"Observation","component":[{"referenceRange":[{"low":7}]}]}`, "Observation.component[0].referenceRange[0].low", "structure"},
		{`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","gender":1}}]}`, "Bundle.entry[0].resource.gender", "structure"},
		{`{"resourceType":"Bundle","entry":[{"resource":[]}]}`, "Bundle.entry[0].resource", "structure"},
		{`{"resourceType":"DomainResource"}`, "DomainResource.resourceType", "structure"},
	} {
		issues := formal(check(t, []byte(c.src)))
		if len(issues) != 1 || issues[0].Path != c.at || issues[0].Code != c.code {
			t.Errorf("%s: %v", c.src, told(issues))
		}
	}
}

// TestRight takes what the specification allows and a hasty reader would refuse.
func TestRight(t *testing.T) {
	for _, src := range []string{
		`{"resourceType":"Patient"}`,
		`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://x","valueDateTime":"1970-01-01T10:00:00.123456+14:00"}]},"birthDate":"1970-01"}`,
		`{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"extension":[{"url":"http://x","valueCode":"y"}]}]}]}`,
		`{"resourceType":"Patient","_deceasedBoolean":{"id":"a"},"deceasedBoolean":false}`,
		`{"resourceType":"Patient","multipleBirthInteger":-2147483648,"language":"a b"}`,
		`{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1e-7}}`,
		`{"resourceType":"Observation","status":"final","code":{"text":"x"},"issued":"2016-12-31T23:59:60Z"}`,
		`{"resourceType":"Binary","contentType":"text/plain","data":" YQ ==\n"}`,
		`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"2","type":"group","item":[{"linkId":"3","type":"display"}]}]}]}`,
	} {
		if issues := check(t, []byte(src)); len(issues) > 0 {
			t.Errorf("%s: %v", src, told(issues))
		}
	}
}

// TestBounded reports no more than it should of a document that is wrong throughout.
func TestBounded(t *testing.T) {
	src := `{"resourceType":"Patient","name":[` + strings.Repeat("1,", 1000) + `1]}`
	if faults := check(t, []byte(src)); len(faults) != DefaultMax {
		t.Errorf("%d faults", len(faults))
	}
}

func told(issues []Issue) (list []string) {
	for _, i := range issues {
		list = append(list, i.Path+": "+i.Text)
	}
	return list
}

const observation = `{"resourceType":"Observation","id":"o1","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"55284-4","display":"Blood Pressure"}],"text":"Blood Pressure"},"subject":{"reference":"urn:uuid:a9fcc685-c7a2-4474-bf25-26c8fe4b48f9"},` +
	`"encounter":{"reference":"urn:uuid:a9fcc685-c7a2-4474-bf25-26c8fe4b48f8"},"effectiveDateTime":"2010-03-24T08:35:47-04:00","issued":"2010-03-24T08:35:47.123-04:00","component":[` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic Blood Pressure"}],"text":"Diastolic Blood Pressure"},"valueQuantity":{"value":84.7,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic Blood Pressure"}],"text":"Systolic Blood Pressure"},"valueQuantity":{"value":121.3,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

func TestAllocatesLittle(t *testing.T) {
	doc := new(tape.Tape)
	if err := doc.Parse([]byte(observation), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { validator.Resource(doc.Root(), Options{}) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObservation(b *testing.B) {
	doc := new(tape.Tape)
	if err := doc.Parse([]byte(observation), tape.Limits{}); err != nil {
		b.Fatal(err)
	}
	validator.Resource(doc.Root(), Options{}) // compiles what it needs
	b.SetBytes(int64(len(observation)))
	b.ReportAllocs()
	for b.Loop() {
		if issues := validator.Resource(doc.Root(), Options{}); len(issues) > 0 {
			b.Fatal(issues)
		}
	}
}

func FuzzResource(f *testing.F) {
	f.Add([]byte(observation))
	f.Add([]byte(`{"resourceType":"Patient","_birthDate":{"extension":[{"url":"http://x","valueDate":"1970"}]}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		doc := new(tape.Tape)
		if doc.Parse(src, tape.Limits{}) != nil {
			return
		}
		for _, issue := range validator.Resource(doc.Root(), Options{Warnings: true}) {
			if issue.Line == 0 || issue.Text == "" || issue.Code == "" {
				t.Errorf("%+v", issue)
			}
		}
	})
}

// formal gives the issues of form.
func formal(issues []Issue) (list []Issue) {
	for _, i := range issues {
		if i.Of == Form {
			list = append(list, i)
		}
	}
	return list
}
