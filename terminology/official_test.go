package terminology_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

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

// official has HL7's definitions of R4.
var official = sync.OnceValue(func() *memory {
	m := newMemory()
	for _, name := range []string{"valuesets", "v3-codesystems", "v2-tables", "conceptmaps"} {
		src, err := os.ReadFile(filepath.Join(os.Getenv("SIJIL_SHARED"), "data/fhir-definitions/r4", name+".json.gz"))
		if err != nil {
			return nil
		}
		z, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			panic(err)
		}
		if src, err = io.ReadAll(z); err != nil {
			panic(err)
		}
		var t tape.Tape
		if err := t.Parse(src, tape.Limits{Bytes: 64 << 20, Nodes: 8 << 20}); err != nil {
			panic(err)
		}
		for e := t.Root().Get("entry").First(); e.Exists(); e = e.Next() {
			m.add(e.Get("resource"))
		}
	}
	return m
})

func r4(t testing.TB) *terminology.Terminology {
	t.Helper()
	if official() == nil {
		t.Skip("SIJIL_SHARED does not name the published definitions")
	}
	return terminology.New(official())
}
