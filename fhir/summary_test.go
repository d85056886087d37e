package fhir

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/demo/patients"
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/summary"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/validation"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/terminology"
)

// ips checks against R4 and IPS 1.1.0.
var ips = sync.OnceValue(func() *validation.Validator {
	files := shared.Files("data/fhir-definitions/ig/ips_v110.tgz")
	if len(files) == 0 {
		return nil
	}
	f, err := os.Open(files[0])
	if err != nil {
		panic(err)
	}
	defer f.Close()
	p, err := definition.ReadPackage(f)
	if err != nil {
		panic(err)
	}
	r, err := definition.NewRegistry(p)
	if err != nil {
		panic(err)
	}
	return validation.New(terminology.New(terminology.FromRegistry(r)), r.StructureDefinition)
})

// summaryOf asks for a summary and checks it against IPS.
func (g *gate) summaryOf(t *testing.T, path string, header ...string) tape.Value {
	t.Helper()
	w := g.send(&exchange{do: "GET " + path, header: header})
	if w.Code != 200 {
		t.Fatalf("%s: %d %.300s", path, w.Code, w.Body)
	}
	root := parsed(t, w.Body.String())
	if v := ips(); v != nil {
		for _, i := range v.Resource(root, validation.Options{Claimed: true}) {
			t.Errorf("%s: %s: %s %s", path, i.Path, i.Severity, i.Text)
		}
	}
	return root
}

// sectionsOf gives what a summary's sections list: "LOINC: references".
func sectionsOf(root tape.Value) (list []string) {
	composition := root.Get("entry").At(0).Get("resource")
	for s := composition.Get("section").First(); s.Exists(); s = s.Next() {
		line := s.Get("code").Get("coding").At(0).Get("code").Text() + ":"
		for e := s.Get("entry").First(); e.Exists(); e = e.Next() {
			ref := strings.TrimPrefix(e.Get("reference").Text(), "http://h.example/fhir/")
			if strings.HasPrefix(ref, "urn:") {
				ref = "made"
			}
			line += " " + ref
		}
		list = append(list, line)
	}
	return list
}

// checkDocument checks what a document has to be beyond profiles: its references from sections lead to entries, once each.
func checkDocument(t *testing.T, name string, root tape.Value) {
	t.Helper()
	urls := map[string]bool{}
	for e := root.Get("entry").First(); e.Exists(); e = e.Next() {
		url := e.Get("fullUrl").Text()
		if urls[url] {
			t.Errorf("%s: %s stands twice", name, url)
		}
		urls[url] = true
	}
	composition := root.Get("entry").At(0).Get("resource")
	check := func(ref string) {
		if !urls[ref] {
			t.Errorf("%s: the composition refers to %q, which is not in the document", name, ref)
		}
	}
	check(composition.Get("subject").Get("reference").Text())
	check(composition.Get("author").At(0).Get("reference").Text())
	for s := composition.Get("section").First(); s.Exists(); s = s.Next() {
		for e := s.Get("entry").First(); e.Exists(); e = e.Next() {
			check(e.Get("reference").Text())
		}
	}
}

// patientsIn lists the patients of a gate.
func (g *gate) patientsIn() (list []string) {
	for ref := range g.store.resources {
		if strings.HasPrefix(ref, "Patient/") {
			list = append(list, ref)
		}
	}
	slices.Sort(list)
	return list
}

// everySample takes the large samples too, which takes minutes.
var everySample = os.Getenv("SIJIL_EVERY_SAMPLE") != ""

