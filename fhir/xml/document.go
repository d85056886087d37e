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

// Node is one node of a document. The zero Node is that of one that is not there; it may be asked anything.
type Node struct {
	d   *Document
	i   uint32
	end uint32 // index after its last sibling
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

func (n Node) node() *node { return &n.d.nodes[n.i] }

// Document is what the node is in.
func (n Node) Document() *Document { return n.d }

// Exists tells whether the node is there.
func (n Node) Exists() bool { return n.d != nil }

// Kind is what the node is.
func (n Node) Kind() Kind {
	if n.d == nil {
		return None
	}
	return n.node().kind
}

// Is tells whether the node is an element of that name.
func (n Node) Is(s Space, local string) bool {
	return n.Kind() == Element && n.node().space == s && string(n.Local()) == local
}

// Local is an element's name without its prefix. It must not be changed.
func (n Node) Local() []byte {
	if n.Kind() != Element {
		return nil
	}
	return n.d.src[n.node().local:n.node().name.end]
}

// Space is an element's namespace.
func (n Node) Space() Space {
	if n.Kind() != Element {
		return NoSpace
	}
	return n.node().space
}

// First is the first node inside an element; Next leads on from it.
func (n Node) First() Node {
	if n.d == nil || n.node().next == n.i+1 {
		return Node{}
	}
	return Node{n.d, n.i + 1, n.node().next}
}

// Next is the sibling after n.
func (n Node) Next() Node {
	if n.d == nil {
		return Node{}
	}
	if next := n.node().next; next < n.end {
		return Node{n.d, next, n.end}
	}
	return Node{}
}

// Start and End bound the node in the source.
func (n Node) Start() int { return int(n.node().start) }

// End is the position after the node.
func (n Node) End() int { return int(n.node().end) }

// Inner bounds what stands between an element's tags. For <x/> both are its end.
func (n Node) Inner() (start, end int) { return int(n.node().inner.start), int(n.node().inner.end) }

// Closed tells whether an element is written <x/>.
func (n Node) Closed() bool { return n.node().closed }

// NameEnd is the position after the name in an element's start tag.
func (n Node) NameEnd() int { return int(n.node().name.end) }

// Raw is the node as it stands in the source.
func (n Node) Raw() []byte {
	if n.d == nil {
		return nil
	}
	return n.d.src[n.node().start:n.node().end:n.node().end]
}

// Name is an element's name with its prefix. It must not be changed.
func (n Node) Name() []byte { return n.d.src[n.node().name.start:n.node().name.end] }

// Attrs are an element's attributes and namespace declarations, as they stand.
func (n Node) Attrs() []Attr {
	if n.Kind() != Element {
		return nil
	}
	a := n.node().attrs
	return n.d.attrs[a[0]:a[1]:a[1]]
}

// Text is the text of a run of characters, or all that is inside an element.
func (n Node) Text() string {
	var b []byte
	for i := n.i; n.d != nil && i < n.node().next; i++ {
		if m := &n.d.nodes[i]; m.kind == Text {
			b = appendText(b, n.d.src[m.start:m.end])
		}
	}
	return string(b)
}

// Position is where the node begins.
func (n Node) Position() tape.Position {
	if n.d == nil {
		return tape.Position{}
	}
	return tape.PositionOf(n.d.src, n.Start())
}

// Local is the attribute's name without its prefix.
func (a *Attr) Local() []byte { return a.d.src[a.local:a.name.end] }

// Space is the attribute's namespace; NoSpace where it has no prefix.
func (a *Attr) Space() Space { return a.space }

// Declares tells whether it is a namespace declaration, of which prefix.
func (a *Attr) Declares() (prefix []byte, ok bool) {
	if a.space != declaration {
		return nil, false
	}
	if a.local == a.name.start { // xmlns itself
		return nil, true
	}
	return a.Local(), true
}

// Start and End bound the attribute in the source, from its name to after its closing quote.
func (a *Attr) Start() int { return int(a.whole.start) }

// End is the position after the attribute.
func (a *Attr) End() int { return int(a.whole.end) }

// Value is the attribute's value, references resolved and white space normalised (XML 1.0, 3.3.3).
func (a *Attr) Value() []byte {
	raw := a.d.src[a.value.start:a.value.end:a.value.end]
	for _, c := range raw {
		if c == '&' || c < ' ' {
			return appendValue(make([]byte, 0, len(raw)), raw)
		}
	}
	return raw
}
