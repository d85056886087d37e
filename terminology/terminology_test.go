package terminology_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// zoo is a code system with a hierarchy in which "bat" has two parents, and value sets on it.
const zoo = `[
{"resourceType":"CodeSystem","url":"http://zoo","version":"2","name":"Zoo","status":"active","content":"complete","caseSensitive":true,
 "property":[{"code":"legs","type":"integer"},{"code":"subsumedBy","uri":"http://hl7.org/fhir/concept-properties#parent","type":"code"},
  {"code":"state","uri":"http://hl7.org/fhir/concept-properties#status","type":"code"}],
 "concept":[
 {"code":"animal","display":"Animal","property":[{"code":"notSelectable","valueBoolean":true}],"concept":[
  {"code":"mammal","display":"Mammal","definition":"It gives milk","concept":[
   {"code":"dog","display":"Dog","designation":[{"language":"ar","value":"كلب"},{"language":"de","value":"Hund"}],"property":[{"code":"legs","valueInteger":4}]},
   {"code":"bat","display":"Bat","property":[{"code":"legs","valueInteger":2},{"code":"subsumedBy","valueCode":"flyer"}]}]},
  {"code":"flyer","display":"Flyer","concept":[{"code":"owl","display":"Owl \"barn\"","property":[{"code":"legs","valueInteger":2}]}]},
  {"code":"dodo","display":"Dodo","property":[{"code":"state","valueCode":"retired"}]}]},
 {"code":"stone","display":"Stone"}]},
{"resourceType":"CodeSystem","url":"http://part","content":"fragment","caseSensitive":true,"concept":[{"code":"a","display":"A"}]},
{"resourceType":"CodeSystem","url":"http://loose","content":"complete","concept":[{"code":"Aa","display":"Double"}]},
{"resourceType":"ValueSet","url":"http://vs/loop","compose":{"include":[{"valueSet":["http://vs/loop2"]}]}},
{"resourceType":"ValueSet","url":"http://vs/loop2","compose":{"include":[{"valueSet":["http://vs/loop"]}]}},
{"resourceType":"ValueSet","url":"http://vs/all","version":"7","name":"All","compose":{"include":[{"system":"http://zoo"}]}},
{"resourceType":"ValueSet","url":"http://vs/mammals","compose":{"include":[{"system":"http://zoo","filter":[{"property":"concept","op":"is-a","value":"mammal"}]}]}},
{"resourceType":"ConceptMap","url":"http://cm/other","group":[{"source":"http://zoo","target":"http://food","element":[{"code":"owl","target":[{"code":"mice","equivalence":"wider"}]}]}]},
{"resourceType":"ConceptMap","url":"http://cm/food","version":"1","sourceUri":"http://vs/all","targetUri":"http://vs/food","group":[
 {"source":"http://zoo","target":"http://food","element":[
  {"code":"dog","target":[{"code":"meat","display":"Meat","equivalence":"wider","product":[{"property":"http://when","system":"http://time","value":"noon"}]},{"code":"bones","equivalence":"relatedto"}]},
  {"code":"stone","target":[{"equivalence":"unmatched"}]},{"code":"bat"}],
  "unmapped":{"mode":"other-map","url":"http://cm/other"}},
 {"source":"http://part","target":"http://food","element":[{"code":"a","target":[{"code":"meat","equivalence":"equal"}]}],"unmapped":{"mode":"fixed","code":"any"}}]}
]`

