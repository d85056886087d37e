package definition

import (
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

func TestCounts(t *testing.T) {
	// profiles-resources.json has 148 StructureDefinitions of resources, two of them abstract; profiles-types.json has 63.
	if n := len(ResourceTypes()); n != 146 {
		t.Errorf("%d types of resources, want 146", n)
	}
	counts := map[Kind]int{}
	for _, s := range baseTypes() {
		counts[s.Kind]++
	}
	if counts[Resource] != 148 || counts[Primitive] != 20 || counts[Complex] != 43 {
		t.Errorf("%d resources, %d primitive and %d complex types; want 148, 20, 43", counts[Resource], counts[Primitive], counts[Complex])
	}
	if n := len(baseParameters().byURL); n != 1375 {
		t.Errorf("%d search parameters, want 1375", n)
	}
	// profiles-others.json and extension-definitions.json have 437 profiles and extensions; the four files of terminology and maps the rest.
	for name, c := range map[string]struct {
		list []Definition
		want int
	}{
		"profiles": {Base().Profiles(), 437}, "code systems": {Base().CodeSystems(), 1062}, "value sets": {Base().ValueSets(), 1316},
		"concept maps": {Base().ConceptMaps(), 19},
	} {
		if len(c.list) != c.want {
			t.Errorf("%d %s, want %d", len(c.list), name, c.want)
		}
	}
	n := 0
	for _, of := range baseParameters().byType {
		n += len(of)
	}
	if n != 1706 {
		t.Errorf("%d search parameters by type, want 1706", n)
	}
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		structure, name string
		typ, of         string // "" for no such element
		min, max        int
	}{
		{"Observation", "status", "code", "code", 1, 1},
		{"Observation", "valueQuantity", "Quantity", "Quantity", 0, 1},
		{"Observation", "value", "", "", 0, 0},
		{"Observation", "valueAddress", "", "", 0, 0},
		{"Observation", "id", "id", "id", 0, 1},
		{"Observation", "contained", "Resource", "Resource", 0, Many},
		{"Observation", "component", "BackboneElement", "Observation.component", 0, Many},
		{"Observation.component", "referenceRange", "BackboneElement", "Observation.referenceRange", 0, Many},
		{"Observation.component", "modifierExtension", "Extension", "Extension", 0, Many},
		{"Bundle.entry", "resource", "Resource", "Resource", 0, 1},
		{"Bundle.entry", "link", "BackboneElement", "Bundle.link", 0, Many},
		{"Parameters.parameter", "part", "BackboneElement", "Parameters.parameter", 0, Many},
		{"Timing", "repeat", "Element", "Timing.repeat", 0, 1},
		{"Extension", "url", "uri", "uri", 1, 1},
		{"Extension", "valueBase64Binary", "base64Binary", "base64Binary", 0, 1},
		{"Extension", "id", "string", "string", 0, 1},
		{"Narrative", "div", "xhtml", "xhtml", 1, 1},
		{"string", "extension", "Extension", "Extension", 0, Many},
		{"string", "value", "", "", 0, 0},
		{"Patient", "", "", "", 0, 0},
	} {
		e, typ := TypeOf(c.structure).Find([]byte(c.name))
		if c.typ == "" {
			if e != nil {
				t.Errorf("%s has an element %s", c.structure, c.name)
			}
			continue
		}
		if e == nil || typ.Code != c.typ || typ.Of == nil || typ.Of.Name != c.of || e.Min != c.min || e.Max != c.max || e.JSONName(typ) != c.name {
			t.Errorf("%s.%s: %+v, %+v", c.structure, c.name, e, typ)
		}
	}
	value := TypeOf("Extension").Element("value")
	if value == nil || len(value.Types) != 50 {
		t.Errorf("an extension's value is %+v", value)
	}
	for _, name := range []string{"valueString", "nothing", ""} {
		if TypeOf("Extension").Element(name) != nil {
			t.Errorf("Element gives %q", name)
		}
	}
	for _, c := range []struct{ structure, element string }{{"Extension", "url"}, {"Element", "id"}, {"Observation.component", "id"}} {
		if !TypeOf(c.structure).Element(c.element).Attribute {
			t.Errorf("%s.%s is no attribute", c.structure, c.element)
		}
	}
	low := TypeOf("Observation.referenceRange").Element("low").Types[0]
	if low.Code != "Quantity" || !slices.Equal(low.Profiles, []string{"http://hl7.org/fhir/StructureDefinition/SimpleQuantity"}) {
		t.Errorf("low is %+v", low)
	}
}

