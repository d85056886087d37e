package validation

import (
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// FuzzProfile checks a resource against a profile that anybody may have written.
func FuzzProfile(f *testing.F) {
	base := New(terminology.New(terminology.FromRegistry(definition.Base())), nil)
	doc := new(tape.Tape)
	if err := doc.Parse([]byte(`{"resourceType":"Observation","id":"o","extension":[{"url":"http://x","valueString":"v"}],"status":"final","category":[{"coding":[{"code":"a"},{"code":"b"}]}],
		"code":{"coding":[{"system":"http://s","code":"c"}]},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1,"unit":"g"},"component":[{"code":{"text":"x"}},{"code":{"text":"y"}}]}`), tape.DefaultLimits); err != nil {
		f.Fatal(err)
	}
	for _, url := range []string{"vitalsigns", "bp", "bodyweight", "cholesterol"} {
		if src := definition.Base().StructureDefinition("http://hl7.org/fhir/StructureDefinition/" + url); len(src) < 1<<18 {
			f.Add(string(src))
		}
	}
	snapshot := func(elements string) string {
		return `{"resourceType":"StructureDefinition","url":"http://x","type":"Observation","snapshot":{"element":[` + elements + `]}}`
	}
	f.Add(snapshot(`{"id":"Observation"},{"id":""},{"id":""}`))
	f.Add(snapshot(`{"id":""},{"id":""},{"id":".a"},{"id":".a:b"},{"id":".a:b/c"}`))
	f.Add(snapshot(`{"id":"O"},{"id":"O.component","contentReference":"#O"},{"id":"O.code","contentReference":"#O.component"}`))
	f.Add(snapshot(`{"id":"O","constraint":[{"key":"k","severity":"error","expression":"conformsTo('http://x') or memberOf('') or descendants().conformsTo('http://y')"}]}`))
	f.Add(snapshot(`{"id":"O"},{"id":"O.component","slicing":{"discriminator":[{"type":"profile","path":"$this"},{"type":"value","path":"code.resolve().ofType(X)"}]}},{"id":"O.component:a","type":[{"code":"BackboneElement","profile":["http://x","http://y"]}]}`))
	f.Fuzz(func(t *testing.T, src string) {
		v := base.With(base.codes, func(string) ([]byte, string) { return []byte(src), "o" })
		v.Resource(doc.Root(), Options{Profiles: []string{"http://x"}, Claimed: true, Warnings: true, Alone: true, Note: func(string) {}})
	})
}

// TestProfilesTakeSoMuch: a check that leads to ever more others ends, and says so.
func TestProfilesTakeSoMuch(t *testing.T) {
	base := New(terminology.New(terminology.FromRegistry(definition.Base())), nil)
	deep := base.With(base.codes, func(url string) ([]byte, string) {
		next := "conformsTo('" + url + "x')"
		return []byte(`{"resourceType":"StructureDefinition","url":"` + url + `","type":"Observation","snapshot":{"element":[{"id":"Observation","constraint":[{"key":"k-1","severity":"error","human":"h","expression":"` + next + `"}]}]}}`), ""
	})
	wide := base.With(base.codes, func(url string) ([]byte, string) {
		next := "conformsTo('" + url + "x')"
		if strings.HasSuffix(url, strings.Repeat("x", 40)) {
			next = "false"
		}
		return []byte(`{"resourceType":"StructureDefinition","url":"` + url + `","type":"Observation","snapshot":{"element":[{"id":"Observation","constraint":[{"key":"k-1","severity":"error","human":"h","expression":"` + next + ` or ` + next + `"}]}]}}`), ""
	})
	doc := new(tape.Tape)
	if err := doc.Parse([]byte(`{"resourceType":"Observation","status":"final","code":{"text":"x"}}`), tape.DefaultLimits); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*Validator{"deep": deep, "wide": wide} {
		found := v.Resource(doc.Root(), Options{Profiles: []string{"http://p/"}})
		if !slices.ContainsFunc(found, func(i Issue) bool { return i.Code == "too-costly" && i.Severity == "error" }) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