func parse(t testing.TB, src string) tape.Value {
	t.Helper()
	var p tape.Tape
	if err := p.Parse([]byte(src), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	return p.Root()
}

func zooTerms(t testing.TB) *terminology.Terminology {
	t.Helper()
	m := newMemory()
	for e := parse(t, zoo).First(); e.Exists(); e = e.Next() {
		m.add(e)
	}
	return terminology.New(m)
}

func setOf(t testing.TB, compose string) (*terminology.Set, error) {
	t.Helper()
	return zooTerms(t).SetOf(terminology.ReadValueSet(parse(t, `{"resourceType":"ValueSet","url":"http://vs/test","compose":{`+compose+`}}`)))
}

func filter(property, op, value string) string {
	return `"include":[{"system":"http://zoo","filter":[{"property":"` + property + `","op":"` + op + `","value":"` + value + `"}]}]`
}

// TestExpand goes through what a value set may say.
func TestExpand(t *testing.T) {
	all := "animal mammal dog bat flyer owl dodo stone"
	for _, c := range []struct {
		name, compose, want string
		o                   terminology.ExpandOptions
	}{
		{"whole", `"include":[{"system":"http://zoo"}]`, all, terminology.ExpandOptions{}},
		{"is-a", filter("concept", "is-a", "mammal"), "mammal dog bat", terminology.ExpandOptions{}},
		{"is-a over a second parent", filter("concept", "is-a", "flyer"), "bat flyer owl", terminology.ExpandOptions{}},
		{"descendent-of", filter("concept", "descendent-of", "flyer"), "bat owl", terminology.ExpandOptions{}},
		{"is-not-a", filter("concept", "is-not-a", "mammal"), "animal flyer owl dodo stone", terminology.ExpandOptions{}},
		{"generalizes", filter("concept", "generalizes", "bat"), "animal mammal bat flyer", terminology.ExpandOptions{}},
		{"=", filter("legs", "=", "2"), "bat owl", terminology.ExpandOptions{}},
		{"= parent", filter("parent", "=", "flyer"), "bat owl", terminology.ExpandOptions{}},
		{"in", filter("legs", "in", "2, 4"), "dog bat owl", terminology.ExpandOptions{}},
		{"in codes", filter("code", "in", "dog,stone"), "dog stone", terminology.ExpandOptions{}},
		{"not-in", filter("code", "not-in", "animal,mammal,flyer,dodo"), "dog bat owl stone", terminology.ExpandOptions{}},
		{"regex", filter("code", "regex", ".o."), "dog", terminology.ExpandOptions{}},
		{"regex is whole", filter("display", "regex", "B|at"), "", terminology.ExpandOptions{}},
		{"exists", filter("legs", "exists", "true"), "dog bat owl", terminology.ExpandOptions{}},
		{"exists not", filter("legs", "exists", "false"), "animal mammal flyer dodo stone", terminology.ExpandOptions{}},
		{"two filters", `"include":[{"system":"http://zoo","filter":[{"property":"concept","op":"is-a","value":"mammal"},{"property":"legs","op":"=","value":"2"}]}]`, "bat", terminology.ExpandOptions{}},
		{"listed", `"include":[{"system":"http://zoo","concept":[{"code":"stone"},{"code":"dog"},{"code":"stone"}]}]`, "stone dog", terminology.ExpandOptions{}},
		{"listed of a system that is not known", `"include":[{"system":"http://snomed.info/sct","concept":[{"code":"1"}]}]`, "1", terminology.ExpandOptions{}},
		{"two includes", `"include":[{"system":"http://zoo","concept":[{"code":"dog"}]},{"system":"http://part"},{"system":"http://zoo","concept":[{"code":"dog"},{"code":"owl"}]}]`, "dog a owl", terminology.ExpandOptions{}},
		{"imported", `"include":[{"valueSet":["http://vs/mammals"]}]`, "mammal dog bat", terminology.ExpandOptions{}},
		{"in both imported", `"include":[{"valueSet":["http://vs/all|7","http://vs/mammals"]}]`, "mammal dog bat", terminology.ExpandOptions{}},
		{"imported and filtered", `"include":[{"system":"http://zoo","valueSet":["http://vs/mammals"],"filter":[{"property":"legs","op":"=","value":"2"}]}]`, "bat", terminology.ExpandOptions{}},
		{"excluded", `"include":[{"system":"http://zoo"}],"exclude":[{"valueSet":["http://vs/mammals"]},{"system":"http://zoo","concept":[{"code":"animal"}]}]`, "flyer owl dodo stone", terminology.ExpandOptions{}},
		{"none inactive", `"inactive":false,"include":[{"system":"http://zoo"}]`, "animal mammal dog bat flyer owl stone", terminology.ExpandOptions{}},
		{"active only", `"include":[{"system":"http://zoo"}]`, "animal mammal dog bat flyer owl stone", terminology.ExpandOptions{ActiveOnly: true}},
		{"text", `"include":[{"system":"http://zoo"}]`, "mammal animal", terminology.ExpandOptions{Filter: "MAL"}},
		{"text of two words", `"include":[{"system":"http://zoo"}]`, "owl", terminology.ExpandOptions{Filter: "barn owl"}},
		{"text in Arabic", `"include":[{"system":"http://zoo"}]`, "dog", terminology.ExpandOptions{Filter: "كلب"}},
	} {
		s, err := setOf(t, c.compose)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		c.o.Count = -1
		x, err := s.Expand(c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, e := range x.Entries {
			got = append(got, e.Code)
		}
		want := strings.Fields(c.want)
		if c.name == "text" {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) || x.Total != len(want) {
			t.Errorf("%s: %v, %d in all, want %v", c.name, got, x.Total, want)
		}
		if c.o.ActiveOnly || c.o.Filter != "" {
			continue
		}
		for code := range strings.FieldsSeq(all) { // asked one by one it is the same
			in := slices.Contains(want, code)
			if v := s.Contains("http://zoo", code); (v == terminology.Yes) != in || v == terminology.Undecided {
				t.Errorf("%s: %s is in: %v", c.name, code, v)
			}
			if v := s.ContainsCode(code); (v == terminology.Yes) != in && c.name != "two includes" {
				t.Errorf("%s: %s alone is in: %v", c.name, code, v)
			}
		}
	}
}

func TestExpandPages(t *testing.T) {
	s, _ := setOf(t, `"include":[{"system":"http://zoo"}]`)
	var got []string
	for offset := 0; ; offset += 3 {
		x, err := s.Expand(terminology.ExpandOptions{Count: 3, Offset: offset})
		if err != nil || x.Total != 8 {
			t.Fatal(x, err)
		}
		if len(x.Entries) == 0 {
			break
		}
		for _, e := range x.Entries {
			got = append(got, e.Code)
		}
	}
	if strings.Join(got, " ") != "animal mammal dog bat flyer owl dodo stone" {
		t.Error(got)
	}
	if x, err := s.Expand(terminology.ExpandOptions{Count: 0}); err != nil || x.Total != 8 || len(x.Entries) != 0 {
		t.Error(x, err)
	}
}

// TestExpansionNested: what is written stands as the system says, and reading it again gives all codes.
func TestExpansionNested(t *testing.T) {
	s, _ := setOf(t, `"include":[{"system":"http://zoo"}],"exclude":[{"system":"http://zoo","concept":[{"code":"mammal"}]}]`)
	x, err := s.Expand(terminology.ExpandOptions{Count: -1, DisplayLanguage: "de-AT", IncludeDesignations: true, IncludeDefinition: true})
	if err != nil {
		t.Fatal(err)
	}
	b := x.Append(nil, "urn:uuid:1", time.Unix(0, 0))
	type contains struct {
		Code, Display string
		Abstract      bool
		Contains      []contains
	}
	var v struct {
		Compose   json.RawMessage
		Expansion struct {
			Total    int
			Contains []contains
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	if len(v.Expansion.Contains) != 2 || len(v.Expansion.Contains[0].Contains) != 4 || v.Expansion.Total != 7 || !v.Expansion.Contains[0].Abstract {
		t.Errorf("not nested as it should be: %s", b)
	}
	if dog := v.Expansion.Contains[0].Contains[0]; dog.Display != "Hund" {
		t.Errorf("not in German: %v", dog)
	}
	if !strings.Contains(string(v.Compose), `"code":"mammal"`) {
		t.Errorf("no definition: %s", v.Compose)
	}
	again := terminology.ReadValueSet(parse(t, strings.Replace(string(b), `"compose"`, `"was"`, 1)))
	s, err = zooTerms(t).SetOf(again)
	if err != nil {
		t.Fatal(err)
	}
	if s.Contains("http://zoo", "owl") != terminology.Yes || s.Contains("http://zoo", "mammal") != terminology.No {
		t.Error("an expansion read again has other codes")
	}
}

func TestCannotBeExpanded(t *testing.T) {
	for _, c := range []struct{ name, compose, kind string }{
		{"content that is not here", `"include":[{"system":"http://loinc.org"}]`, terminology.NotFound},
		{"another version", `"include":[{"system":"http://zoo","version":"1"}]`, terminology.NotFound},
		{"no end", `"include":[{"system":"http://unitsofmeasure.org"}]`, terminology.TooCostly},
		{"a value set that is not here", `"include":[{"valueSet":["http://vs/none"]}]`, terminology.NotFound},
		{"excluded by what is not here", `"include":[{"system":"http://zoo"}],"exclude":[{"valueSet":["http://vs/none"]}]`, terminology.NotFound},
		{"operator", filter("code", "likes", "x"), terminology.NotSupported},
		{"hierarchy of another property", filter("legs", "is-a", "4"), terminology.NotSupported},
		{"regular expression", filter("code", "regex", "(("), terminology.Invalid},
		{"code in a filter", filter("concept", "is-a", "unicorn"), terminology.NotFound},
	} {
		s, err := setOf(t, c.compose)
		if err == nil {
			_, err = s.Expand(terminology.ExpandOptions{Count: -1})
		}
		var e *terminology.Error
		if !errors.As(err, &e) || e.Kind != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	z := zooTerms(t)
	for url, kind := range map[string]string{"http://vs/loop": terminology.Invalid, "http://vs/none": terminology.NotFound, "http://vs/all|8": terminology.NotFound} {
		var e *terminology.Error
		if _, err := z.Set(url); !errors.As(err, &e) || e.Kind != kind {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestUndecided: what is not known is never No.
func TestUndecided(t *testing.T) {
	for _, c := range []struct {
		compose, system, code string
		want                  terminology.Verdict
	}{
		{`"include":[{"system":"http://loinc.org"}]`, "http://loinc.org", "1-8", terminology.Undecided},
		{`"include":[{"system":"http://loinc.org"}]`, "http://zoo", "dog", terminology.No},
		{`"include":[{"system":"http://loinc.org","filter":[{"property":"CLASS","op":"=","value":"x"}]}]`, "http://loinc.org", "1-8", terminology.Undecided},
		{`"include":[{"system":"http://loinc.org","concept":[{"code":"1-8"}]}]`, "http://loinc.org", "2-6", terminology.No},
		{`"include":[{"system":"http://loinc.org"}],"exclude":[{"system":"http://loinc.org","concept":[{"code":"1-8"}]}]`, "http://loinc.org", "1-8", terminology.No},
		{`"include":[{"system":"http://part"}]`, "http://part", "a", terminology.Yes},
		{`"include":[{"system":"http://part"}]`, "http://part", "b", terminology.Undecided},
		{`"include":[{"valueSet":["http://vs/none"]}]`, "http://zoo", "dog", terminology.Undecided},
		{`"include":[{"system":"http://zoo","valueSet":["http://vs/none"]}]`, "http://zoo", "dog", terminology.Undecided},
		{`"include":[{"system":"http://zoo","valueSet":["http://vs/none"]}]`, "http://zoo", "unicorn", terminology.No},
		{`"include":[{"system":"http://zoo"}],"exclude":[{"valueSet":["http://vs/none"]}]`, "http://zoo", "dog", terminology.Undecided},
		{filter("code", "likes", "x"), "http://zoo", "dog", terminology.Undecided},
		{filter("code", "likes", "x"), "http://zoo", "unicorn", terminology.No},
		{`"include":[{"system":"http://unitsofmeasure.org"}]`, "http://unitsofmeasure.org", "mg/dL", terminology.Yes},
		{`"include":[{"system":"http://unitsofmeasure.org"}]`, "http://unitsofmeasure.org", "mgdl", terminology.No},
		{`"include":[{"system":"http://unitsofmeasure.org","filter":[{"property":"canonical","op":"=","value":"m"}]}]`, "http://unitsofmeasure.org", "[in_i]", terminology.Yes},
		{`"include":[{"system":"http://unitsofmeasure.org","filter":[{"property":"canonical","op":"=","value":"m"}]}]`, "http://unitsofmeasure.org", "kg", terminology.No},
		{`"include":[{"system":"http://loose"}]`, "http://loose", "AA", terminology.Yes},
		{`"include":[{"system":"http://loose","concept":[{"code":"aa"}]}]`, "http://loose", "AA", terminology.Yes},
		{`"include":[{"system":"http://zoo"}]`, "http://zoo", "Dog", terminology.No},
		{`"include":[{"system":"urn:ietf:bcp:13"}]`, "urn:ietf:bcp:13", "text/plain;charset=utf-8", terminology.Yes},
		{`"include":[{"system":"urn:ietf:bcp:13"}]`, "urn:ietf:bcp:13", "text", terminology.No},
	} {
		s, err := setOf(t, c.compose)
		if err != nil {
			t.Errorf("%s: %v", c.compose, err)
			continue
		}
		if got := s.Contains(c.system, c.code); got != c.want {
			t.Errorf("%s: %s|%s: %v, want %v", c.compose, c.system, c.code, got, c.want)
		}
		if got := s.ContainsBytes([]byte(c.system), []byte(c.code)); got != c.want {
			t.Errorf("%s: %s|%s in bytes: %v, want %v", c.compose, c.system, c.code, got, c.want)
		}
	}
}

func TestGrammars(t *testing.T) {
	for code, want := range map[string]bool{
		"en": true, "ar-EG": true, "zh-Hant-HK": true, "de-CH-1996": true, "sl-rozaj-biske": true, "en-a-bbb-x-a-ccc": true, "x-whatever": true,
		"zh-cmn-Hans-CN": true, "es-419": true, "i-klingon": true, "de-1901": true,
		"": false, "e": false, "en-": false, "-en": false, "en_US": false, "en-US-US": false, "en-a": false, "abcdefghi": false, "en us": false, "x-": false,
	} {
		s, err := setOf(t, `"include":[{"system":"urn:ietf:bcp:47"}]`)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Contains("urn:ietf:bcp:47", code) == terminology.Yes; got != want {
			t.Errorf("language %q: %v", code, got)
		}
	}
	for code, want := range map[string]bool{
		"text/plain": true, "application/fhir+json": true, "application/fhir+json; fhirVersion=4.0": true, `text/x; a="b;c"; d=e`: true, "image/*": true,
		"": false, "text": false, "text/": false, "/plain": false, "text/plain/x": false, "te xt/plain": false, "text/plain;": false, "text/plain;a": false, "json": false,
	} {
		s, err := setOf(t, `"include":[{"system":"urn:ietf:bcp:13"}]`)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Contains("urn:ietf:bcp:13", code) == terminology.Yes; got != want {
			t.Errorf("media type %q: %v", code, got)
		}
	}
}

func TestValidate(t *testing.T) {
	z := zooTerms(t)
	s, err := z.Set("http://vs/all")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		coding terminology.Coding
		o      terminology.ValidateOptions
		want   terminology.Verdict
		shown  string
	}{
		{terminology.Coding{System: "http://zoo", Code: "dog"}, terminology.ValidateOptions{}, terminology.Yes, "Dog"},
		{terminology.Coding{System: "http://zoo", Code: "dog", Display: " dog "}, terminology.ValidateOptions{}, terminology.Yes, "Dog"},
		{terminology.Coding{System: "http://zoo", Code: "dog", Display: "Hund"}, terminology.ValidateOptions{}, terminology.Yes, "Dog"},
		{terminology.Coding{System: "http://zoo", Code: "dog", Display: "Hund"}, terminology.ValidateOptions{DisplayLanguage: "ar"}, terminology.Yes, "كلب"},
		{terminology.Coding{System: "http://zoo", Code: "dog", Display: "Cat"}, terminology.ValidateOptions{}, terminology.No, "Dog"},
		{terminology.Coding{Code: "dog"}, terminology.ValidateOptions{}, terminology.Yes, "Dog"},
		{terminology.Coding{System: "http://zoo", Code: "animal"}, terminology.ValidateOptions{}, terminology.Yes, "Animal"},
		{terminology.Coding{System: "http://zoo", Code: "animal"}, terminology.ValidateOptions{NoAbstract: true}, terminology.No, "Animal"},
		{terminology.Coding{System: "http://zoo", Code: "cat"}, terminology.ValidateOptions{}, terminology.No, ""},
		{terminology.Coding{System: "http://zoo", Version: "9", Code: "dog"}, terminology.ValidateOptions{}, terminology.Yes, ""},
	} {
		if v := z.ValidateIn(s, c.coding, c.o); v.Verdict != c.want || c.coding.Version == "" && v.Coding.Display != c.shown || (v.Verdict == terminology.Yes) != (v.Message == "") {
			t.Errorf("%v: %+v", c.coding, v)
		}
	}
	for _, c := range []struct {
		coding terminology.Coding
		want   terminology.Verdict
	}{
		{terminology.Coding{System: "http://zoo", Code: "dog"}, terminology.Yes},
		{terminology.Coding{System: "http://zoo", Code: "cat"}, terminology.No},
		{terminology.Coding{System: "http://zoo", Version: "9", Code: "dog"}, terminology.Undecided},
		{terminology.Coding{System: "http://part", Code: "zzz"}, terminology.Undecided},
		{terminology.Coding{System: "http://snomed.info/sct", Code: "zzz"}, terminology.Undecided},
		{terminology.Coding{System: "http://unitsofmeasure.org", Code: "zzz"}, terminology.No},
		{terminology.Coding{System: "http://unitsofmeasure.org", Code: "mg"}, terminology.Yes},
	} {
		if v := z.Validate(c.coding, terminology.ValidateOptions{}); v.Verdict != c.want {
			t.Errorf("%v: %+v", c.coding, v)
		}
	}
}

func TestLookup(t *testing.T) {
	z := zooTerms(t)
	f, err := z.Lookup(terminology.Coding{System: "http://zoo", Code: "bat"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range f.Properties {
		got = append(got, p.Code+"="+p.Value)
	}
	if want := "parent=mammal parent=flyer legs=2 subsumedBy=flyer"; strings.Join(got, " ") != want || f.Name != "Zoo" || f.Version != "2" || f.Display != "Bat" {
		t.Errorf("%+v", f)
	}
	b := f.Append(nil)
	if !json.Valid(b) || !strings.Contains(string(b), `{"name":"code","valueCode":"legs"},{"name":"value","valueInteger":2}`) {
		t.Errorf("%s", b)
	}
	if f, err := z.Lookup(terminology.Coding{System: "http://zoo", Code: "dog"}, []string{"legs"}, "ar"); err != nil || len(f.Properties) != 1 || f.Display != "كلب" {
		t.Errorf("%+v %v", f, err)
	}
	if f, err := z.Lookup(terminology.Coding{System: "http://unitsofmeasure.org", Code: "mg"}, nil, ""); err != nil || f.Name != "UCUM" || f.Display != "mg" {
		t.Errorf("%+v %v", f, err)
	}
	for _, c := range []terminology.Coding{{System: "http://zoo", Code: "cat"}, {System: "http://loinc.org", Code: "1-8"}, {System: "http://zoo", Version: "1", Code: "dog"}, {System: "http://unitsofmeasure.org", Code: "zzz"}} {
		if f, err := z.Lookup(c, nil, ""); err == nil {
			t.Errorf("%v: %+v", c, f)
		}
	}
}

func TestSubsumes(t *testing.T) {
	z := zooTerms(t)
	for _, c := range []struct {
		a, b string
		want terminology.Outcome
	}{
		{"dog", "dog", "equivalent"}, {"animal", "dog", "subsumes"}, {"bat", "flyer", "subsumed-by"}, {"flyer", "bat", "subsumes"},
		{"owl", "mammal", "not-subsumed"}, {"dog", "cat", ""},
	} {
		if got, err := z.Subsumes("http://zoo", "", c.a, c.b); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s, %s: %s %v", c.a, c.b, got, err)
		}
	}
	below, err := z.Below(terminology.Coding{System: "http://zoo", Code: "flyer"}, 10)
	if err != nil || len(below) != 3 {
		t.Errorf("below: %v %v", below, err)
	}
	above, err := z.Above(terminology.Coding{System: "http://zoo", Code: "bat"}, 10)
	if err != nil || len(above) != 4 {
		t.Errorf("above: %v %v", above, err)
	}
	var e *terminology.Error
	if _, err := z.Below(terminology.Coding{System: "http://zoo", Code: "animal"}, 2); !errors.As(err, &e) || e.Kind != terminology.TooCostly {
		t.Errorf("more below than wanted: %v", err)
	}
	s, _ := z.Set("http://vs/mammals")
	if codes, err := s.Codes(3); err != nil || len(codes) != 3 || codes[1] != (terminology.Coding{System: "http://zoo", Code: "dog"}) {
		t.Errorf("%v %v", codes, err)
	}
	if _, err := s.Codes(2); !errors.As(err, &e) || e.Kind != terminology.TooCostly {
		t.Errorf("more codes than wanted: %v", err)
	}
}

func TestTranslate(t *testing.T) {
	z := zooTerms(t)
	for _, c := range []struct {
		name string
		r    terminology.TranslateRequest
		code string
		want string
		ok   bool
	}{
		{"by url", terminology.TranslateRequest{URL: "http://cm/food"}, "http://zoo|dog", "wider meat, relatedto bones", true},
		{"by version", terminology.TranslateRequest{URL: "http://cm/food|1"}, "http://zoo|dog", "wider meat, relatedto bones", true},
		{"by scopes", terminology.TranslateRequest{Source: "http://vs/all", Target: "http://vs/food"}, "http://zoo|dog", "wider meat, relatedto bones", true},
		{"unmatched", terminology.TranslateRequest{URL: "http://cm/food"}, "http://zoo|stone", "unmatched ", false},
		{"named without a target", terminology.TranslateRequest{URL: "http://cm/food"}, "http://zoo|bat", "unmatched ", false},
		{"in another map", terminology.TranslateRequest{URL: "http://cm/food"}, "http://zoo|owl", "wider mice", true},
		{"in no map", terminology.TranslateRequest{URL: "http://cm/food"}, "http://zoo|dodo", "", false},
		{"fixed", terminology.TranslateRequest{URL: "http://cm/food"}, "http://part|b", "inexact any", true},
		{"into another system", terminology.TranslateRequest{URL: "http://cm/food", TargetSystem: "http://drinks"}, "http://zoo|dog", "", false},
		{"backwards", terminology.TranslateRequest{URL: "http://cm/food", Reverse: true}, "http://food|meat", "narrower dog, equal a", true},
		{"backwards into one system", terminology.TranslateRequest{URL: "http://cm/food", Reverse: true, TargetSystem: "http://part"}, "http://food|meat", "equal a", true},
	} {
		system, code, _ := strings.Cut(c.code, "|")
		c.r.Codings = []terminology.Coding{{System: system, Code: code}}
		matches, ok, err := z.Translate(c.r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, m := range matches {
			got = append(got, m.Equivalence+" "+m.Concept.Code)
		}
		if strings.Join(got, ", ") != c.want || ok != c.ok {
			t.Errorf("%s: %v %v", c.name, got, ok)
		}
		if b := terminology.AppendMatches(nil, matches, ok); !json.Valid(b) {
			t.Errorf("%s: %s", c.name, b)
		}
	}
	for _, r := range []terminology.TranslateRequest{{URL: "http://cm/none"}, {Source: "http://vs/none"}, {}} {
		if _, _, err := z.Translate(r); err == nil {
			t.Errorf("%+v: no error", r)
		}
	}
}

// TestWith asks another source first, and leaves nothing of it behind.
func TestWith(t *testing.T) {
	z := zooTerms(t)
	m := newMemory()
	m.add(parse(t, `{"resourceType":"CodeSystem","url":"http://mine","content":"complete","concept":[{"code":"x"}]}`))
	m.add(parse(t, `{"resourceType":"ValueSet","url":"http://vs/all","compose":{"include":[{"system":"http://mine"},{"valueSet":["http://vs/mammals"]}]}}`))
	over := z.With(m)
	s, err := over.Set("http://vs/all")
	if err != nil || s.ContainsCode("x") != terminology.Yes || s.ContainsCode("dog") != terminology.Yes || s.ContainsCode("stone") != terminology.No {
		t.Errorf("%v", err)
	}
	if s, err := z.Set("http://vs/all"); err != nil || s.ContainsCode("x") != terminology.No || s.ContainsCode("stone") != terminology.Yes {
		t.Errorf("%v", err)
	}
}

func TestMembershipDoesNotAllocate(t *testing.T) {
	s, err := zooTerms(t).Set("http://vs/all")
	if err != nil {
		t.Fatal(err)
	}
	system, code, none := []byte("http://zoo"), []byte("dog"), []byte("unicorn")
	if n := testing.AllocsPerRun(100, func() {
		s.ContainsBytes(system, code)
		s.ContainsBytes(system, none)
		s.ContainsCodeBytes(code)
		s.ContainsCodeBytes(none)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkContains(b *testing.B) {
	s, err := r4().Set("http://hl7.org/fhir/ValueSet/observation-status|4.0.1")
	if err != nil {
		b.Fatal(err)
	}
	code := []byte("amended")
	b.ReportAllocs()
	for b.Loop() {
		s.ContainsCodeBytes(code)
	}
}

func BenchmarkContainsInSystem(b *testing.B) {
	s, err := r4().Set("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode")
	if err != nil {
		b.Fatal(err)
	}
	system, code := []byte("http://terminology.hl7.org/CodeSystem/v3-ActCode"), []byte("AMB")
	b.ReportAllocs()
	for b.Loop() {
		s.ContainsBytes(system, code)
	}
}

func BenchmarkMediaType(b *testing.B) {
	s, err := r4().Set("http://hl7.org/fhir/ValueSet/mimetypes|4.0.1")
	if err != nil {
		b.Fatal(err)
	}
	code := []byte("application/pdf")
	b.ReportAllocs()
	for b.Loop() {
		s.ContainsCodeBytes(code)
	}
}

// FuzzDefinitions: whatever a definition says, reading, compiling, expanding and asking it neither panics nor takes long, and what is in an
// expansion is in the set.
func FuzzDefinitions(f *testing.F) {
	f.Add(zoo)
	f.Add(`[{"resourceType":"ValueSet","url":"u","compose":{"include":[{"system":"http://zoo","filter":[{"property":"code","op":"regex","value":"a*"}]},{"valueSet":["u"]}]}}]`)
	f.Add(`[{"resourceType":"CodeSystem","url":"s","content":"complete","concept":[{"code":"a","property":[{"code":"parent","valueCode":"b"}]},{"code":"b","property":[{"code":"parent","valueCode":"a"}]}]}]`)
	f.Fuzz(func(t *testing.T, src string) {
		var p tape.Tape
		if p.Parse([]byte(src), tape.Limits{Bytes: 1 << 16}) != nil {
			return
		}
		m := newMemory()
		for e := p.Root().First(); e.Exists(); e = e.Next() {
			m.add(e)
		}
		r := terminology.New(m)
		for url := range m.sets {
			s, err := r.Set(url)
			if err != nil {
				continue
			}
			x, err := s.Expand(terminology.ExpandOptions{Count: -1})
			if err != nil {
				continue
			}
			for _, e := range x.Entries {
				if s.Contains(e.System, e.Code) != terminology.Yes {
					t.Fatalf("a code of the expansion is not in the set")
				}
			}
			if b := x.Append(nil, "urn:uuid:0", time.Unix(0, 0)); !json.Valid(b) {
				t.Fatalf("not JSON: %s", b)
			}
		}
		for url, s := range m.systems {
			for _, c := range s.Concepts {
				_, _ = r.Below(terminology.Coding{System: url, Code: c.Code}, 100)
				if found, err := r.Lookup(terminology.Coding{System: url, Code: c.Code}, nil, "ar"); err == nil && !json.Valid(found.Append(nil)) {
					t.Fatal("not JSON")
				}
			}
		}
		for url := range m.maps {
			matches, ok, _ := r.Translate(terminology.TranslateRequest{URL: url, Codings: []terminology.Coding{{Code: "a"}}})
			if !json.Valid(terminology.AppendMatches(nil, matches, ok)) {
				t.Fatal("not JSON")
			}
		}
	})
}

// TestImportsDoNotMultiply: sets that take in one another many times over are refused before they cost anything.
func TestImportsDoNotMultiply(t *testing.T) {
	m := newMemory()
	add := func(name, compose string) {
		m.add(parse(t, `{"resourceType":"ValueSet","url":"http://vs/`+name+`","compose":{`+compose+`}}`))
	}
	names := "abcdefghijklmno"
	for i := range len(names) - 1 {
		next := `"http://vs/` + names[i+1:i+2] + `"`
		add(names[i:i+1], `"include":[{"valueSet":[`+next+`]},{"valueSet":[`+next+`,`+next+`]},{"valueSet":[`+next+`]}]`)
	}
	add(names[len(names)-1:], `"include":[{"system":"http://loinc.org"}]`)
	var e *terminology.Error
	if _, err := terminology.New(m).Set("http://vs/a"); !errors.As(err, &e) || e.Kind != terminology.TooCostly {
		t.Errorf("%v", err)
	}
	if _, err := terminology.New(m).Set("http://vs/k"); err != nil {
		t.Errorf("a few levels: %v", err)
	}
}
