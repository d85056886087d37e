package fhir

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	birds = `{"resourceType":"ValueSet","id":"birds","url":"http://birds","version":"1.0","status":"active",
 "compose":{"include":[{"system":"http://zoo","filter":[{"property":"concept","op":"is-a","value":"owl"}]}]}}`
)

// TestOwnDefinitions asks by URL for what resources of the node define, and holds the entries to what the answers rest on.
func TestOwnDefinitions(t *testing.T) {
	g := newGate(t, Limits{})
	draft := strings.NewReplacer(`"birds"`, `"birds2"`, `"1.0"`, `"2.0"`, `"active"`, `"draft"`, `"value":"owl"`, `"value":"mammal"`).Replace(birds)
	g.run(t, []exchange{
		{name: "not yet", do: "GET /ValueSet/$expand?url=http://birds", status: 404, entries: []string{"refuse 404"}},
		{do: "PUT /CodeSystem/zoo", body: zoo, status: 201}, {do: "PUT /ValueSet/birds", body: birds, status: 201}, {do: "PUT /ConceptMap/food", body: food, status: 201},

		{do: "GET /ValueSet/$expand?url=http://birds", status: 200, has: []string{`"total":1`, `"code":"owl","display":"Owl"`}, entries: []string{"read ValueSet/birds/1 CodeSystem/zoo/1"}},
		{name: "again", do: "GET /ValueSet/$expand?url=http://birds|1.0", status: 200, has: []string{`"code":"owl"`}, entries: []string{"read ValueSet/birds/1 CodeSystem/zoo/1"}},
		{name: "another version", do: "GET /ValueSet/$expand?url=http://birds|2.0", status: 404},
		{name: "by id, with the system of the node", do: "GET /ValueSet/birds/$expand", status: 200, has: []string{`"code":"owl"`}, entries: []string{"read ValueSet/birds/1", "read CodeSystem/zoo/1"}},
		{do: "GET /ValueSet/$validate-code?url=http://birds&system=http://zoo&code=dog", status: 200, has: []string{`"valueBoolean":false`}, entries: []string{"read ValueSet/birds/1 CodeSystem/zoo/1"}},
		{do: "GET /CodeSystem/$validate-code?url=http://zoo&code=dog", status: 200, has: []string{`"valueBoolean":true`}, entries: []string{"read CodeSystem/zoo/1"}},
		{do: "GET /CodeSystem/$lookup?system=http://zoo&code=dog", status: 200, has: []string{"Dog"}, entries: []string{"read CodeSystem/zoo/1"}},
		{do: "GET /CodeSystem/$subsumes?system=http://zoo&codeA=mammal&codeB=dog", status: 200, has: []string{`"subsumes"`}, entries: []string{"read CodeSystem/zoo/1"}},
		{do: "GET /ConceptMap/$translate?url=http://food&system=http://zoo&code=owl", status: 200, has: []string{`"mice"`}, entries: []string{"read ConceptMap/food/1"}},
		{do: "GET /ConceptMap/$translate?targetsystem=http://meals&system=http://zoo&code=owl", status: 200, has: []string{`"mice"`}},

		{name: "who may not read it is told as if there were none", do: "GET /ValueSet/$expand?url=http://birds", actor: "Patient/p1", status: 404, hasNot: []string{"owl"}, entries: []string{"refuse 404"}},
		{do: "GET /CodeSystem/$lookup?system=http://zoo&code=dog", actor: "Patient/p1", status: 404, entries: []string{"refuse 404"}},
		{name: "what R4 defines is for all", do: "GET /ValueSet/$expand?url=" + genderSet, actor: "Patient/p1", status: 200, entries: []string{shown}},

		{name: "a draft of a higher version", do: "PUT /ValueSet/birds2", body: draft, status: 201},
		{name: "does not stand for one that is active", do: "GET /ValueSet/$expand?url=http://birds", status: 200, has: []string{`"code":"owl"`}},
		{name: "but is there by its version", do: "GET /ValueSet/$expand?url=http://birds|2.0", status: 200, has: []string{`"code":"dog"`}},
		{name: "made active", do: "PUT /ValueSet/birds2", body: strings.Replace(draft, `"draft"`, `"active"`, 1), status: 200},
		{name: "it counts", do: "GET /ValueSet/$expand?url=http://birds", status: 200, has: []string{`"code":"dog"`}, entries: []string{"read ValueSet/birds2/2 CodeSystem/zoo/1"}},
		{name: "retired", do: "PUT /ValueSet/birds2", body: strings.Replace(draft, `"draft"`, `"retired"`, 1), status: 200},
		{do: "GET /ValueSet/$expand?url=http://birds|2.0", status: 404},
		{do: "DELETE /ValueSet/birds", status: 204},
		{name: "deleted", do: "GET /ValueSet/$expand?url=http://birds", status: 404},

		{name: "R4 comes first", do: "PUT /ValueSet/gender", body: strings.NewReplacer(`"birds"`, `"gender"`, "http://birds", genderSet).Replace(birds), status: 201},
		{do: "GET /ValueSet/$expand?url=" + genderSet, status: 200, has: []string{`"code":"female"`}, hasNot: []string{"owl"}, entries: []string{shown}},
	})
}

