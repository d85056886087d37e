package fhir

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/record"
)

// own gives a SearchParameter of the test's.
func own(id, code, typ, base, expression, more string) string {
	return fmt.Sprintf(`{"resourceType":"SearchParameter","id":%q,"url":"http://h.example/sp/%s","name":"T","status":"active","description":"d","code":%q,"base":[%q],"type":%q,"expression":%q%s}`,
		id, id, code, base, typ, expression, more)
}

// TestOwnParametersAreChecked sends search parameters that cannot be used.
func TestOwnParametersAreChecked(t *testing.T) {
	g := newGate(t, Limits{})
	if w := g.send(&exchange{do: "PUT /SearchParameter/good", body: own("good", "shift", "token", "Observation", "Observation.extension.where(url='http://h.example/shift').value", "")}); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for name, c := range map[string]struct{ body, path, has string }{
		"code":        {own("x", "a:b", "token", "Patient", "Patient.gender", ""), "SearchParameter.code", "letters"},
		"reserved":    {own("x", "_sort", "token", "Patient", "Patient.gender", ""), "SearchParameter.code", "letters"},
		"special":     {own("x", "x", "special", "Patient", "Patient.gender", ""), "SearchParameter.type", "special"},
		"base":        {own("x", "x", "token", "HumanName", "HumanName.use", ""), "SearchParameter.base", "no type of resource"},
		"expression":  {own("x", "x", "token", "Patient", "Patient.gender.frobnicate(", ""), "SearchParameter.expression", "FHIRPath"},
		"nowhere":     {own("x", "x", "token", "Patient", "Patient.nothing", ""), "SearchParameter.expression", "leads to nothing"},
		"kind":        {own("x", "x", "date", "Patient", "Patient.gender", ""), "SearchParameter.expression", "type date"},
		"clash":       {own("x", "gender", "token", "Patient", "Patient.gender", ""), "SearchParameter.code", "another search parameter"},
		"all types":   {own("x", "gender", "token", "DomainResource", "Patient.gender", ""), "SearchParameter.code", "another search parameter"},
		"components":  {own("x", "x", "composite", "Observation", "Observation", ""), "SearchParameter.component", "components"},
		"unknown":     {own("x", "x", "composite", "Observation", "Observation", `,"component":[{"definition":"http://h.example/none","expression":"code"},{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"code"}]`), "SearchParameter.component", "not known"},
		"part":        {own("x", "x", "composite", "Observation", "Observation", `,"component":[{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"none"},{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"code"}]`), "SearchParameter.component", "leads to nothing"},
		"target":      {own("x", "x", "reference", "Patient", "Patient.link.other", `,"target":["Nobody"]`), "SearchParameter.target", "no type"},
		"not a thing": {own("x", "x", "token", "Patient", "%unknown.gender", ""), "SearchParameter.expression", "FHIRPath"},
	} {
		w := g.send(&exchange{do: "PUT /SearchParameter/x", body: c.body})
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), c.has) || !strings.Contains(w.Body.String(), `"expression":["`+c.path) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	draft := strings.Replace(own("x", "gender", "token", "Patient", "Patient.gender", ""), `"active"`, `"draft"`, 1)
	if w := g.send(&exchange{do: "PUT /SearchParameter/x", body: draft}); w.Code != http.StatusCreated {
		t.Errorf("a draft: %d %s", w.Code, w.Body)
	}
	for _, body := range []string{
		strings.Replace(own("x", "gender", "token", "Patient", "Patient.gender", ""), "http://h.example/sp/x", "http://hl7.org/fhir/SearchParameter/individual-gender", 1),
		own("x", "name", "string", "Patient", "Patient.name", `,"derivedFrom":"http://hl7.org/fhir/SearchParameter/Patient-name"`),
	} {
		if w := g.send(&exchange{do: "PUT /SearchParameter/x", body: body}); w.Code != http.StatusOK {
			t.Errorf("one that replaces: %d %s", w.Code, w.Body)
		}
	}
}

