package terminology

import (
	"strings"
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// FromRegistry makes a source of what R4 and packages define. It decodes what is asked for, each time; concept maps, of which there are few, once.
func FromRegistry(r *definition.Registry) Source {
	return &registry{r, sync.OnceValue(func() map[string]*ConceptMap {
		maps := map[string]*ConceptMap{}
		for _, d := range r.ConceptMaps() {
			maps[d.URL] = decode(r.ConceptMap(d.URL), ReadConceptMap)
		}
		return maps
	})}
}

type registry struct {
	*definition.Registry
	maps func() map[string]*ConceptMap
}

// Limits of one definition. The registry has checked it.
var definitionLimits = tape.Limits{Bytes: 64 << 20, Nodes: 8 << 20}

func decode[T any](src []byte, read func(tape.Value) *T) *T {
	if src == nil {
		return nil
	}
	t := tape.Get()
	defer t.Release()
	if t.Parse(src, definitionLimits) != nil {
		return nil
	}
	return read(t.Root())
}

func (r *registry) CodeSystem(url, version string) *CodeSystem {
	return decode(r.Registry.CodeSystem(join(url, version)), ReadCodeSystem)
}

func (r *registry) ValueSet(url, version string) *ValueSet {
	return decode(r.Registry.ValueSet(join(url, version)), ReadValueSet)
}

func (r *registry) ConceptMap(url, version string) *ConceptMap {
	if m := r.maps()[url]; m != nil && (version == "" || version == m.Version) {
		return m
	}
	return decode(r.Registry.ConceptMap(join(url, version)), ReadConceptMap)
}

func (r *registry) ConceptMaps(source, target string) (urls []string) {
	for _, d := range r.Registry.ConceptMaps() {
		if m := r.maps()[d.URL]; m != nil && SameCanonical(source, m.Source) && SameCanonical(target, m.Target) {
			urls = append(urls, d.URL)
		}
	}
	return urls
}

// SameCanonical says whether a value set is the one asked for; "" asks for any, and one without version for any version.
func SameCanonical(asked, is string) bool {
	return asked == "" || asked == is || !strings.Contains(asked, "|") && strings.HasPrefix(is, asked+"|")
}