// TestOwnContentOfKnownSystems: a code system that is known by name alone has the content that the node has of it.
func TestOwnContentOfKnownSystems(t *testing.T) {
	g := newGate(t, Limits{})
	loinc := strings.NewReplacer(`"zoo"`, `"loinc"`, "http://zoo", "http://loinc.org").Replace(zoo)
	ask := exchange{do: "GET /CodeSystem/$lookup?system=http://loinc.org&code=dog", status: 404}
	g.run(t, []exchange{ask, {do: "PUT /CodeSystem/loinc", body: loinc, status: 201}, {do: ask.do, status: 200, has: []string{"Dog"}, entries: []string{"read CodeSystem/loinc/1"}}})
}

// TestSearchesByOwnDefinitions finds resources by value sets and code systems of the node.
func TestSearchesByOwnDefinitions(t *testing.T) {
	dir := t.TempDir()
	g, stop := realGate(t, dir, true)
	defer func() { stop() }()
	put := func(ref, body string) {
		t.Helper()
		if w := g.send(&exchange{do: "PUT /" + ref, body: body}); w.Code != http.StatusCreated && w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", ref, w.Code, w.Body)
		}
	}
	found := func(query, want string) {
		t.Helper()
		if got := ids(t, g.get(t, "/Observation?_sort=_id&"+query, "", http.StatusOK)); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	put("Patient/p1", patient)
	for _, code := range []string{"dog", "mammal", "owl"} {
		put("Observation/"+code, fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","subject":{"reference":"Patient/p1"},"code":{"coding":[{"system":"http://zoo","code":%q}]}}`, code, code))
	}
	g.get(t, "/Observation?code:in=http://birds", "", http.StatusBadRequest)
	put("CodeSystem/zoo", zoo)
	put("ValueSet/birds", birds)
	for i := range 2 {
		found("code:in=http://birds", "owl")
		found("code:not-in=http://birds", "dog mammal")
		found("code:below=http://zoo|mammal", "dog mammal")
		found("code:above=http://zoo|dog", "dog mammal")
		g.get(t, "/Observation?code:in=http://birds", "Patient/p1", http.StatusBadRequest)
		if i == 0 { // the same after a restart
			stop()
			g, stop = realGate(t, dir, false)
		}
	}
	put("ValueSet/birds", strings.Replace(birds, `"value":"owl"`, `"value":"mammal"`, 1))
	found("code:in=http://birds", "dog mammal")
	put("CodeSystem/zoo", strings.Replace(zoo, `{"code":"dog","display":"Dog"}`, `{"code":"cat","display":"Cat"}`, 1))
	found("code:in=http://birds", "mammal")
	if got := string(g.get(t, "/ValueSet/$expand?url=http://birds", "", http.StatusOK)); !strings.Contains(got, `"cat"`) {
		t.Error(got)
	}
	log := string(g.get(t, "/AuditEvent?entity=ValueSet/birds&action=R", "auditor", http.StatusOK))
	if !strings.Contains(log, "ValueSet/birds/_history/2") || !strings.Contains(log, "CodeSystem/zoo/_history/2") {
		t.Errorf("no entry names what was used: %s", log)
	}
}

const ownProfile = `{"resourceType":"StructureDefinition","id":"pulse","url":"http://profiles/pulse","name":"Pulse","status":"active","kind":"resource","abstract":false,"type":"Observation",
 "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","derivation":"constraint","snapshot":{"element":[
 {"id":"Observation","path":"Observation","min":0,"max":"*","base":{"path":"Observation","min":0,"max":"*"}},
 {"id":"Observation.code","path":"Observation.code","min":1,"max":"1","base":{"path":"Observation.code","min":1,"max":"1"},"type":[{"code":"CodeableConcept"}],"binding":{"strength":"required","valueSet":"http://birds"}},
 {"id":"Observation.issued","path":"Observation.issued","min":1,"max":"1","base":{"path":"Observation.issued","min":0,"max":"1"},"type":[{"code":"instant"}]}]}}`

// TestOwnProfiles checks resources against profiles of the node, whose bindings are to value sets of the node.
func TestOwnProfiles(t *testing.T) {
	g := newGate(t, Limits{})
	of := func(code, issued string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://zoo","code":%q}]}%s}`, code, issued)
	}
	const issued = `,"issued":"2026-01-01T00:00:00Z"`
	check := "POST /Observation/$validate?profile=http://profiles/pulse"
	g.run(t, []exchange{
		{name: "not yet", do: check, body: of("owl", issued), status: 200, has: []string{`"not-supported"`}, entries: []string{shown}},
		{do: "PUT /CodeSystem/zoo", body: zoo, status: 201}, {do: "PUT /ValueSet/birds", body: birds, status: 201}, {do: "PUT /StructureDefinition/pulse", body: ownProfile, status: 201},
		{name: "good", do: check, body: of("owl", issued), status: 200, hasNot: []string{`"error"`}, entries: []string{shown, "read StructureDefinition/pulse/1 ValueSet/birds/1 CodeSystem/zoo/1"}},
		{name: "another code", do: check, body: of("dog", issued), status: 200, has: []string{`"code-invalid"`}},
		{name: "something missing", do: check, body: of("owl", ""), status: 200, has: []string{`"required"`, "Observation.issued"}},
		{name: "claimed", do: "POST /Observation/$validate", body: strings.Replace(of("owl", ""), `"status"`, `"meta":{"profile":["http://profiles/pulse"]},"status"`, 1), status: 200, has: []string{"Observation.issued"}},
		{name: "who may not read it", do: check, body: of("owl", ""), actor: "Patient/p1", status: 200, has: []string{`"not-supported"`}, hasNot: []string{"issued"}},
		{name: "changed", do: "PUT /StructureDefinition/pulse", body: strings.Replace(ownProfile, `"Observation.issued","min":1`, `"Observation.issued","min":0`, 1), status: 200},
		{do: check, body: of("owl", ""), status: 200, hasNot: []string{`"error"`}},
		{name: "its value set changed", do: "PUT /ValueSet/birds", body: strings.Replace(birds, `"value":"owl"`, `"value":"mammal"`, 1), status: 200},
		{do: check, body: of("owl", ""), status: 200, has: []string{`"code-invalid"`}},
		{name: "writes are checked by R4 and packages", do: "POST /Observation", body: strings.Replace(of("owl", ""), `"status"`, `"meta":{"profile":["http://profiles/pulse"]},"status"`, 1), status: 201},
	})
}

// TestProfilesThatLeadNowhere: a profile that anybody may write ends a check, not the node.
func TestProfilesThatLeadNowhere(t *testing.T) {
	g := newGate(t, Limits{})
	const simple = `{"resourceType":"Observation","status":"final","code":{"text":"x"}}`
	element := func(id, more string) string {
		return fmt.Sprintf(`{"id":%q,"path":"Observation","min":0,"max":"*","base":{"path":"Observation","min":0,"max":"*"}%s}`, id, more)
	}
	rule := func(expression string) string {
		return fmt.Sprintf(`,"constraint":[{"key":"k-1","severity":"error","human":"h","expression":%q}]`, expression)
	}
	put := func(n int, elements string) {
		t.Helper()
		at := strings.Index(ownProfile, `"element":[`)
		body := strings.NewReplacer(`"pulse"`, fmt.Sprintf(`"n%d"`, n), "profiles/pulse", fmt.Sprintf("profiles/n%d", n)).Replace(ownProfile[:at]) + `"element":[` + elements + `]}}`
		if w := g.send(&exchange{do: fmt.Sprintf("PUT /StructureDefinition/n%d", n), body: body}); w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	put(0, element("Observation", "")+","+element("x", ""))
	put(1, element("Observation", rule("memberOf('') or true")))
	put(2, element("Observation", rule("conformsTo('http://profiles/n2')")))
	for n := range 3 {
		w := g.send(&exchange{do: fmt.Sprintf("POST /Observation/$validate?profile=http://profiles/n%d", n), body: simple})
		if w.Code != http.StatusOK {
			t.Errorf("n%d: %d %s", n, w.Code, w.Body)
		}
	}
}

// TestTerminologyCapabilities holds the statement to what there is.
func TestTerminologyCapabilities(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{{do: "PUT /CodeSystem/zoo", body: zoo, status: 201},
		{do: "GET /metadata?mode=terminology", actor: "-", status: 200, has: []string{genderCode, "http://unitsofmeasure.org"}, hasNot: []string{"http://zoo", `"http://loinc.org"`}},
		{do: "GET /metadata?mode=terminology", actor: "-", header: []string{"Accept: application/fhir+xml"}, status: 200, has: []string{"<TerminologyCapabilities"}},
		{do: "GET /metadata?mode=full", status: 200, has: []string{"CapabilityStatement"}},
		{do: "GET /metadata?mode=foo", status: 400, has: []string{`"value"`}}})
	body := g.send(&exchange{do: "GET /metadata?mode=terminology", actor: "-"}).Body.Bytes()
	var c termsCapability
	if err := json.Unmarshal(body, &c); err != nil {
		t.Fatal(err)
	}
	w := g.send(&exchange{do: "POST /TerminologyCapabilities/$validate", body: string(body)})
	if strings.Contains(w.Body.String(), `"error"`) {
		t.Errorf("%s", w.Body)
	}
	for _, p := range c.Expansion.Parameter { // one that is not known is refused
		w := g.send(&exchange{do: "GET /ValueSet/$expand?url=" + genderSet + "&" + p.Name + "=" + map[string]string{"filter": "male", "displayLanguage": "en", "count": "1", "offset": "0"}[p.Name]})
		if strings.Contains(w.Body.String(), "not-supported") {
			t.Errorf("%s: %s", p.Name, w.Body)
		}
	}
}
