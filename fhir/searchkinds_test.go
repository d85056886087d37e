package fhir

import (
	"slices"
	"strings"
	"testing"
)

// kinds are resources that can be found by parameters of every type.
var kinds = []exchange{
	{do: "PUT /Organization/h", body: `{"resourceType":"Organization","id":"h","name":"Hospital"}`, status: 201},
	{do: "PUT /Practitioner/dr", body: `{"resourceType":"Practitioner","id":"dr","name":[{"family":"Saïd"}]}`, status: 201},
	{do: "PUT /Patient/a", body: `{"resourceType":"Patient","id":"a","name":[{"given":["أحمد"],"family":"الهاشمي"}],"gender":"male","birthDate":"1970-05","managingOrganization":{"reference":"Organization/h"},"generalPractitioner":[{"reference":"Practitioner/dr"}],
		"identifier":[{"system":"urn:nid","value":"1","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]}}]}`, status: 201},
	{do: "PUT /Patient/b", body: `{"resourceType":"Patient","id":"b","name":[{"given":["Fatima"],"family":"Müller"}],"gender":"female","birthDate":"1980-01-02","deceasedDateTime":"2020","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">allergic to <b>penicillin</b></div>"}}`, status: 201},
	{do: "PUT /Observation/w", body: `{"resourceType":"Observation","id":"w","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Body weight"}]},"subject":{"reference":"Patient/a"},"performer":[{"reference":"Practitioner/dr"}],"valueQuantity":{"value":70.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`, status: 201},
	{do: "PUT /Observation/p", body: `{"resourceType":"Observation","id":"p","status":"preliminary","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}],"text":"Blood pressure"},"subject":{"reference":"Patient/b"},"component":[{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":141}}]}`, status: 201},
	{do: "PUT /RiskAssessment/r", body: `{"resourceType":"RiskAssessment","id":"r","status":"final","subject":{"reference":"http://h.example/fhir/Patient/a"},"prediction":[{"probabilityDecimal":0.8}]}`, status: 201},
	{do: "PUT /ValueSet/v", body: `{"resourceType":"ValueSet","id":"v","status":"active","url":"http://h.example/sets/one","compose":{"include":[{"system":"http://loinc.org"}]}}`, status: 201},
	{do: "PUT /List/l", body: `{"resourceType":"List","id":"l","status":"current","mode":"working","entry":[{"item":{"reference":"Patient/b"}}]}`, status: 201},
	{do: "PUT /Provenance/s", body: `{"resourceType":"Provenance","id":"s","target":[{"reference":"Observation/w"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}]}`, status: 201},
}

// canonicals refer to one another by canonical URLs.
var canonicals = []exchange{
	{do: "PUT /Questionnaire/q1", body: `{"resourceType":"Questionnaire","id":"q1","url":"http://h.example/q/a-url-that-is-longer-than-what-decides-the-order-of-sorted-texts","version":"1","title":"Sleep","status":"active"}`, status: 201},
	{do: "PUT /Questionnaire/q2", body: `{"resourceType":"Questionnaire","id":"q2","url":"http://h.example/q/a-url-that-is-longer-than-what-decides-the-order-of-sorted-texts","version":"2","title":"Sleep anew","status":"active"}`, status: 201},
	{do: "PUT /QuestionnaireResponse/r1", body: `{"resourceType":"QuestionnaireResponse","id":"r1","questionnaire":"http://h.example/q/a-url-that-is-longer-than-what-decides-the-order-of-sorted-texts|1","status":"completed"}`, status: 201},
	{do: "PUT /QuestionnaireResponse/r0", body: `{"resourceType":"QuestionnaireResponse","id":"r0","questionnaire":"http://h.example/q/a-url-that-is-longer-than-what-decides-the-order-of-sorted-texts","status":"in-progress"}`, status: 201},
	{do: "PUT /QuestionnaireResponse/r9", body: `{"resourceType":"QuestionnaireResponse","id":"r9","questionnaire":"http://elsewhere.example/q|1","status":"completed"}`, status: 201},
	{do: "PUT /ActivityDefinition/ad", body: `{"resourceType":"ActivityDefinition","id":"ad","url":"http://h.example/ad","name":"Walk","status":"active"}`, status: 201},
	{do: "PUT /CarePlan/cp", body: `{"resourceType":"CarePlan","id":"cp","status":"active","intent":"plan","subject":{"reference":"Patient/b"},"instantiatesCanonical":["http://h.example/ad"]}`, status: 201},
}