// Every element can be found by each of its names.
func TestEveryElementIsFound(t *testing.T) {
	for _, s := range baseTypes() {
		for i := range s.Elements {
			e := &s.Elements[i]
			if s.Element(e.Name) != e {
				t.Errorf("%s.%s is not found", s.Name, e.Name)
			}
			for j := range e.Types {
				if found, typ := s.FindString(e.JSONName(&e.Types[j])); found != e || typ != &e.Types[j] || typ.Of == nil {
					t.Errorf("%s.%s as %s is not found", s.Name, e.Name, e.Types[j].Code)
				}
			}
		}
	}
}

func TestHierarchy(t *testing.T) {
	for _, c := range []struct {
		typ, base string
		is        bool
	}{
		{"Patient", "DomainResource", true}, {"Patient", "Resource", true}, {"Bundle", "DomainResource", false}, {"Age", "Quantity", true},
		{"Age", "Element", true}, {"Money", "Quantity", false}, {"code", "string", true}, {"canonical", "uri", true}, {"url", "uri", true},
		{"positiveInt", "integer", true}, {"Observation.component", "BackboneElement", true}, {"Timing.repeat", "BackboneElement", false},
		{"Timing.repeat", "Element", true}, {"Dosage", "BackboneElement", true}, {"SimpleQuantity", "Quantity", true},
	} {
		if TypeOf(c.typ).Is(c.base) != c.is {
			t.Errorf("%s is a %s: %t", c.typ, c.base, !c.is)
		}
	}
	if TypeOf("Nothing").Is("Element") || TypeOf("MetadataResource") != nil {
		t.Error("what is no type is one")
	}
}

