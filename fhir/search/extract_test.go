package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// say writes a term as tests compare it.
func say(t *term.Term) string {
	switch t.Kind {
	case term.Token:
		if t.Of != "" {
			return t.System + "|" + t.Code + " of " + t.Of
		}
		return t.System + "|" + t.Code
	case term.Reference:
		if t.System != "" || t.Code != "" {
			return t.Value + " id " + t.System + "|" + t.Code
		}
		return t.Value
	case term.Date:
		return instant(t.Lo) + ".." + instant(t.Hi)
	case term.String:
		return t.Value + " ~ " + t.Folded
	case term.Number:
		return fmt.Sprintf("%g..%g", t.Low, t.High)
	case term.Quantity:
		s := fmt.Sprintf("%g..%g %s|%s %s", t.Low, t.High, t.System, t.Code, t.Unit)
		if c := t.Canonical; c != nil {
			s += fmt.Sprintf(" = %g..%g %s", c.Low, c.High, c.Unit)
		}
		return s
	case term.Composite:
		var parts []string
		for i := range t.Parts {
			parts = append(parts, say(&t.Parts[i]))
		}
		return strings.Join(parts, " $ ")
	case term.Text:
		return "text " + t.Folded
	case term.Missing:
		return "missing"
	}
	return t.Value
}