var foundByCanonical = []struct{ search, ids string }{
	{"QuestionnaireResponse?questionnaire.title=sleep", "r0 r1"},
	{"QuestionnaireResponse?questionnaire.title=sleep anew", "r0"},
	{"QuestionnaireResponse?questionnaire.version=1", "r0 r1"},
	{"QuestionnaireResponse?questionnaire.title=walk", ""},
	{"QuestionnaireResponse?questionnaire=http://h.example/q/a-url-that-is-longer-than-what-decides-the-order-of-sorted-texts", "r0 r1"},
	{"QuestionnaireResponse?questionnaire=http://h.example/q/a-url-that-is-longer-than-what-decides-the-order-of-sorted-texts|1", "r1"},
	{"Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed", "q1"},
	{"Questionnaire?_has:QuestionnaireResponse:questionnaire:status=in-progress", "q1 q2"},
	{"CarePlan?instantiates-canonical:ActivityDefinition.name=walk", "cp"},
	{"CarePlan?instantiates-canonical.name=walk", "cp"},
	{"Patient?_has:CarePlan:subject:instantiates-canonical.name=walk", "b"},
	{"QuestionnaireResponse?_id=r1&_include=QuestionnaireResponse:questionnaire", "r1 q1"},
	{"QuestionnaireResponse?_id=r0&_include=*", "r0 q1 q2"},
	{"Questionnaire?_id=q2&_revinclude=QuestionnaireResponse:questionnaire", "q2 r0"},
	{"CarePlan?_id=cp&_include=CarePlan:instantiates-canonical:PlanDefinition", "cp"},
}

// found are searches of them and the ids that they find, in their order.
var found = []struct{ search, ids string }{
	{"Patient?name=احمد", "a"},
	{"Patient?family=muller", "b"},
	{"Patient?family:exact=Muller", ""},
	{"Patient?name:contains=uLL", "b"},
	{"Patient?gender=http://hl7.org/fhir/administrative-gender|male", "a"},
	{"Patient?gender:not=male", "b"},
	{"Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender", "a b"},
	{"Patient?gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender", ""},
	{"Patient?birthdate=1970", "a"},
	{"Patient?birthdate=gt1970&birthdate=lt1990", "b"},
	{"Patient?deceased=true", "b"},
	{"Patient?death-date:missing=true", "a"},
	{"Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|1", "a"},
	{"Patient?_text=penicillin", "b"},
	{"Patient?_content=fatima", "b"},
	{"Patient?_sort=-birthdate", "b a"},
	{"Patient?organization.name=hosp", "a"},
	{"Patient?general-practitioner:Practitioner.family=said", "a"},
	{"Patient?_has:Observation:patient:code=29463-7", "a"},
	{"Patient?_has:Observation:patient:_has:Provenance:target:agent=Practitioner/dr", "a"},
	{"Patient?_list=l", "b"},
	{"Patient?_id=a,b&_elements=gender", "a b"},
	{"Observation?patient.general-practitioner.family=said", "w"},
	{"Observation?subject:Patient.name=fatima", "p"},
	{"Observation?code:text=body", "w"},
	{"Observation?value-quantity=gt70000|http://unitsofmeasure.org|g", "w"},
	{"Observation?value-quantity=70.5", "w"},
	{"Observation?component-code-value-quantity=8480-6$ge140", "p"},
	{"Observation?code-value-quantity=http://loinc.org|29463-7$lt70", ""},
	{"RiskAssessment?probability=gt0.7", "r"},
	{"RiskAssessment?subject:Patient.gender=male", "r"},
	{"RiskAssessment?patient.organization.name=hosp", "r"},
	{"Patient?_has:RiskAssessment:patient:probability=gt0.7", "a"},
	{"ValueSet?url:below=http://h.example/sets", "v"},
	{"ValueSet?reference=http://loinc.org", "v"},
	{"Patient/a/Observation?status=final", "w"},
	{"Patient/b/Observation", "p"},
	{"Practitioner/dr/Observation", "w"},
	{"Patient/a/*", "w a r"},
	{"?_type=Patient,Observation&_id=a,w", "w a"},
	{"Observation?_id=w&_include=Observation:subject", "w a"},
	{"Observation?_id=w&_include=Observation:*", "w a dr"},
	{"Observation?_id=w&_include=Observation:subject&_include:iterate=Patient:organization", "w a h"},
	{"Observation?_id=w&_include=Observation:subject:Group", "w"},
	{"Observation?_id=w&_revinclude=Provenance:target", "w s"},
	{"Patient?_id=a&_revinclude=Observation:patient&_revinclude:iterate=Provenance:target", "a w s"},
}

func TestSearchOfEveryKind(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, kinds)
	g.run(t, canonicals)
	for _, f := range slices.Concat(found, foundByCanonical) {
		w := g.send(&exchange{do: "GET /" + strings.NewReplacer("|", "%7C", " ", "%20").Replace(f.search)})
		if w.Code != 200 {
			t.Errorf("%s: %d %s", f.search, w.Code, w.Body)
		} else if got := ids(t, w.Body.Bytes()); got != f.ids {
			t.Errorf("%s finds %q, not %q", f.search, got, f.ids)
		}
	}
}

