package fhir

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	zoo = `{"resourceType":"CodeSystem","id":"zoo","url":"http://zoo","status":"active","content":"complete","caseSensitive":true,
 "concept":[{"code":"mammal","display":"Mammal","concept":[{"code":"dog","display":"Dog"}]},{"code":"owl","display":"Owl"}]}`
	pets = `{"resourceType":"ValueSet","id":"pets","url":"http://pets","status":"active",
 "compose":{"include":[{"system":"http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender","concept":[{"code":"F"}]}]}}`
	food = `{"resourceType":"ConceptMap","id":"food","url":"http://food","status":"active","group":[{"source":"http://zoo","target":"http://meals",
 "element":[{"code":"owl","target":[{"code":"mice","equivalence":"wider"}]}]}]}`
	genderSet  = "http://hl7.org/fhir/ValueSet/administrative-gender"
	genderCode = "http://hl7.org/fhir/administrative-gender"
	shown      = "refuse 200" // the entry of what is about nobody
)

// params makes a Parameters resource.
func params(list ...string) string {
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(list, ",") + `]}`
}

func of(name, typ, value string) string {
	return `{"name":"` + name + `","value` + typ + `":` + value + `}`
}

// TestOperationsOnCodes asks each operation by query and by Parameters, of definitions that are part of the program, of the node, and of the request.
func TestOperationsOnCodes(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /CodeSystem/zoo", body: zoo, status: 201}, {do: "PUT /ValueSet/pets", body: pets, status: 201}, {do: "PUT /ConceptMap/food", body: food, status: 201},

		{do: "GET /ValueSet/$expand?url=" + genderSet, status: 200, entries: []string{shown},
			has: []string{`"resourceType":"ValueSet"`, `"identifier":"urn:uuid:`, `"total":4`, `"code":"female","display":"Female"`, `"name":"version","valueUri":"` + genderCode + `|4.0.1"`}},
		{do: "GET /ValueSet/$expand?url=" + genderSet + "&filter=fem&count=1&offset=0", status: 200, has: []string{`"total":1`, `"offset":0`, `"valueString":"fem"`}, hasNot: []string{`"code":"other"`}},
		{do: "POST /ValueSet/$expand", body: params(of("url", "Uri", `"`+genderSet+`"`), of("count", "Integer", "2")), status: 200, has: []string{`"total":4`, `"code":"male"`}, hasNot: []string{`"code":"unknown"`}, entries: []string{shown}},
		{name: "inline", do: "POST /ValueSet/$expand", body: params(`{"name":"valueSet","resource":` + pets + `}`), status: 200, has: []string{`"code":"F","display":"Female"`}},
		{do: "GET /ValueSet/pets/$expand", status: 200, has: []string{`"url":"http://pets"`, `"code":"F"`}, entries: []string{"read ValueSet/pets/1"}},
		{do: "GET /ValueSet/none/$expand", status: 404, entries: []string{"refuse 404"}},
		{do: "GET /ValueSet/$expand?url=http://none", status: 404, has: []string{`"code":"not-found"`, "no value set of this URL"}, entries: []string{"refuse 404"}},
		{do: "GET /ValueSet/$expand", status: 400, has: []string{`"code":"required"`}},
		{do: "GET /ValueSet/$expand?url=" + genderSet + "&count=x", status: 400, has: []string{`"code":"value"`, "count"}},
		{do: "GET /ValueSet/$expand?url=" + genderSet + "&counts=1", status: 400, has: []string{`"code":"not-supported"`, "counts"}},
		{do: "GET /ValueSet/$expand?url=" + genderSet + "&counts=1", header: []string{"Prefer: handling=lenient"}, status: 200},
		{name: "without content", do: "GET /ValueSet/$expand?url=http://loinc.org/vs", status: 422, has: []string{`"code":"not-found"`}},
		{name: "without end", do: "GET /ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/all-languages", status: 422, has: []string{`"code":"too-costly"`}},

		{do: "GET /ValueSet/$validate-code?url=" + genderSet + "&code=male&system=" + genderCode, status: 200, has: []string{`"name":"result","valueBoolean":true`, `"display","valueString":"Male"`}, entries: []string{shown}},
		{do: "GET /ValueSet/$validate-code?url=" + genderSet + "&code=men&system=" + genderCode, status: 200, has: []string{`"name":"result","valueBoolean":false`, `"name":"message"`}, hasNot: []string{"men\""}},
		{name: "wrong display", do: "GET /ValueSet/$validate-code?url=" + genderSet + "&display=Man&code=male&system=" + genderCode, status: 200, has: []string{`"valueBoolean":false`, `"valueString":"Male"`}},
		{do: "POST /ValueSet/$validate-code", body: params(of("url", "Uri", `"`+genderSet+`"`), of("codeableConcept", "CodeableConcept", `{"coding":[{"system":"http://x","code":"y"},{"system":"`+genderCode+`","code":"male"}]}`)),
			status: 200, has: []string{`"valueBoolean":true`}},
		{do: "POST /ValueSet/pets/$validate-code", body: params(of("coding", "Coding", `{"system":"http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender","code":"F"}`)), status: 200, has: []string{`"valueBoolean":true`}},
		{name: "undecided", do: "GET /ValueSet/$validate-code?url=http://loinc.org/vs&system=http://loinc.org&code=718-7", status: 422, has: []string{`"code":"not-found"`, "cannot be said"}, hasNot: []string{"718-7"}, entries: []string{"refuse 422"}},
		{do: "GET /ValueSet/$validate-code?url=" + genderSet, status: 400, has: []string{`"code":"required"`}},

		{do: "GET /CodeSystem/$validate-code?url=http://unitsofmeasure.org&code=mg/dL", status: 200, has: []string{`"valueBoolean":true`}},
		{do: "GET /CodeSystem/$validate-code?url=http://unitsofmeasure.org&code=mg/dLL", status: 200, has: []string{`"valueBoolean":false`}},
		{do: "GET /CodeSystem/zoo/$validate-code?code=dog", status: 200, has: []string{`"valueBoolean":true`, "Dog"}, entries: []string{"read CodeSystem/zoo/1"}},
		{do: "GET /CodeSystem/zoo/$validate-code?code=cat", status: 200, has: []string{`"valueBoolean":false`}},
		{do: "POST /CodeSystem/$validate-code", body: params(`{"name":"codeSystem","resource":`+zoo+`}`, of("code", "Code", `"owl"`)), status: 200, has: []string{`"valueBoolean":true`}},
		{do: "POST /CodeSystem/$validate-code", body: params(of("coding", "Coding", `{"system":"http://snomed.info/sct","code":"1"}`)), status: 422},
		{do: "GET /CodeSystem/$validate-code?code=x", status: 400, has: []string{`"code":"required"`}},

		{do: "GET /CodeSystem/$lookup?system=http://terminology.hl7.org/CodeSystem/v3-ActCode&code=AMB", status: 200, entries: []string{shown},
			has: []string{`"name":"name","valueString":"v3.ActCode"`, `"display","valueString":"ambulatory"`, `"valueCode":"parent"},{"name":"value","valueCode":"_ActEncounterCode"`}},
		{do: "GET /CodeSystem/$lookup?system=http://terminology.hl7.org/CodeSystem/v3-ActCode&code=AMB&property=definition", status: 200, has: []string{"definition"}, hasNot: []string{`"parent"`}},
		{do: "POST /CodeSystem/$lookup", body: params(of("coding", "Coding", `{"system":"http://unitsofmeasure.org","code":"mg"}`)), status: 200, has: []string{"UCUM"}},
		{do: "GET /CodeSystem/$lookup?system=" + genderCode + "&code=men", status: 404, has: []string{`"code":"not-found"`}, hasNot: []string{"men\""}},
		{do: "GET /CodeSystem/$lookup?system=http://loinc.org&code=718-7", status: 404},
		{do: "GET /CodeSystem/$lookup?code=x", status: 400},
		{do: "GET /CodeSystem/zoo/$lookup?code=dog", status: 404},

		{do: "GET /CodeSystem/$subsumes?system=http://terminology.hl7.org/CodeSystem/v3-ActCode&codeA=_ActEncounterCode&codeB=AMB", status: 200, has: []string{`"outcome","valueCode":"subsumes"`}, entries: []string{shown}},
		{do: "GET /CodeSystem/zoo/$subsumes?codeA=dog&codeB=mammal", status: 200, has: []string{`"valueCode":"subsumed-by"`}},
		{do: "POST /CodeSystem/$subsumes", body: params(of("codingA", "Coding", `{"system":"`+genderCode+`","code":"male"}`), of("codingB", "Coding", `{"system":"`+genderCode+`","code":"female"}`)),
			status: 200, has: []string{`"valueCode":"not-subsumed"`}},
		{do: "GET /CodeSystem/$subsumes?system=http://zoos&codeA=dog&codeB=mammal", status: 404},
		{do: "GET /CodeSystem/$subsumes?codeA=dog", status: 400},

		{do: "GET /ConceptMap/$translate?url=http://hl7.org/fhir/ConceptMap/cm-administrative-gender-v3&system=" + genderCode + "&code=female", status: 200, entries: []string{shown},
			has: []string{`"result","valueBoolean":true`, `"valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender","code":"F"`}},
		{do: "GET /ConceptMap/$translate?source=" + genderSet + "&targetsystem=http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender&code=female&system=" + genderCode, status: 200, has: []string{`"code":"F"`}},
		{name: "backwards", do: "GET /ConceptMap/$translate?url=http://hl7.org/fhir/ConceptMap/cm-administrative-gender-v3&system=http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender&code=F&reverse=true", status: 200, has: []string{`"code":"female"`}},
		{do: "GET /ConceptMap/food/$translate?system=http://zoo&code=owl", status: 200, has: []string{`"code":"mice"`, `"valueCode":"wider"`}, entries: []string{"read ConceptMap/food/1"}},
		{do: "POST /ConceptMap/$translate", body: params(`{"name":"conceptMap","resource":`+food+`}`, of("coding", "Coding", `{"system":"http://zoo","code":"dog"}`)), status: 200, has: []string{`"result","valueBoolean":false`}},
		{do: "GET /ConceptMap/$translate?url=http://none&code=x", status: 404},
		{do: "GET /ConceptMap/$translate?code=x", status: 400},

		{name: "no Parameters", do: "POST /ValueSet/$expand", body: pets, status: 400, has: []string{"Parameters"}},
		{name: "another resource", do: "POST /ValueSet/$expand", body: params(`{"name":"valueSet","resource":` + zoo + `}`), status: 400},
		{name: "nothing of a parameter", do: "POST /ValueSet/$expand", body: params(`{"name":"url"}`), status: 400},
		{name: "no token", do: "GET /ValueSet/$expand?url=" + genderSet, actor: "-", status: 401, hasNot: []string{"female"}, entries: []string{"refuse 401"}},
		{name: "of a type without it", do: "GET /Patient/$expand", status: 404},
		{name: "a method without it", do: "DELETE /ValueSet/$expand", status: 404},
		{do: "PUT /ValueSet/pets/$expand", body: pets, status: 405},
		{name: "in a batch", do: "POST /", body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"ValueSet/$validate-code?url=` + genderSet + `&code=male"}},
			{"request":{"method":"POST","url":"ValueSet/$expand"},"resource":` + params() + `}]}`, status: 200, has: []string{`"valueBoolean":true`, `"status":"405`}},
	})
}