func instant(ms int64) string {
	switch ms {
	case term.Past:
		return "past"
	case term.Future:
		return "future"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000")
}

func termsOf(t testing.TB, source string) []term.Term {
	t.Helper()
	var doc tape.Tape
	if err := doc.Parse([]byte(source), bundleLimits); err != nil {
		t.Fatal(err)
	}
	return New(definition.Base()).Of(doc.Root().Get("resourceType").Text()).Terms(nil, doc.Root(), nil)
}

func TestTerms(t *testing.T) {
	const mass = `"valueQuantity":{"value":70.50,"unit":"kilo","system":"http://unitsofmeasure.org","code":"kg"}`
	tests := []struct {
		name, param, source string
		want                []string
	}{
		{"Coding with display", "code", `{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Body Weight"}],"text":"Body Weight"}}`,
			[]string{"http://loinc.org|29463-7", "text body weight"}},
		{"text alone is a value", "code", `{"resourceType":"Observation","code":{"text":"Gewicht (kg)"}}`, []string{"text gewicht kg"}},
		{"nothing is missing", "code", `{"resourceType":"Observation"}`, []string{"missing"}},
		{"implicit system", "gender", `{"resourceType":"Patient","gender":"male"}`, []string{"http://hl7.org/fhir/administrative-gender|male"}},
		{"boolean", "active", `{"resourceType":"Patient","active":true}`, []string{"|true"}},
		{"identifier with two types", "identifier", `{"resourceType":"Patient","identifier":[{"system":"s","value":"1","type":{"text":"Number","coding":[{"system":"t","code":"MR"},{"system":"u","code":"X"}]}}]}`,
			[]string{"s|1 of t|MR", "s|1 of u|X", "text number"}},
		{"contact", "email", `{"resourceType":"Patient","telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b"}]}`, []string{"email|a@b"}},
		{"any contact", "telecom", `{"resourceType":"Patient","telecom":[{"system":"phone","value":"1"},{"value":"2"}]}`, []string{"phone|1", "|2"}},

		{"relative reference", "subject", `{"resourceType":"Observation","subject":{"reference":"Patient/1","display":"Amina"}}`, []string{"Patient/1", "text amina"}},
		{"a patient by URL", "patient", `{"resourceType":"Observation","subject":{"reference":"http://a.b/fhir/Patient/1"}}`, []string{"http://a.b/fhir/Patient/1"}},
		{"not a patient", "patient", `{"resourceType":"Observation","subject":{"reference":"Group/1"}}`, []string{"missing"}},
		{"a patient by type", "patient", `{"resourceType":"Observation","subject":{"type":"Patient","identifier":{"system":"s","value":"1"}}}`, []string{" id s|1"}},
		{"contained", "subject", `{"resourceType":"Observation","subject":{"reference":"#p"}}`, nil},
		{"versioned", "subject", `{"resourceType":"Observation","subject":{"reference":"Patient/1/_history/2"}}`, []string{"Patient/1/_history/2"}},
		{"canonical", "instantiates-canonical", `{"resourceType":"CarePlan","instantiatesCanonical":["http://a|1","http://b"]}`, []string{"http://a|1", "http://a", "http://b", "http://b|"}},
		{"names", "_canonical", `{"resourceType":"ValueSet","url":"http://a/b","version":"2"}`, []string{"http://a/b|", "http://a/b|2"}},
		{"no name", "_canonical", `{"resourceType":"Patient","url":"http://a/b"}`, nil},
		{"first entry", "composition", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","id":"c"}},{"resource":{"resourceType":"Composition","id":"d"}}]}`, []string{"Composition/c"}},

		{"partial date", "birthdate", `{"resourceType":"Patient","birthDate":"1970-02"}`, []string{"1970-02-01T00:00:00.000..1970-02-28T23:59:59.999"}},
		{"no zone is UTC", "date", `{"resourceType":"Observation","effectiveDateTime":"2020-01-01T10:00:00"}`, []string{"2020-01-01T10:00:00.000..2020-01-01T10:00:00.999"}},
		{"zone", "date", `{"resourceType":"Observation","effectiveInstant":"2020-01-01T10:00:00.5+03:00"}`, []string{"2020-01-01T07:00:00.500..2020-01-01T07:00:00.500"}},
		{"open period", "date", `{"resourceType":"Encounter","period":{"start":"2020"}}`, []string{"2020-01-01T00:00:00.000..future"}},
		{"timing", "date", `{"resourceType":"Observation","effectiveTiming":{"event":["2021","2020-05"]}}`, []string{"2020-05-01T00:00:00.000..2021-12-31T23:59:59.999"}},
		{"no date", "birthdate", `{"resourceType":"Patient","birthDate":"soon"}`, nil},

		{"name", "name", `{"resourceType":"Patient","name":[{"given":["Aïsha","B."],"family":"Al-Zahrā’"}]}`,
			[]string{"Aïsha ~ aisha", "B. ~ b.", "Al-Zahrā’ ~ al-zahra'", "Aïsha B. Al-Zahrā’ ~ aisha b. al-zahra'"}},
		{"name with text", "name", `{"resourceType":"Patient","name":[{"text":"The  Whole","family":"Whole"}]}`, []string{"Whole ~ whole", "The  Whole ~ the whole"}},
		{"null among names", "given", `{"resourceType":"Patient","name":[{"given":[null,"Bob"],"_given":[{"extension":[]},null]}]}`, []string{"Bob ~ bob"}},
		{"address", "address", `{"resourceType":"Patient","address":[{"line":["1 Main St"],"city":"Riyadh","postalCode":"11564"}]}`,
			[]string{"1 Main St ~ 1 main st", "Riyadh ~ riyadh", "11564 ~ 11564", "1 Main St Riyadh 11564 ~ 1 main st riyadh 11564"}},
		{"text of a concept", "value-string", `{"resourceType":"Observation","valueCodeableConcept":{"text":"High"}}`, []string{"High ~ high"}},

		{"decimal", "probability", `{"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":0.10},{"probabilityRange":{"low":{"value":1},"high":{"value":2}}}]}`, []string{"0.1..0.1", "1..2"}},
		{"quantity", "value-quantity", `{"resourceType":"Observation",` + mass + `}`, []string{"70.5..70.5 http://unitsofmeasure.org|kg kilo = 70500..70500 g"}},
		{"comparator", "value-quantity", `{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":"<","code":"x"}}`, []string{"-Inf..5 |x "}},
		{"sampled data", "value-quantity", `{"resourceType":"Observation","valueSampledData":{"origin":{"value":10},"factor":2,"data":"1 E -3 5"}}`, []string{"4..20 | "}},
		{"money", "totalgross", `{"resourceType":"Invoice","totalGross":{"value":12.5,"currency":"SAR"}}`, []string{"12.5..12.5 urn:iso:std:iso:4217|SAR "}},

		{"uri", "url", `{"resourceType":"ValueSet","url":"http://a/b"}`, []string{"http://a/b"}},
		{"composite", "code-value-quantity", `{"resourceType":"Observation","code":{"coding":[{"system":"s","code":"a"},{"code":"b"}]},` + mass + `}`,
			[]string{"s|a $ 70.5..70.5 http://unitsofmeasure.org|kg kilo = 70500..70500 g", "|b $ 70.5..70.5 http://unitsofmeasure.org|kg kilo = 70500..70500 g"}},
		{"composite of each component", "component-code-value-quantity", `{"resourceType":"Observation","component":[{"code":{"coding":[{"code":"a"}]},"valueQuantity":{"value":1}},{"code":{"coding":[{"code":"b"}]},"valueQuantity":{"value":2}}]}`,
			[]string{"|a $ 1..1 | ", "|b $ 2..2 | "}},
		{"composite with a part of the resource", "chromosome-variant-coordinate", `{"resourceType":"MolecularSequence","referenceSeq":{"chromosome":{"coding":[{"code":"1"}]}},"variant":[{"start":5,"end":7}]}`,
			[]string{"|1 $ 5..5 $ 7..7"}},
		{"half a composite", "code-value-quantity", `{"resourceType":"Observation","code":{"coding":[{"code":"a"}]}}`, []string{"missing"}},

		{"deceased by date", "deceased", `{"resourceType":"Patient","deceasedDateTime":"2020"}`, []string{"|true"}},
		{"not deceased", "deceased", `{"resourceType":"Patient","deceasedBoolean":false}`, []string{"|false"}},
		{"nothing said of death", "deceased", `{"resourceType":"Patient"}`, []string{"|false"}},

		{"tag", "_tag", `{"resourceType":"Binary","meta":{"tag":[{"system":"s","code":"t"}]}}`, []string{"s|t"}},
		{"narrative", "_text", `{"resourceType":"Patient","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Fever<br/>f&#233;ver, fever <!-- x > y --> &lt;39</div>"}}`, []string{"text fever 39"}},
		{"content", "_content", `{"resourceType":"Patient","id":"no","identifier":[{"value":"no"}],"gender":"male","name":[{"family":"Yes"}],"contained":[{"resourceType":"Observation","code":{"text":"inner word"}}],"extension":[{"url":"http://no","valueString":"more"}]}`,
			[]string{"text yes inner word more"}},
		{"wrong types", "code", `{"resourceType":"Observation","code":[[{"coding":"x"}],7,{"coding":[7,{"code":{}}]}]}`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, v := range termsOf(t, test.source) {
				if v.Param == test.param {
					got = append(got, say(&v))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestResolvedReferences(t *testing.T) {
	var doc tape.Tape
	source := `{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"}}`
	if err := doc.Parse([]byte(source), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	at := doc.Root().Get("subject").Get("reference").Start()
	for _, v := range New(definition.Base()).Of("Observation").Terms(nil, doc.Root(), map[int]string{at: "Patient/1"}) {
		if v.Param == "patient" && v.Value != "Patient/1" {
			t.Errorf("got %q", say(&v))
		}
	}
}

// TestRealResources goes through all published resources: each has terms for every parameter of its type or is said to miss it, and the same
// ones each time.
func TestRealResources(t *testing.T) {
	p := New(definition.Base())
	count := 0
	check := func(name string, v tape.Value) {
		typ := p.Of(v.Get("resourceType").Text())
		if typ == nil {
			return
		}
		list := typ.Terms(nil, v, nil)
		if again := typ.Terms(nil, v, nil); len(again) != len(list) {
			t.Fatalf("%s: %d terms, then %d", name, len(list), len(again))
		}
		count++
		for i := range list {
			param := typ.Param(list[i].Param)
			if list[i].Param == term.ParamCanonical && list[i].Kind == term.Reference && typ.Param("url") != nil {
				continue
			}
			if param == nil || param.Kind != list[i].Kind && list[i].Kind != term.Text && list[i].Kind != term.Missing {
				t.Fatalf("%s: a term of %q and kind %d", name, list[i].Param, list[i].Kind)
			}
		}
	}
	for name, root := range eachFile(t, "data/fhir/hl7-r4-examples/*.json", "data/fhir/ips/*.json", "data/fhir/us-core-examples/*.json", "data/fhir/synthea/pathling/*.json.gz", "data/fhir/synthea/smart-2019/A*.json.gz") {
		check(name, root)
		if strings.Contains(name, "synthea") {
			for e := root.Get("entry").First(); e.Exists(); e = e.Next() {
				check(name, e.Get("resource"))
			}
		}
	}
	t.Log(count, "resources")
}

func TestTypesAreIndependentOfOrder(t *testing.T) {
	source := `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","name":[{"family":"Inner"}]}}]}`
	if got := termsOf(t, source); !slices.ContainsFunc(got, func(v term.Term) bool { return v.Param == "_content" && v.Folded == "inner" }) {
		t.Error("the content of a Bundle's resources is not found")
	}
}

func FuzzTerms(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Observation","code":{"coding":[{"code":"x"}]},"valueQuantity":{"value":1e400},"component":[{"code":null}]}`))
	f.Add([]byte(`{"resourceType":"Patient","name":[{"given":["a",null]}],"birthDate":"2020-13","deceasedBoolean":true,"text":{"div":"<p><!--"}}`))
	f.Add([]byte(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","id":"a"}}]}`))
	f.Add([]byte(`{"resourceType":"MolecularSequence","variant":[{"start":1},{"end":2}],"referenceSeq":[]}`))
	p := New(definition.Base())
	f.Fuzz(func(t *testing.T, source []byte) {
		var doc tape.Tape
		if doc.Parse(source, tape.Limits{Bytes: 1 << 16}) != nil {
			return
		}
		if typ := p.Of(doc.Root().Get("resourceType").Text()); typ != nil {
			typ.Terms(nil, doc.Root(), nil)
		}
	})
}

// TestExpressionsTogetherAreBounded has expressions that each go beyond their limit: what comes after them gives nothing, once they have taken what all may.
func TestExpressionsTogetherAreBounded(t *testing.T) {
	body := `{"resourceType":"Patient","id":"a","name":[` + strings.Repeat(`{"family":"f"},`, 1000) + `{"family":"g"}]}`
	doc := tape.Get()
	defer doc.Release()
	if err := doc.Parse([]byte(body), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	for heavy, want := range map[int]int{0: 1, 2: 1, 8: 0} {
		var own []*definition.SearchParameter
		add := func(code, expression string) {
			own = append(own, &definition.SearchParameter{URL: "http://x/" + code, Code: code, Base: []string{"Patient"}, Type: "string", Expression: expression})
		}
		for i := range heavy {
			add(fmt.Sprint("heavy", i), "Patient.name.where(%resource.descendants().count() > 0).family")
		}
		add("light", "Patient.id.upper()")
		found := 0
		for _, x := range New(definition.Base(), own...).Of("Patient").Terms(nil, doc.Root(), nil) {
			if x.Param == "light" && x.Kind == term.String {
				found++
			}
		}
		if found != want {
			t.Errorf("after %d others %d terms, want %d", heavy, found, want)
		}
	}
}
