package definition

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Files are HL7's official files of FHIR R4 of which the pack is made, in the order in which Pack takes them.
var Files = []string{"profiles-types.json", "profiles-resources.json", "search-parameters.json"}

// Pack makes the pack that is part of the program from Bundles of definitions. It is for its generator.
func Pack(files [][]byte) ([]byte, error) {
	p, err := newPacker(zstd.SpeedBestCompression)
	if err != nil {
		return nil, err
	}
	tapes := make([]tape.Tape, len(files))
	for i, f := range files {
		if err := tapes[i].Parse(f, tape.Limits{Bytes: 128 << 20, Nodes: 16 << 20}); err != nil {
			return nil, fmt.Errorf("%s: %w", Files[i], err)
		}
	}
	for k := range kinds {
		for i := range tapes {
			for e := tapes[i].Root().Get("entry").First(); e.Exists(); e = e.Next() {
				if r := e.Get("resource"); kindOf(r) == k {
					p.add(item{kind: k, url: r.Get("url").Text(), version: r.Get("version").Text(), name: r.Get("name").Text()}, reduce(r))
				}
			}
		}
	}
	return p.finish(), nil
}

// kindOf is what a resource is to a pack; kinds for what is left out.
func kindOf(r tape.Value) kind {
	switch r.Get("resourceType").Text() {
	case "StructureDefinition":
		switch {
		case r.Get("kind").Is("logical"):
			return kinds
		case r.Get("derivation").Is("constraint") && !r.Get("type").Is("Quantity"):
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
