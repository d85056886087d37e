package xml

import (
	"fmt"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Limits bound what Parse accepts. A zero field stands for the one of DefaultLimits.
type Limits struct {
	Bytes      int // of the document
	Depth      int // of elements within one another, at most MaxDepth
	Nodes      int // elements, runs of text, comments and attributes in all
	Attributes int // of one element, namespace declarations included
}

// MaxDepth is the greatest Limits.Depth. Narratives nest deeper than FHIR's own elements do.
const MaxDepth = 128

// DefaultLimits suit one resource.
var DefaultLimits = Limits{Bytes: 4 << 20, Depth: MaxDepth, Nodes: 1 << 19, Attributes: 64}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	if l.Depth == 0 || l.Depth > MaxDepth {
		l.Depth = d.Depth
	}
	if l.Nodes == 0 {
		l.Nodes = d.Nodes
	}
	if l.Attributes == 0 {
		l.Attributes = d.Attributes
	}
	l.Bytes = min(l.Bytes, 1<<31-1) // positions are kept in 32 bits
	return l
}

// Error says what is wrong with a document and where. It never quotes the document.
type Error struct {
	tape.Position
	Path   string // of the element that is to blame, as far as it is known: "Patient.name[0].given[1]"
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Kind is what a Node is.
type Kind uint8

// The kinds. None is that of a node that is not there.
const (
	None Kind = iota
	Element
	Text // a run of characters, CDATA sections included
	Comment
	Instruction // a processing instruction
)

// Space is a namespace of a document; it can be compared with the constants and with those of the same document.
type Space int32

// The namespaces that are known by themselves.
const (
	NoSpace Space = iota
	FHIR
	XHTML
	XML // bound to the prefix xml
	Instance
	declaration // of the prefix xmlns
	known
)

var spaces = [known]string{
	"", "http://hl7.org/fhir", "http://www.w3.org/1999/xhtml", "http://www.w3.org/XML/1998/namespace",
	"http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2000/xmlns/",
}

// span is a part of the source.
type span struct{ start, end uint32 }

// node is one node of a document. The nodes inside an element follow it directly, up to next.
type node struct {
	span             // of the whole
	inner  span      // of an element: what is between its tags; empty at its end for <x/>
	name   span      // of an element, prefix included
	local  uint32    // where the name goes on after the prefix
	next   uint32    // index of the first node that is no part of it
	attrs  [2]uint32 // range in Document.attrs
	space  Space
	kind   Kind
	closed bool // an element written <x/>
}

// Attr is an attribute, or a namespace declaration.
type Attr struct {
	d     *Document
	whole span // name to closing quote
	name  span
	local uint32
	value span // between the quotes
	space Space
}

// Document is a parsed document. The zero value is ready for Parse.
type Document struct {
	src   []byte
	nodes []node
	attrs []Attr
	uris  []string // of the spaces beyond the known ones
	root  uint32
}

// Root is the document's one element.
func (d *Document) Root() Node {
	if d.root >= uint32(len(d.nodes)) {
		return Node{}
	}
	return Node{d, d.root, uint32(len(d.nodes))}
}

// Top is the document's first node, which may be a comment before the root.
func (d *Document) Top() Node {
	if len(d.nodes) == 0 {
		return Node{}
	}
	return Node{d, 0, uint32(len(d.nodes))}
}

// Source is what was parsed.
func (d *Document) Source() []byte { return d.src }

// URI is the name of a namespace.
func (d *Document) URI(s Space) string {
	if s < known {
		return spaces[s]
	}
	return d.uris[s-known]
}