// answered asks until a search is no longer refused because its parameter is being made. Before, it must be refused, and nothing else.
func (g *gate) answered(t *testing.T, path string) string {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		w := g.send(&exchange{do: "GET " + path})
		if w.Code == http.StatusOK {
			return ids(t, w.Body.Bytes())
		}
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"transient"`) || w.Header().Get("Retry-After") == "" || time.Now().After(end) {
			t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestOwnParameters follows search parameters of the node from their first day to the last, over restarts with and without the index.
func TestOwnParameters(t *testing.T) {
	dir := t.TempDir()
	g, stop := realGate(t, dir, true)
	system := record.Access{Actor: "registry", Role: "system", Purpose: "TREAT"}
	put := func(ref, body string) {
		t.Helper()
		if w := g.ask(system, "PUT /"+ref, body); w.Code != http.StatusCreated && w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", ref, w.Code, w.Body)
		}
	}
	put("Patient/p1", patient)
	put("Practitioner/dr", `{"resourceType":"Practitioner","id":"dr","name":[{"family":"Amal"}]}`)
	seen := func(id, shift string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p1"},"extension":[{"url":"http://h.example/shift","valueCode":%q},{"url":"http://h.example/nurse","valueReference":{"reference":"Practitioner/dr"}}]}`, id, shift)
	}
	var all []string
	var bundle strings.Builder
	bundle.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	for i := range 300 {
		id := fmt.Sprintf("o%03d", i)
		if i > 0 {
			bundle.WriteString(",")
		}
		fmt.Fprintf(&bundle, `{"resource":%s,"request":{"method":"PUT","url":"Observation/%s"}}`, seen(id, "night"), id)
		all = append(all, id)
	}
	if w := g.send(&exchange{do: "POST /", body: bundle.String() + "]}"}); w.Code != http.StatusOK {
		t.Fatalf("%d %.500s", w.Code, w.Body)
	}
	night := "/Observation?_count=1000&_sort=_id&shift=night"
	g.get(t, night, "", http.StatusBadRequest)

	put("SearchParameter/shift", own("shift", "shift", "token", "Observation", "Observation.extension.where(url='http://h.example/shift').value", ""))
	put("Observation/o300", seen("o300", "night"))
	all = append(all, "o300")
	if got := g.answered(t, night); got != strings.Join(all, " ") {
		t.Errorf("found %d of %d", len(strings.Fields(got)), len(all))
	}
	if got := string(g.get(t, "/SearchParameter/$status", "", http.StatusOK)); !strings.Contains(got, `"enabled"`) {
		t.Error(got)
	}
	metadata := string(g.get(t, "/metadata", "", http.StatusOK))
	if !strings.Contains(metadata, `{"name":"shift","definition":"http://h.example/sp/shift","type":"token"}`) {
		t.Error("it is not in the CapabilityStatement")
	}

	put("SearchParameter/nurse", own("nurse", "nurse", "reference", "Observation", "Observation.extension('http://h.example/nurse').value.ofType(Reference)", `,"target":["Practitioner"]`))
	g.answered(t, "/Observation?_count=0&nurse=Practitioner/dr")
	for path, want := range map[string]string{
		"/Observation?_id=o001&nurse.name=amal":              "o001",
		"/Practitioner?_has:Observation:nurse:shift=night":   "dr",
		"/Observation?_id=o001&_include=Observation:nurse":   "o001 dr",
		"/Practitioner?_id=dr&_revinclude=Observation:nurse": "",
		"/Observation?_sort=-shift,_id&_count=2":             "o000 o001",
		"/Observation?shift:missing=true":                    "",
		"/Observation?shift:not=night":                       "",
		"/Patient?_has:Observation:subject:nurse.name=amal":  "p1",
	} {
		got := ids(t, g.get(t, path, "", http.StatusOK))
		if strings.Contains(path, "_revinclude") {
			if n := len(strings.Fields(got)); n != 1+len(all) {
				t.Errorf("%s: %d resources", path, n)
			}
			continue
		}
		if got != want {
			t.Errorf("%s: %.200q, want %.200q", path, got, want)
		}
	}

	// Another meaning of the same code: never the one half of the answer. After a restart too, wherever it was.
	put("SearchParameter/shift", strings.Replace(own("shift", "shift", "token", "Observation", "Observation.status", ""), `"T"`, `"U"`, 1))
	stop()
	g, stop = realGate(t, dir, false)
	if got := g.answered(t, "/Observation?_count=1000&_sort=_id&shift=final"); got != strings.Join(all, " ") {
		t.Errorf("by another meaning found %d of %d", len(strings.Fields(got)), len(all))
	}
	if got := g.answered(t, night); got != "" {
		t.Errorf("by the old meaning %s", got)
	}
	stop()
	if err := os.RemoveAll(filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}
	g, stop = realGate(t, dir, false)
	defer func() { stop() }()
	if got := g.answered(t, "/Observation?_count=1000&_sort=_id&shift=final"); got != strings.Join(all, " ") {
		t.Errorf("after a rebuild found %d of %d", len(strings.Fields(got)), len(all))
	}

	// Gone, and back: what was written in between must be found.
	if w := g.ask(system, "DELETE /SearchParameter/shift", ""); w.Code != http.StatusNoContent {
		t.Fatal(w.Code)
	}
	g.get(t, night, "", http.StatusBadRequest)
	put("Observation/o301", seen("o301", "day"))
	put("SearchParameter/shift", own("shift", "shift", "token", "Observation", "Observation.extension.where(url='http://h.example/shift').value", ""))
	if got := g.answered(t, "/Observation?shift=day"); got != "o301" {
		t.Errorf("found %q", got)
	}
	put("SearchParameter/shift", strings.Replace(own("shift", "shift", "token", "Observation", "Observation.status", ""), `"active"`, `"retired"`, 1))
	g.get(t, night, "", http.StatusBadRequest)

	// One of R4 that is replaced counts again when the other has gone.
	replaced := strings.Replace(own("gender", "gender", "token", "Patient", "Patient.id", ""), "http://h.example/sp/gender", "http://hl7.org/fhir/SearchParameter/individual-gender", 1)
	put("SearchParameter/gender", replaced)
	if got := g.answered(t, "/Patient?gender=p1"); got != "p1" {
		t.Errorf("found %q", got)
	}
	if w := g.ask(system, "DELETE /SearchParameter/gender", ""); w.Code != http.StatusNoContent {
		t.Fatal(w.Code)
	}
	if got := g.answered(t, "/Patient?gender=p1"); got != "" {
		t.Errorf("found %q", got)
	}
}

