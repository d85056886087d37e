package validation

import (
	"strings"
	"testing"
)

// TestBad holds resources that have one thing wrong each. It must be found, where it is, and nothing else.
func TestBad(t *testing.T) {
	const (
		obs  = `{"resourceType":"Observation","status":"final","code":{"text":"x"}`
		pat  = `{"resourceType":"Patient"`
		item = `{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1",`
		sd   = `{"resourceType":"StructureDefinition","url":"http://x.example/sd","name":"N","status":"draft","kind":"resource","abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint",`
		div  = `<div xmlns=\"http://www.w3.org/1999/xhtml\">`
		sr   = `{"resourceType":"ServiceRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},`
		org  = `{"resourceType":"Organization","name":"x",`
		uuid = `urn:uuid:a9fcc685-c7a2-4474-bf25-26c8fe4b48f9`
	)
	for _, c := range []struct{ src, at, what string }{ // what: the code, or the invariant's key
		// Required elements.
		{`{"resourceType":"Observation","code":{"text":"x"}}`, "Observation.status", "required"},
		{`{"resourceType":"Observation","status":"final"}`, "Observation.code", "required"},
		{`{"resourceType":"Encounter","status":"finished"}`, "Encounter.class", "required"},
		{`{"resourceType":"Condition"}`, "Condition.subject", "required"},
		{pat + `,"link":[{"type":"seealso"}]}`, "Patient.link[0].other", "required"},
		{pat + `,"communication":[{"preferred":true}]}`, "Patient.communication[0].language", "required"},
		{pat + `,"extension":[{"valueString":"x"}]}`, "Patient.extension[0].url", "required"},
		{obs + `,"component":[{"valueString":"x"}]}`, "Observation.component[0].code", "required"},
		{`{"resourceType":"Bundle"}`, "Bundle.type", "required"},
		{`{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"}}`, "MedicationRequest.medication", "required"},
		{pat + `,"text":{"status":"generated"}}`, "Patient.text.div", "required"},
		{obs + `,"contained":[{"resourceType":"Patient"}]}`, "Observation.contained[0].id", "required"},
		// Form.
		{pat + `,"gender":["male"]}`, "Patient.gender", "structure"},
		{pat + `,"name":[{"given":[]}]}`, "Patient.name[0].given", "structure"},
		{pat + `,"name":[{"given":"x"}]}`, "Patient.name[0].given", "structure"},
		{pat + `,"contact":[{"name":[{"family":"x"}]}]}`, "Patient.contact[0].name", "structure"},
		{obs + `,"valueQuantity":{"value":"7"}}`, "Observation.value.value", "structure"},
		{obs + `,"valueString":"x","valueBoolean":true}`, "Observation.value", "structure"},
		{obs + `,"valueReference":{"reference":"Patient/1"}}`, "Observation.valueReference", "structure"},
		{pat + `,"maritalStatus":"M"}`, "Patient.maritalStatus", "structure"},
		{pat + `,"birthDate":"1970-13-01"}`, "Patient.birthDate", "value"},
		{pat + `,"id":"a_b"}`, "Patient.id", "value"},
		{pat + `,"id":"` + strings.Repeat("a", 65) + `"}`, "Patient.id", "value"},
		{obs + `,"contained":[{"resourceType":"Patient","id":"a b"}],"subject":{"reference":"#a b"}}`, "Observation.contained[0].id", "value"},
		{obs + `,"issued":"2020-01-01T10:00:00"}`, "Observation.issued", "value"},
		{pat + `,"name":[{"given":[null]}]}`, "Patient.name[0].given[0]", "structure"},
		{`{"resourceType":"ImagingStudy","status":"available","subject":{"reference":"Patient/1"},"series":[{"uid":"1","modality":{"system":"http://x","code":"y"},"number":-1}]}`, "ImagingStudy.series[0].number", "value"},
		{pat + `,"meta":{"profile":["a b"]}}`, "Patient.meta.profile[0]", "value"},
		{`{"resourceType":"Media","status":"completed","content":{"contentType":"text/plain","data":"%%%"}}`, "Media.content.data", "value"},
		{`{"resourceType":"Media","status":"completed","content":{"contentType":"text/plain","data":"YQ==","size":7}}`, "Media.content.size", "value"},
		{pat + `,"identifier":[{"system":"urn:oid:1.02.3","value":"1"}]}`, "Patient.identifier[0].system", "value"},
		{pat + `,"identifier":[{"system":"urn:uuid:7","value":"1"}]}`, "Patient.identifier[0].system", "value"},
		{obs + `,"category":[{"coding":[{"system":"category","code":"x"}]}]}`, "Observation.category[0].coding[0].system", "value"},
		// Codes.
		{pat + `,"gender":"man"}`, "Patient.gender", "code-invalid"},
		{`{"resourceType":"Observation","status":"done","code":{"text":"x"}}`, "Observation.status", "code-invalid"},
		{pat + `,"name":[{"use":"pet","family":"x"}]}`, "Patient.name[0].use", "code-invalid"},
		{obs + `,"valueQuantity":{"value":1,"comparator":"~"}}`, "Observation.value.comparator", "code-invalid"},
		{pat + `,"identifier":[{"use":"x","value":"1"}]}`, "Patient.identifier[0].use", "code-invalid"},
		{`{"resourceType":"Condition","subject":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"ill"}]}}`, "Condition.clinicalStatus", "code-invalid"},
		{`{"resourceType":"Condition","subject":{"reference":"Patient/1"},"clinicalStatus":{"text":"active"}}`, "Condition.clinicalStatus", "code-invalid"},
		// Elements.
		{pat + `,"name":[{"id":"x"}]}`, "Patient.name[0]", "ele-1"},
		{pat + `,"_birthDate":{"id":"x"}}`, "Patient.birthDate", "ele-1"},
		{pat + `,"extension":[{"url":"http://x.example/a"}]}`, "Patient.extension[0]", "ext-1"},
		{pat + `,"extension":[{"url":"http://x.example/a","valueCode":"b","extension":[{"url":"c","valueCode":"d"}]}]}`, "Patient.extension[0]", "ext-1"},
		{pat + `,"extension":[{"url":"a","valueCode":"b"}]}`, "Patient.extension[0].url", "extension"},
		{pat + `,"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueString":"x"}]}`, "Patient.extension[0].value", "structure"},
		{pat + `,"photo":[{"data":"YQ=="}]}`, "Patient.photo[0]", "att-1"},
		{obs + `,"valueQuantity":{"value":1,"code":"kg"}}`, "Observation.value", "qty-3"},
		{obs + `,"valueRange":{"low":{"value":2},"high":{"value":1}}}`, "Observation.value", "rng-2"},
		{obs + `,"valueRatio":{"numerator":{"value":2}}}`, "Observation.value", "rat-1"},
		{pat + `,"telecom":[{"value":"1"}]}`, "Patient.telecom[0]", "cpt-2"},
		{pat + `,"name":[{"family":"x","period":{"start":"2020","end":"2019"}}]}`, "Patient.name[0].period", "per-1"},
		{`{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"period":{"start":"2020-01-02T10:00:00Z","end":"2020-01-02T11:00:00+02:00"}}`, "Encounter.period", "per-1"},
		{sr + `"occurrenceTiming":{"repeat":{"duration":1}}}`, "ServiceRequest.occurrence.repeat", "tim-1"},
		{sr + `"occurrenceTiming":{"repeat":{"period":1}}}`, "ServiceRequest.occurrence.repeat", "tim-2"},
		{sr + `"occurrenceTiming":{"repeat":{"duration":-1,"durationUnit":"h"}}}`, "ServiceRequest.occurrence.repeat", "tim-4"},
		{sr + `"occurrenceTiming":{"repeat":{"periodMax":1}}}`, "ServiceRequest.occurrence.repeat", "tim-6"},
		{sr + `"occurrenceTiming":{"repeat":{"countMax":1}}}`, "ServiceRequest.occurrence.repeat", "tim-8"},
		{sr + `"occurrenceTiming":{"repeat":{"offset":1}}}`, "ServiceRequest.occurrence.repeat", "tim-9"},
		{sr + `"occurrenceTiming":{"repeat":{"timeOfDay":["10:00:00"],"when":["HS"]}}}`, "ServiceRequest.occurrence.repeat", "tim-10"},
		{sr + `"orderDetail":[{"text":"x"}]}`, "ServiceRequest", "prr-1"},
		// References and contained resources.
		{obs + `,"subject":{"reference":"#p"}}`, "Observation.subject.reference", "ref-1"},
		{obs + `,"subject":{"reference":"Practitioner/1"}}`, "Observation.subject.reference", "structure"},
		{obs + `,"subject":{"reference":"http://x.example/fhir/Medication/1/_history/2"}}`, "Observation.subject.reference", "structure"},
		{obs + `,"subject":{"reference":"Medication?identifier=1"}}`, "Observation.subject.reference", "structure"},
		{obs + `,"contained":[{"resourceType":"Medication","id":"m"}],"subject":{"reference":"#m"}}`, "Observation.subject.reference", "structure"},
		{obs + `,"subject":{"reference":"Patient/1","type":"Group"}}`, "Observation.subject.type", "structure"},
		{obs + `,"contained":[{"resourceType":"Patient","id":"p"}]}`, "Observation.contained[0]", "dom-3"},
		{obs + `,"contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}}`, "Observation.contained[1].id", "duplicate"},
		{obs + `,"contained":[{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Basic","code":{"text":"x"},"id":"o","subject":{"reference":"#"}}]}],"subject":{"reference":"#p"}}`, "Observation.contained[0].contained", "dom-2"},
		{obs + `,"contained":[{"resourceType":"Patient","id":"p","meta":{"versionId":"1"}}],"subject":{"reference":"#p"}}`, "Observation.contained[0].meta.versionId", "dom-4"},
		{obs + `,"contained":[{"resourceType":"Patient","id":"p","meta":{"security":[{"code":"x"}]}}],"subject":{"reference":"#p"}}`, "Observation.contained[0].meta.security", "dom-5"},
		// Narratives.
		{pat + `,"text":{"status":"generated","div":"<p>x</p>"}}`, "Patient.text.div", "txt-1"},
		{pat + `,"text":{"status":"generated","div":"<div>x</div>"}}`, "Patient.text.div", "txt-1"},
		{pat + `,"text":{"status":"generated","div":"` + div + `<script>x()</script></div>"}}`, "Patient.text.div", "txt-1"},
		{pat + `,"text":{"status":"generated","div":"` + div + `<p onclick=\"x()\">x</p></div>"}}`, "Patient.text.div", "txt-1"},
		{pat + `,"text":{"status":"generated","div":"` + div + `<a href=\" JavaScript:x()\">x</a></div>"}}`, "Patient.text.div", "txt-1"},
		{pat + `,"text":{"status":"generated","div":"` + div + `<p>x</b></div>"}}`, "Patient.text.div", "txt-1"},
		{pat + `,"text":{"status":"generated","div":"` + div + `&nbsp;</div>"}}`, "Patient.text.div", "txt-1"},
		{pat + `,"text":{"status":"generated","div":"` + div + ` </div>"}}`, "Patient.text.div", "txt-2"},
		// Resources' own rules.
		{obs + `,"valueString":"x","dataAbsentReason":{"text":"x"}}`, "Observation", "obs-6"},
		{`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1"}]},"valueString":"x","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"1"}]}}]}`, "Observation", "obs-7"},
		{obs + `,"referenceRange":[{"type":{"text":"x"}}]}`, "Observation.referenceRange[0]", "obs-3"},
		{pat + `,"contact":[{"gender":"male"}]}`, "Patient.contact[0]", "pat-1"},
		{`{"resourceType":"Organization","active":true}`, "Organization", "org-1"},
		{org + `"address":[{"use":"home","text":"x"}]}`, "Organization.address[0]", "org-2"},
		{`{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"}}`, "AllergyIntolerance", "ait-1"},
		{`{"resourceType":"Condition","subject":{"reference":"Patient/1"},"abatementDateTime":"2020","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]}}`, "Condition", "con-4"},
		{`{"resourceType":"RiskAssessment","status":"final","subject":{"reference":"Patient/1"},"prediction":[{"probabilityDecimal":101}]}`, "RiskAssessment.prediction[0]", "ras-2"},
		{`{"resourceType":"Appointment","status":"booked","start":"2020-01-01T10:00:00Z","end":"2020-01-01T10:00:00Z","participant":[{"status":"accepted"}]}`, "Appointment.participant[0]", "app-1"},
		{`{"resourceType":"List","status":"current","mode":"working","entry":[{"item":{"display":"x"}}],"emptyReason":{"text":"x"}}`, "List", "lst-1"},
		{`{"resourceType":"FamilyMemberHistory","status":"completed","patient":{"reference":"Patient/1"},"relationship":{"text":"x"},"estimatedAge":true}`, "FamilyMemberHistory", "fhs-2"},
		{`{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"x"},"subject":{"reference":"Patient/1"},"target":[{"detailString":"x"}]}`, "Goal.target[0]", "gol-1"},
		{`{"resourceType":"CarePlan","status":"active","intent":"plan","subject":{"reference":"Patient/1"},"activity":[{"detail":{"status":"scheduled"},"reference":{"reference":"Task/1"}}]}`, "CarePlan.activity[0]", "cpl-3"},
		{item + `"type":"group"}]}`, "Questionnaire.item[0]", "que-1"},
		{item + `"type":"display"},{"linkId":"1","type":"display"}]}`, "Questionnaire", "que-2"},
		{item + `"type":"string","enableWhen":[{"question":"2","operator":"exists","answerBoolean":true},{"question":"3","operator":"exists","answerBoolean":true}]}]}`, "Questionnaire.item[0]", "que-12"},
		{item + `"type":"string","enableWhen":[{"question":"2","operator":"exists","answerString":"x"}]}]}`, "Questionnaire.item[0].enableWhen[0]", "que-7"},
		{`{"resourceType":"Composition","status":"final","type":{"text":"x"},"date":"2020","author":[{"display":"x"}],"title":"x","section":[{"title":"x"}]}`, "Composition.section[0]", "cmp-1"},
		// Bundles.
		{`{"resourceType":"Bundle","type":"collection","total":1}`, "Bundle", "bdl-1"},
		{`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"` + uuid + `","resource":{"resourceType":"Patient"},"request":{"method":"PUT","url":"Patient/1"}}]}`, "Bundle", "bdl-3"},
		{`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"` + uuid + `"}]}`, "Bundle.entry[0]", "bdl-5"},
		{`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"` + uuid + `","resource":{"resourceType":"Patient"}},{"fullUrl":"` + uuid + `","resource":{"resourceType":"Patient"}}]}`, "Bundle.entry[1].fullUrl", "bdl-7"},
		{`{"resourceType":"Bundle","type":"document","timestamp":"2020-01-01T10:00:00Z","identifier":{"system":"http://x","value":"1"},"entry":[{"fullUrl":"` + uuid + `","resource":{"resourceType":"Patient"}}]}`, "Bundle", "bdl-11"},
		{`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"Patient/1","resource":{"resourceType":"Patient"}}]}`, "Bundle.entry[0].fullUrl", "value"},
		{`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"` + uuid + `","resource":{"resourceType":"Patient","contact":[{"gender":"male"}]}}]}`, "Bundle.entry[0].resource.contact[0]", "pat-1"},
		// Definitions.
		{`{"resourceType":"Parameters","parameter":[{"name":"x"}]}`, "Parameters.parameter[0]", "inv-1"},
		{`{"resourceType":"ValueSet","status":"draft","compose":{"include":[{"version":"1"}]}}`, "ValueSet.compose.include[0]", "vsd-1"},
		{`{"resourceType":"StructureDefinition","url":"http://x.example/sd","name":"N","status":"draft","kind":"resource","abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint"}`, "StructureDefinition", "sdf-6"},
		{sd + `"differential":{"element":[{"id":"Patient","path":"Patient"},{"id":"Patient.name","path":"Patient.name","min":2,"max":"1"}]}}`, "StructureDefinition.differential.element[1]", "eld-2"},
		{sd + `"differential":{"element":[{"id":"Patient","path":"Patient"},{"id":"Patient.name","path":"Patient.name","max":"x"}]}}`, "StructureDefinition.differential.element[1].max", "eld-3"},
		{sd + `"differential":{"element":[{"id":"Patient","path":"Patient"},{"id":"Patient.name","path":"Patient.name","type":[{"code":"HumanName","targetProfile":["http://x.example"]}]}]}}`, "StructureDefinition.differential.element[1].type[0]", "eld-17"},
		{sd + `"differential":{"element":[{"id":"a","path":"Patient"},{"id":"a","path":"Patient.name"}]}}`, "StructureDefinition", "sdf-17"},
		{`{"resourceType":"TestScript","url":"http://x.example/t","name":"N","status":"draft","variable":[{"name":"v","expression":"a","headerField":"b","path":"c"}]}`, "TestScript.variable[0]", "tst-3"},
	} {
		issues := check(t, []byte(c.src))
		if len(issues) == 0 {
			t.Errorf("%s at %s was not found in %s", c.what, c.at, c.src)
			continue
		}
		found := 0
		for _, i := range issues {
			if i.Path == c.at && (i.Code == c.what || i.Key == c.what) && i.Line == 1 && i.Column > 0 {
				found++
			}
		}
		if found != 1 || len(issues) > 1 {
			t.Errorf("%s: want %s at %s, got %v", c.src, c.what, c.at, told(issues))
		}
	}
}