func TestInvariants(t *testing.T) {
	keys := func(list []Invariant) (keys string) {
		for _, i := range list {
			keys += i.Key + " "
		}
		return keys
	}
	for name, want := range map[string]string{
		"Observation":                "dom-2 dom-3 dom-4 dom-5 dom-6 obs-6 obs-7 ",
		"Observation.referenceRange": "ele-1 obs-3 ",
		"Bundle":                     "bdl-1 bdl-2 bdl-3 bdl-4 bdl-7 bdl-9 bdl-10 bdl-11 bdl-12 ",
		"Bundle.entry":               "ele-1 bdl-5 bdl-8 ",
		"Extension":                  "ele-1 ext-1 ",
		"Quantity":                   "ele-1 qty-3 ",
		"code":                       "ele-1 ",
	} {
		if got := keys(TypeOf(name).Invariants); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, s := range baseTypes() {
		for _, e := range s.Elements {
			for i, inv := range e.Invariants {
				if inv.Key == "ele-1" || has(e.Invariants[:i], inv.Key) {
					t.Errorf("%s.%s: %s", name, e.Name, keys(e.Invariants))
				}
			}
		}
	}
	if got := keys(TypeOf("Patient.contact").Invariants); got != "ele-1 pat-1 " {
		t.Errorf("Patient.contact: %s", got)
	}
	if got := keys(TypeOf("Narrative").Element("div").Invariants); got != "txt-1 txt-2 " {
		t.Errorf("Narrative.div: %s", got)
	}
}

func TestSearchParameters(t *testing.T) {
	codes := func(typ string) (codes []string) {
		for _, p := range SearchParameters(typ) {
			codes = append(codes, p.Code)
		}
		return codes
	}
	if got := codes("Patient"); len(got) != 32 || !slices.Contains(got, "_lastUpdated") || !slices.Contains(got, "_text") || !slices.Contains(got, "birthdate") {
		t.Errorf("Patient: %s", got)
	}
	if got := codes("Bundle"); slices.Contains(got, "_text") || !slices.Contains(got, "composition") {
		t.Errorf("Bundle: %s", got)
	}
	p := SearchParameterByURL("http://hl7.org/fhir/SearchParameter/Observation-code-value-quantity")
	if p == nil || len(p.Components) != 2 || p.Components[1].Expression != "value.as(Quantity)" {
		t.Errorf("%+v", p)
	}
	if codes("Nothing") != nil {
		t.Error("what is no type has search parameters")
	}
}

func TestCompartments(t *testing.T) {
	for _, name := range []string{"Patient", "Encounter", "Practitioner", "RelatedPerson", "Device"} {
		c := CompartmentOf(name)
		if c == nil || c.Type != name || len(c.Params) < 10 {
			t.Fatalf("%s: %+v", name, c)
		}
		for typ, codes := range c.Params {
			for _, code := range codes {
				known := code == "{def}" || slices.ContainsFunc(SearchParameters(typ), func(p *SearchParameter) bool { return p.Code == code })
				if !known {
					t.Errorf("%s: %s has no search parameter %s", name, typ, code)
				}
			}
		}
	}
	if got := CompartmentOf("Patient").Params["Observation"]; !slices.Equal(got, []string{"subject", "performer"}) {
		t.Errorf("Observation: %s", got)
	}
}

// Every element of the official examples and of Synthea's patients is known.
func TestExamplesHaveNoUnknownElements(t *testing.T) {
	n := 0
	for _, pattern := range []string{"data/fhir/hl7-r4-examples/*.json", "data/fhir/synthea/*/*.json.gz", "data/fhir/us-core-examples/*.json"} {
		for _, name := range shared.Files(pattern) {
			b, err := shared.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			var doc tape.Tape
			if err := doc.Parse(b, tape.Limits{Bytes: 32 << 20, Nodes: 4 << 20}); err != nil {
				t.Fatal(err)
			}
			n++
			walk(t, doc.Root(), TypeOf("Resource"))
		}
	}
	if n == 0 {
		t.Skip("no samples: set SIJIL_SHARED")
	}
	t.Log(n, "files")
}

func walk(t *testing.T, v tape.Value, s *Structure) {
	if s.Kind == Resource {
		if s = TypeOf(v.Get("resourceType").Text()); s == nil {
			t.Errorf("%s is of an unknown type", v.Path())
			return
		}
	}
	for c := v.First(); c.Exists(); c = c.Next() {
		if c.Named("resourceType") && s.Kind == Resource {
			continue
		}
		name, companion := strings.CutPrefix(c.Name(), "_")
		e, typ := s.FindString(name)
		if e == nil || companion && typ.Of.Kind != Primitive {
			t.Errorf("%s is unknown", c.Path())
			continue
		}
		if (c.Kind() == tape.Array) != (e.Max != 1) {
			t.Errorf("%s is a list or should be one", c.Path())
		}
		values := c
		if c.Kind() == tape.Array {
			values = c.First()
		}
		for ; values.Exists(); values = values.Next() {
			if values.Kind() == tape.Object {
				walk(t, values, typ.Of)
			}
			if c.Kind() != tape.Array {
				break
			}
		}
	}
}

func BenchmarkStart(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p, err := open(embedded)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := readTypes(p); err != nil {
			b.Fatal(err)
		}
		if _, err := (*parameters)(nil).with(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	s := TypeOf("Observation")
	var names [][]byte
	for _, n := range []string{"resourceType", "id", "meta", "status", "category", "code", "subject", "valueQuantity", "effectiveDateTime", "component"} {
		names = append(names, []byte(n))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range names {
			s.Find(n)
		}
	}
}