// TestOwnParameterMovesNoChart replaces the parameter by which observations belong to a patient: they belong there all the same.
func TestOwnParameterMovesNoChart(t *testing.T) {
	g := newGate(t, Limits{})
	body := strings.Replace(own("subject", "subject", "reference", "Observation", "Observation.focus", ""), "http://h.example/sp/subject", "http://hl7.org/fhir/SearchParameter/Observation-subject", 1)
	body = strings.Replace(body, "http://h.example/sp/patient", "http://hl7.org/fhir/SearchParameter/clinical-patient", 1)
	if w := g.send(&exchange{do: "PUT /SearchParameter/subject", body: body}); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	g.Parameters.Change(map[string]*search.Own{"subject": ownParameter("subject", []byte(body))})
	patientBody := strings.Replace(own("patient", "patient", "reference", "Observation", "Observation.focus", ""), "http://h.example/sp/patient", "http://hl7.org/fhir/SearchParameter/clinical-patient", 1)
	g.Parameters.Change(map[string]*search.Own{"patient": ownParameter("patient", []byte(patientBody))})
	if w := g.send(&exchange{do: "PUT /Observation/o1", body: observation}); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := g.store.resources["Observation/o1"].change.Chart; got != "Patient/p1" {
		t.Errorf("it is in the chart %q", got)
	}
}
