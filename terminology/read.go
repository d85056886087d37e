package terminology

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// ReadCodeSystem reads a CodeSystem resource. What is missing is left empty; what else is there is passed over.
func ReadCodeSystem(v tape.Value) *CodeSystem {
	s := &CodeSystem{URL: text(v, "url"), Version: text(v, "version"), Name: text(v, "name"), Title: text(v, "title"), Status: text(v, "status"),
		Content: text(v, "content"), CaseSensitive: v.Get("caseSensitive").Kind() == tape.True, Supplements: text(v, "supplements")}
	for p := range each(v, "property") {
		s.Properties = append(s.Properties, PropertyDefinition{text(p, "code"), text(p, "uri"), text(p, "type")})
	}
	s.Concepts = readConcepts(v)
	return s
}

func readConcepts(v tape.Value) []Concept {
	list := make([]Concept, 0, v.Get("concept").Len())
	for c := range each(v, "concept") {
		list = append(list, Concept{Code: text(c, "code"), Display: text(c, "display"), Definition: text(c, "definition"),
			Designations: readDesignations(c), Properties: readProperties(c), Concepts: readConcepts(c)})
	}
	return list
}

func readDesignations(v tape.Value) (list []Designation) {
	for d := range each(v, "designation") {
		list = append(list, Designation{Language: text(d, "language"), Use: ReadCoding(d.Get("use")), Value: text(d, "value")})
	}
	return list
}

func readProperties(v tape.Value) (list []Property) {
	for p := range each(v, "property") {
		property := Property{Code: text(p, "code")}
		for m := p.First(); m.Exists(); m = m.Next() {
			typ, found := strings.CutPrefix(m.Name(), "value")
			if !found {
				continue
			}
			property.Type = typ
			switch m.Kind() {
			case tape.String:
				property.Value = m.Text()
			case tape.Object:
				property.Coding = ReadCoding(m)
				property.Value = property.Coding.Code
			default:
				property.Value = string(m.Raw())
			}
		}
		list = append(list, property)
	}
	return list
}

// ReadCoding reads a Coding.
func ReadCoding(v tape.Value) Coding {
	return Coding{text(v, "system"), text(v, "version"), text(v, "code"), text(v, "display")}
}

// ReadValueSet reads a ValueSet resource.
func ReadValueSet(v tape.Value) *ValueSet {
	s := &ValueSet{URL: text(v, "url"), Version: text(v, "version"), Name: text(v, "name"), Title: text(v, "title"), Status: text(v, "status")}
	compose := v.Get("compose")
	s.NoInactive = compose.Get("inactive").Kind() == tape.False
	s.Include, s.Exclude = readIncludes(compose, "include"), readIncludes(compose, "exclude")
	if e := v.Get("expansion"); e.Exists() {
		s.Expanded = true
		s.Expansion = readContained(nil, e)
	}
	return s
}

func readIncludes(compose tape.Value, name string) (list []Include) {
	for i := range each(compose, name) {
		include := Include{System: text(i, "system"), Version: text(i, "version")}
		for c := range each(i, "concept") {
			include.Concepts = append(include.Concepts, Listed{text(c, "code"), text(c, "display"), readDesignations(c)})
		}
		for f := range each(i, "filter") {
			include.Filters = append(include.Filters, Filter{text(f, "property"), text(f, "op"), text(f, "value")})
		}
		for u := range each(i, "valueSet") {
			include.ValueSets = append(include.ValueSets, u.Text())
		}
		list = append(list, include)
	}
	return list
}

func readContained(list []Contained, v tape.Value) []Contained {
	for c := range each(v, "contains") {
		if c.Get("code").Exists() { // one without is a heading
			list = append(list, Contained{ReadCoding(c), c.Get("abstract").Kind() == tape.True, c.Get("inactive").Kind() == tape.True})
		}
		list = readContained(list, c)
	}
	return list
}

// ReadConceptMap reads a ConceptMap resource.
func ReadConceptMap(v tape.Value) *ConceptMap {
	m := &ConceptMap{URL: text(v, "url"), Version: text(v, "version"), Name: text(v, "name"), Status: text(v, "status"),
		Source: text(v, "sourceUri") + text(v, "sourceCanonical"), Target: text(v, "targetUri") + text(v, "targetCanonical")}
	for g := range each(v, "group") {
		u := g.Get("unmapped")
		group := Group{Source: text(g, "source"), SourceVersion: text(g, "sourceVersion"), Target: text(g, "target"),
			TargetVersion: text(g, "targetVersion"), Unmapped: Unmapped{text(u, "mode"), text(u, "code"), text(u, "display"), text(u, "url")}}
		for e := range each(g, "element") {
			element := Element{Code: text(e, "code"), Display: text(e, "display")}
			for t := range each(e, "target") {
				element.Targets = append(element.Targets, Target{Code: text(t, "code"), Display: text(t, "display"),
					Equivalence: text(t, "equivalence"), Comment: text(t, "comment"),
					DependsOn: readDependencies(t, "dependsOn"), Product: readDependencies(t, "product")})
			}
			group.Elements = append(group.Elements, element)
		}
		m.Groups = append(m.Groups, group)
	}
	return m
}

func readDependencies(v tape.Value, name string) (list []Dependency) {
	for d := range each(v, name) {
		list = append(list, Dependency{text(d, "property"), text(d, "system"), text(d, "value"), text(d, "display")})
	}
	return list
}

func text(v tape.Value, name string) string { return v.Get(name).Text() }

// each goes through the elements of an array that is a member.
func each(v tape.Value, name string) func(yield func(tape.Value) bool) {
	return func(yield func(tape.Value) bool) {
		list := v.Get(name)
		if list.Kind() != tape.Array {
			return
		}
		for c := list.First(); c.Exists() && yield(c); c = c.Next() {
		}
	}
}
