package search

import (
	"github.com/sijil-health/sijil/fhir/tape"
)

// systemOf gives the one code system that a value set draws its codes from; "" where there are several, or none is known. An element of type
// code says no system: its binding does (FHIR R4, 3.1.1.4.10).
func (p *Parameters) systemOf(valueSet string) string { return p.systemIn(valueSet, 0) }

// maxNested bounds value sets that take in others.
const maxNested = 8

func (p *Parameters) systemIn(valueSet string, depth int) string {
	source := p.definitions.ValueSet(valueSet)
	t := tape.Get()
	defer t.Release()
	if depth > maxNested || source == nil || t.Parse(source, tape.Limits{Bytes: len(source)}) != nil {
		return ""
	}
	found := ""
	for in := t.Root().Get("compose").Get("include").First(); in.Exists(); in = in.Next() {
		system := in.Get("system").Text()
		for other := in.Get("valueSet").First(); other.Exists() && system == ""; other = other.Next() {
			system = p.systemIn(other.Text(), depth+1)
		}
		if system == "" || found != "" && found != system {
			return ""
		}
		found = system
	}
	return found
}