// TestSearchOfEveryKindInTheIndex is the same with a record and its index.
func TestSearchOfEveryKindInTheIndex(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	for i := range kinds {
		if w := g.send(&kinds[i]); w.Code != kinds[i].status {
			t.Fatalf("%s: %d %s", kinds[i].do, w.Code, w.Body)
		}
	}
	for i := range canonicals {
		if w := g.send(&canonicals[i]); w.Code != canonicals[i].status {
			t.Fatalf("%s: %d %s", canonicals[i].do, w.Code, w.Body)
		}
	}
	for _, f := range slices.Concat(found, foundByCanonical) {
		body := g.get(t, "/"+strings.NewReplacer("|", "%7C", " ", "%20").Replace(f.search), "", 200)
		if got := ids(t, body); sortedWords(got) != sortedWords(f.ids) {
			t.Errorf("%s finds %q, not %q", f.search, got, f.ids)
		}
	}
}

func sortedWords(s string) string {
	words := strings.Fields(s)
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestAnswersToSearches(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, kinds)
	g.run(t, []exchange{
		{name: "modes", do: "GET /Observation?_id=w&_include=Observation:subject", status: 200, has: []string{`"total":1`, `"mode":"match"`, `"mode":"include"`, `"fullUrl":"http://h.example/fhir/Patient/a"`, "_include=Observation%3Asubject"},
			entries: []string{"search of Patient/a Observation/w/1", "search of Patient/a Patient/a/1"}},
		{name: "elements", do: "GET /Observation?_id=w&_elements=value", status: 200, has: []string{`"value":70.50`, "SUBSETTED", `"status":"final"`}, hasNot: []string{"subject", "performer"}},
		{name: "summary of data", do: "GET /Patient?_id=b&_summary=data", status: 200, has: []string{`"gender"`, "SUBSETTED"}, hasNot: []string{"penicillin"}},
		{name: "summary of text", do: "GET /Patient?_id=b&_summary=text", status: 200, has: []string{"penicillin", "SUBSETTED"}, hasNot: []string{"gender"}},
		{name: "no total", do: "GET /Patient?_total=none", status: 200, hasNot: []string{`"total"`}},
		{name: "a count of several types", do: "GET /?_type=Patient,Observation&_summary=count", status: 200, has: []string{`"total":4`}, hasNot: []string{`"entry"`}},
		{name: "all types", do: "GET /?_id=a", status: 400, has: []string{"too-costly", "_type"}},
		{name: "no compartment", do: "GET /Organization/h/Patient", status: 400, has: []string{"no compartment"}},
		{name: "not in the compartment", do: "GET /Patient/a/Medication", status: 400, has: []string{"not in the compartment"}},
		{name: "no part of a compartment", do: "GET /Patient/a/Nothing", status: 404},
		{name: "a form for all types", do: "POST /_search", body: "_type=Patient&name=fatima", header: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 200, has: []string{"Patient/b"}},
		{name: "a form for a compartment", do: "POST /Patient/a/Observation/_search", body: "status=final", header: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 200, has: []string{"Observation/w", `"total":1`},
			entries: []string{"search of Patient/a Observation/w/1"}},
		{name: "a form is sent", do: "GET /Patient/a/Observation/_search", status: 405, has: []string{"Allow: POST"}},
		{name: "no form of a compartment", do: "POST /Patient/a/Observation/_history", status: 404},
		{name: "entries of a compartment", do: "GET /Patient/a/AuditEvent", actor: "auditor", status: 200, has: []string{`"AuditEvent"`, "AuditEvent?patient=Patient%2Fa"}},
		{name: "one in a batch", do: "POST /", status: 200, has: []string{`"total":1`}, body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/a/Observation?status=final"}}]}`,
			entries: []string{"search of Patient/a Observation/w/1"}},
		{name: "in a batch", do: "POST /", status: 200, has: []string{`"total":1`, `"total":2`, "Observation/w", "400 Bad Request", "404 Not Found"},
			body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/a/Observation?status=final"}},{"request":{"method":"GET","url":"Patient/a/*?_type=RiskAssessment"}},
				{"request":{"method":"POST","url":"Patient/a/Observation/_search?status=final"}},{"request":{"method":"GET","url":"?_type=Patient,Observation&_id=a,w&_summary=count"}},
				{"request":{"method":"GET","url":"Patient/a/Medication"}},{"request":{"method":"GET","url":"Patient/a/Nothing"}}]}`},
		{name: "in a transaction", do: "POST /", status: 200, has: []string{"Observation/w", "Observation/new-one"},
			body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/a/Observation"}},
				{"resource":{"resourceType":"Observation","id":"new-one","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}},"request":{"method":"PUT","url":"Observation/new-one"}}]}`},
	})
}

// TestPagesOfSeveralTypes follows next links over types.
func TestPagesOfSeveralTypes(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, kinds)
	var got []string
	for next := "/?_type=Patient,Observation,Organization&_count=2"; next != ""; {
		body := g.send(&exchange{do: "GET " + next}).Body.String()
		got = append(got, strings.Fields(ids(t, []byte(body)))...)
		_, link, more := strings.Cut(body, `"relation":"next","url":"http://h.example/fhir`)
		if next = ""; more {
			next, _, _ = strings.Cut(link, `"`)
		}
	}
	if want := "p w h a b"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
