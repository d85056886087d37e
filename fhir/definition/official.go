package definition

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Files are HL7's official files of FHIR R4 of which the pack is made, in the order in which Pack takes them.
var Files = []string{"profiles-types.json", "profiles-resources.json", "profiles-others.json", "extension-definitions.json",
	"search-parameters.json", "valuesets.json", "v3-codesystems.json", "v2-tables.json", "conceptmaps.json"}

// Pack makes the pack that is part of the program from Bundles of definitions. It is for its generator.
func Pack(files [][]byte) ([]byte, error) {
	var all []packed
	for i, f := range files {
		var t tape.Tape
		if err := t.Parse(f, tape.Limits{Bytes: 128 << 20, Nodes: 16 << 20}); err != nil {
			return nil, fmt.Errorf("%s: %w", Files[i], err)
		}
		for e := t.Root().Get("entry").First(); e.Exists(); e = e.Next() {
			if r, ok := take(e.Get("resource")); ok {
				if r.kind == ofProfile && i == 0 {
					r.kind = ofType // SimpleQuantity and MoneyQuantity
				}
				all = append(all, r)
			}
		}
	}
	return makePack(all, zstd.SpeedBestCompression)
}

// take reduces a resource, if it is of a kind that is kept and has a URL.
func take(v tape.Value) (packed, bool) {
	k, url := kindOf(v), v.Get("url").Text()
	if k == kinds || url == "" {
		return packed{}, false
	}
	it := item{kind: k, url: url, version: v.Get("version").Text(), name: v.Get("name").Text()}
	return packed{it, forms[k].object(nil, v)}, true
}

// kindOf is what a resource is to a pack; kinds for what is left out.
func kindOf(v tape.Value) kind {
	switch v.Get("resourceType").Text() {
	case "StructureDefinition":
		switch {
		case v.Get("kind").Is("logical"):
			return kinds
		case v.Get("derivation").Is("constraint"):
			return ofProfile
		}
		return ofType
	case "SearchParameter":
		return ofSearchParameter
	case "CompartmentDefinition":
		return ofCompartment
	case "CodeSystem":
		return ofCodeSystem
	case "ValueSet":
		return ofValueSet
	case "ConceptMap":
		return ofConceptMap
	}
	return kinds
}