// TestCodesNeedAnEntry: nothing is said where nothing can be recorded.
func TestCodesNeedAnEntry(t *testing.T) {
	g := newGate(t, Limits{})
	g.store.stopped = true
	g.run(t, []exchange{{do: "GET /ValueSet/$expand?url=" + genderSet, status: 503, hasNot: []string{"female"}}})
}

func TestOperationsOnCodesAreStated(t *testing.T) {
	g := newGate(t, Limits{})
	var c capability
	if err := json.Unmarshal(g.send(&exchange{do: "GET /metadata", actor: "-"}).Body.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"ValueSet": "expand validate-code", "CodeSystem": "lookup subsumes validate-code", "ConceptMap": "translate"}
	for _, r := range c.Rest[0].Resource {
		var got []string
		for _, o := range r.Operation {
			if o.Definition == "http://hl7.org/fhir/OperationDefinition/"+r.Type+"-"+o.Name {
				got = append(got, o.Name)
			}
		}
		if r.Type == "ValueSet" || r.Type == "CodeSystem" || r.Type == "ConceptMap" {
			if strings.Join(got, " ") != want[r.Type] {
				t.Errorf("%s: %v", r.Type, got)
			}
		}
	}
}

func BenchmarkValidateCode(b *testing.B) {
	g := newGate(b, Limits{})
	e := exchange{do: "GET /ValueSet/$validate-code?url=" + genderSet + "&code=male"}
	b.ReportAllocs()
	for b.Loop() {
		if w := g.send(&e); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}

// FuzzOperationsOnCodes: whatever is sent, the answer is one of the operation or says what was wrong; the node never fails at it.
func FuzzOperationsOnCodes(f *testing.F) {
	g := newGate(f, Limits{})
	f.Add(uint8(0), "", params(of("url", "Uri", `"`+genderSet+`"`), of("count", "Integer", "2")))
	f.Add(uint8(1), "", params(`{"name":"valueSet","resource":`+pets+`}`, of("codeableConcept", "CodeableConcept", `{"coding":[{"code":"F"}]}`)))
	f.Add(uint8(2), "code=dog", params(`{"name":"codeSystem","resource":`+zoo+`}`))
	f.Add(uint8(3), "system="+genderCode+"&code=male&property=a&property=b", params())
	f.Add(uint8(4), "", params(`{"name":"codeSystem","resource":`+zoo+`}`, of("codeA", "Code", `"dog"`), of("codeB", "Code", `"owl"`)))
	f.Add(uint8(5), "reverse=true", params(`{"name":"conceptMap","resource":`+food+`}`, of("coding", "Coding", `{"system":"http://meals","code":"mice"}`)))
	f.Fuzz(func(t *testing.T, op uint8, query, body string) {
		if body == "" || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' || r == '%' }) {
			return // no request of HTTP
		}
		o := codeOperations[int(op)%len(codeOperations)]
		w := g.send(&exchange{do: "POST /" + o.typ + "/" + o.name + "?" + query, body: body})
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
