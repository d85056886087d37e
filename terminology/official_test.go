package terminology_test

import (
	"slices"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// memory is a source of definitions that were read.
type memory struct {
	systems map[string]*terminology.CodeSystem
	sets    map[string]*terminology.ValueSet
	maps    map[string]*terminology.ConceptMap
}

func newMemory() *memory {
	return &memory{map[string]*terminology.CodeSystem{}, map[string]*terminology.ValueSet{}, map[string]*terminology.ConceptMap{}}
}

func (m *memory) add(v tape.Value) {
	url := v.Get("url").Text()
	switch v.Get("resourceType").Text() {
	case "CodeSystem":
		m.systems[url] = terminology.ReadCodeSystem(v)
	case "ValueSet":
		m.sets[url] = terminology.ReadValueSet(v)
	case "ConceptMap":
		m.maps[url] = terminology.ReadConceptMap(v)
	}
}

func (m *memory) CodeSystem(url, version string) *terminology.CodeSystem {
	if s := m.systems[url]; s != nil && (version == "" || version == s.Version) {
		return s
	}
	return nil
}

func (m *memory) ValueSet(url, version string) *terminology.ValueSet {
	if s := m.sets[url]; s != nil && (version == "" || version == s.Version) {
		return s
	}
	return nil
}

func (m *memory) ConceptMap(url, version string) *terminology.ConceptMap {
	if s := m.maps[url]; s != nil && (version == "" || version == s.Version) {
		return s
	}
	return nil
}

func (m *memory) ConceptMaps(source, target string) (urls []string) {
	for url, c := range m.maps {
		if (source == "" || c.Source == source) && (target == "" || c.Target == target) {
			urls = append(urls, url)
		}
	}
	slices.Sort(urls)
	return urls
}

// r4 is what R4 defines.
func r4() *terminology.Terminology {
	return terminology.New(terminology.FromRegistry(definition.Base()))
}
