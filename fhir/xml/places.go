package xml

import (
	"cmp"
	"slices"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Places tells where in a document of XML the parts of the JSON come from that was made of it.
type Places struct {
	src       []byte
	lines     tape.Lines // of src
	of        []place
	resources []source
}

type place struct{ json, xml uint32 }

// source is where in the XML a resource stands whose object begins at an offset in the JSON.
type source struct {
	json uint32
	xml  span
}

// Source is the XML of the resource whose object begins at offset in the JSON, as it was received: its element, or the whole document
// for the one that the document is.
func (p *Places) Source(offset int) []byte {
	if i, found := slices.BinarySearchFunc(p.resources, uint32(offset), func(a source, at uint32) int { return cmp.Compare(a.json, at) }); found && i > 0 {
		s := p.resources[i].xml
		return p.src[s.start:s.end:s.end]
	}
	return p.src
}

// Position is where in the XML the value stands that is at offset in the JSON.
func (p *Places) Position(offset int) tape.Position {
	i, found := slices.BinarySearchFunc(p.of, uint32(offset), func(a place, at uint32) int { return cmp.Compare(a.json, at) })
	if !found {
		i--
	}
	if i < 0 {
		return tape.Position{Line: 1, Column: 1}
	}
	return p.lines.Position(p.src, int(p.of[i].xml))
}