// unbound makes of a document the transaction that stores what is in it, but for the Composition.
func unbound(t *testing.T, src []byte) []byte {
	t.Helper()
	type entry = map[string]any
	var b struct{ Entry []entry }
	if err := json.Unmarshal(src, &b); err != nil {
		t.Fatal(err)
	}
	var list []entry
	for _, e := range b.Entry {
		resource, _ := e["resource"].(map[string]any)
		if typ, _ := resource["resourceType"].(string); typ != "" && typ != "Composition" {
			body, err := json.Marshal(resource)
			if err != nil {
				t.Fatal(err)
			}
			if v := ips(); v != nil && len(v.Resource(parsed(t, string(body)), validation.Options{})) > 0 {
				continue // no valid R4
			}
			list = append(list, entry{"fullUrl": e["fullUrl"], "resource": e["resource"], "request": entry{"method": "POST", "url": typ}})
		}
	}
	out, err := json.Marshal(entry{"resourceType": "Bundle", "type": "transaction", "entry": list})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSummaryOfSamples makes the summary of every sample patient, in both languages and both forms, and checks it against IPS.
func TestSummaryOfSamples(t *testing.T) {
	made := 0
	try := func(name string, load func(g *gate) bool) {
		g := newGate(t, Limits{Resource: 16 << 20, Bundle: 64 << 20})
		if !load(g) {
			return
		}
		for _, ref := range g.patientsIn() {
			for _, language := range []string{"en", "ar"} {
				root := g.summaryOf(t, "/"+ref+"/$summary", "Accept-Language: "+language)
				checkDocument(t, name, root)
				made++
			}
			if w := g.send(&exchange{do: "GET /" + ref + "/$summary?_format=xml"}); w.Code != 200 || !strings.Contains(w.Body.String(), `<Bundle xmlns="http://hl7.org/fhir">`) {
				t.Errorf("%s as XML: %d %.300s", name, w.Code, w.Body)
			}
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	posted := func(src []byte) func(g *gate) bool {
		return func(g *gate) bool { return g.send(&exchange{do: "POST ", body: string(src)}).Code == 200 }
	}
	for name, src := range sampleFiles(t, "data/fhir/synthea/*/*.json.gz") {
		if len(src) > 2<<20 && !everySample { // the store of this test looks through everything for every search
			continue
		}
		try(name, posted(src))
	}
	for name, src := range patients.All() {
		if patients.IsPatient(name) && (everySample || len(src) < 1<<20) {
			try(name, posted(src))
		}
	}
	for name, src := range sampleFiles(t, "data/ips/*.json") {
		try(name, posted(unbound(t, src)))
	}
	for name, src := range sampleFiles(t, "data/fhir/ips/Bundle-*.json") {
		try(name, posted(unbound(t, src)))
	}
	t.Logf("%d summaries", made)
}

// TestSummary looks at what goes into a summary, what is made for it, and what it leaves on the ledger.
func TestSummary(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	g.Base = "http://h.example/fhir"
	put := func(ref, rest string) {
		t.Helper()
		typ, id, _ := strings.Cut(ref, "/")
		if w := g.send(&exchange{do: "PUT /" + ref, body: `{"resourceType":"` + typ + `","id":"` + id + `",` + rest + `}`}); w.Code >= 300 {
			t.Fatal(ref, w.Code, w.Body)
		}
	}
	const subject, status = `"subject":{"reference":"Patient/a"}`, `"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"%s"}]},`
	observed := func(category, code, date string) string {
		return `"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"` + category + `"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"` + code +
			`"}]},` + subject + `,"effectiveDateTime":"` + date + `","valueString":"<b>&"`
	}
	put("Organization/org", `"name":"H"`)
	put("Practitioner/nameless", `"active":true`)
	put("Medication/m", `"code":{"text":"Metformin","_text":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/translation","extension":[{"url":"lang","valueCode":"ar"},{"url":"content","valueString":"ميتفورمين"}]}]}}`)
	put("Patient/a", `"active":true,"identifier":[{"system":"urn:mrn","value":"7"}],"managingOrganization":{"reference":"Organization/org"},"generalPractitioner":[{"reference":"Practitioner/nameless"}]`)
	put("Patient/b", `"identifier":[{"system":"urn:twin","value":"1"}],"name":[{"text":"b"}],"birthDate":"1990-01-01"`)
	put("Patient/c", `"identifier":[{"system":"urn:twin","value":"1"}]`)
	put("MedicationRequest/mr", `"status":"active","intent":"order","medicationReference":{"reference":"Medication/m"},`+subject)
	put("MedicationRequest/old", `"status":"completed","intent":"order","medicationCodeableConcept":{"text":"x"},`+subject)
	put("AllergyIntolerance/refuted", `"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"refuted"}]},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"code":{"text":"x"},"patient":{"reference":"Patient/a"}`)
	put("Condition/bare", `"code":{"text":"Asthma"},`+subject)
	put("Condition/past", strings.Replace(status, "%s", "resolved", 1)+`"code":{"text":"Flu"},`+subject)
	put("Condition/other", strings.Replace(status, "%s", "active", 1)+`"code":{"text":"Other"},"subject":{"reference":"Patient/b"}`)
	put("Procedure/undated", `"status":"completed","code":{"text":"Appendectomy"},`+subject)
	put("Device/pump", `"status":"active","type":{"text":"Pump"},"patient":{"reference":"Patient/a"}`)
	put("Observation/early", observed("laboratory", "4548-4", "2024-01-01"))
	put("Observation/late", observed("laboratory", "4548-4", "2024-03-01"))
	put("Observation/bp", observed("vital-signs", "85354-9", "2024-03-01T08:00:00Z"))
	put("Observation/smoke", observed("social-history", "72166-2", "2024-03-01"))
	put("Observation/survey", observed("survey", "1-1", "2024-03-01"))
	put("DiagnosticReport/r", `"status":"final","category":[{"text":"x"}],"code":{"text":"Panel"},"effectiveDateTime":"2024-02-02",`+subject+`,"result":[{"reference":"Observation/early"}]`)

	w := g.send(&exchange{do: "GET /Patient/a/$summary"})
	root := parsed(t, w.Body.String())
	want := []string{"10160-0: MedicationRequest/mr", "48765-2: made", "11450-4: made Condition/bare", "47519-4: Procedure/undated", "46264-8: made",
		"30954-2: Observation/late DiagnosticReport/r", "8716-3: Observation/bp", "11348-0: Condition/past", "29762-2: Observation/smoke"}
	if got := sectionsOf(root); !slices.Equal(got, want) {
		t.Errorf("sections %q, want %q", got, want)
	}
	body := w.Body.String()
	for what, there := range map[string]bool{
		`"_birthDate":{"extension"`: true, `"name":[{"_text":{"extension"`: true, `"_performedDateTime":{"extension"`: true, "Metformin": true, "&lt;b&gt;&amp;": true, "no-allergy-info": true,
		"no-problem-info": true, "no-known": false, "Practitioner/nameless\",\"resource": false, "Organization/org\",\"resource": true, "Observation/early\",\"resource": true, "Other": false, "survey": false,
	} {
		if strings.Contains(body, what) != there {
			t.Errorf("%s: %v is wrong", what, !there)
		}
	}
	want = []string{
		"Patient/a: search search-type <GET Patient/a/$summary> Patient/a/_history/1 MedicationRequest/mr/_history/1 Condition/bare/_history/1 Condition/past/_history/1 Procedure/undated/_history/1 " +
			"Device/pump/_history/1 DiagnosticReport/r/_history/1 Observation/late/_history/1 Observation/smoke/_history/1 Observation/bp/_history/1 Observation/early/_history/1",
		": search search-type <GET Patient/a/$summary — 13 resources of 2 charts> Medication/m/_history/1 Organization/org/_history/1",
	}
	if got := g.entriesOf(t, w.Header().Get("X-Request-Id")); !slices.Equal(got, want) {
		t.Errorf("it left %s", cmp.Diff(want, got))
	}
	g.summaryOf(t, "/Patient/a/$summary")
	g.summaryOf(t, "/Patient/b/$summary")
	if arabic := g.summaryOf(t, "/Patient/$summary?identifier=urn:mrn%7C7&profile="+summary.Profile, "Accept-Language: ar-SA,en;q=0.5"); !strings.Contains(string(arabic.Raw()), `dir=\"rtl\"`) ||
		!strings.Contains(string(arabic.Raw()), "ميتفورمين") {
		t.Errorf("in Arabic: %.2000s", arabic.Raw())
	}
	for do, status := range map[string]int{
		"GET /Patient/nobody/$summary": 404, "GET /Patient/a/$summary?x=1": 400, "GET /Patient/a/$summary?profile=http://x": 400, "GET /Patient/$summary": 400,
		"GET /Patient/a/$summary?identifier=7": 400, "GET /Patient/$summary?identifier=urn:twin%7C1": 412, "GET /Patient/$summary?identifier=nobody": 404, "POST /Patient/a/$summary": 200,
		"GET /Observation/late/$summary": 404, "GET /Patient/a/$summary?graph=x": 400,
	} {
		if w := g.send(&exchange{do: do}); w.Code != status {
			t.Errorf("%s: %d, want %d: %.300s", do, w.Code, status, w.Body)
		}
	}
	asked := `{"resourceType":"Parameters","parameter":[{"name":"identifer","valueIdentifier":{"system":"urn:mrn","value":"7"}}]}`
	if w := g.send(&exchange{do: "POST /Patient/$summary", body: asked}); w.Code != 200 {
		t.Errorf("by an Identifier: %d %.300s", w.Code, w.Body)
	}
	g.summaryToWhoMaySeeLess(t)
}

// summaryToWhoMaySeeLess asks for summaries as those who may see a part of the record, or none.
func (g *gate) summaryToWhoMaySeeLess(t *testing.T) {
	own := record.Access{Actor: "Patient/a", Role: "patient", Purpose: "PATRQT", Chart: "Patient/a"}
	w := g.ask(own, "GET /Patient/a/$summary", "")
	if body := w.Body.String(); w.Code != 200 || strings.Contains(body, `"resource":{"resourceType":"Organization"`) || strings.Contains(body, "Metformin") {
		t.Errorf("what is not the patient's: %d %.300s", w.Code, w.Body)
	}
	if got := g.entriesOf(t, w.Header().Get("X-Request-Id")); len(got) != 1 || !strings.HasPrefix(got[0], "Patient/a: ") {
		t.Errorf("it left %q", got)
	}
	other := record.Access{Actor: "Patient/b", Role: "patient", Purpose: "PATRQT", Chart: "Patient/b"}
	there, nowhere := g.ask(other, "GET /Patient/$summary?identifier=urn:mrn%7C7", ""), g.ask(other, "GET /Patient/$summary?identifier=urn:mrn%7C8", "")
	if there.Code != 404 || there.Body.String() != nowhere.Body.String() {
		t.Errorf("an identifier of another: %d %s, and of nobody %s", there.Code, there.Body, nowhere.Body)
	}
	there, nowhere = g.ask(other, "GET /Patient/a/$summary", ""), g.ask(other, "GET /Patient/nobody/$summary", "")
	if there.Code != 403 || there.Body.String() != nowhere.Body.String() {
		t.Errorf("another: %d %s, and nobody %s", there.Code, there.Body, nowhere.Body)
	}
	if w := g.ask(record.Access{Actor: "aud", Role: "auditor", Purpose: "HCOMPL"}, "GET /Patient/a/$summary", ""); w.Code != 403 {
		t.Errorf("an auditor: %d %.300s", w.Code, w.Body)
	}
}

func BenchmarkSummary(b *testing.B) {
	var src []byte
	for _, src = range sampleFiles(b, "data/fhir/synthea/smart-2019/*.json.gz") {
		if len(src) > 1<<20 && len(src) < 2<<20 {
			break
		}
	}
	g := newGate(b, Limits{})
	if w := g.send(&exchange{do: "POST ", body: string(src)}); w.Code != 200 {
		b.Fatal(w.Code)
	}
	v := g.store.resources[g.patientsIn()[0]].current()
	var found []*record.Version
	for _, r := range g.store.resources {
		found = append(found, r.current())
	}
	b.ResetTimer()
	b.ReportAllocs()
	for b.Loop() {
		m := summary.New(summary.Options{Base: "http://h.example/fhir", Language: "en", Now: time.Now(), NewID: func() string { return newID(time.Now()) }, Limits: storedLimits,
			Local: func(ref string) (string, string, bool) { return term.Local(ref) }})
		if err := m.Patient(v.ID, v.Body); err != nil {
			b.Fatal(err)
		}
		for _, r := range found {
			m.Take(r.Type, r.ID, r.Body)
		}
		b.SetBytes(int64(len(m.Document())))
	}
	b.ReportMetric(float64(len(found)), "resources")
}
