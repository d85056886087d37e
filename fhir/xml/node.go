package xml

import "github.com/sijil-health/sijil/fhir/tape"

// Node is one node of a document. The zero Node is that of one that is not there; it may be asked anything.
type Node struct {
	d   *Document
	i   uint32
	end uint32 // index after its last sibling
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
