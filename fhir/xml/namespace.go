package xml

import "bytes"

// binding says what a prefix stands for, from the element at a depth on.
type binding struct {
	prefix span // empty for the default namespace
	space  Space
	depth  int // of p.open with the element that declares it
}

// resolve gives an element and its attributes their namespaces (Namespaces in XML 1.0).
func (p *parser) resolve(n *node, first int) string {
	attrs := p.d.attrs[first:]
	for i := range attrs {
		if reason := p.declare(&attrs[i]); reason != "" {
			return reason
		}
	}
	const undeclared = "a prefix is not declared"
	var ok bool
	if n.space, ok = p.lookup(prefixOf(n.name, n.local)); !ok {
		return undeclared
	}
	for i := range attrs {
		a := &attrs[i]
		if a.space == declaration || a.local == a.name.start {
			continue // without a prefix: of no namespace
		}
		if a.space, ok = p.lookup(prefixOf(a.name, a.local)); !ok {
			return undeclared
		}
	}
	for i := range attrs {
		for j := range attrs[:i] {
			if p.same(&attrs[i], &attrs[j]) {
				return "an attribute stands twice"
			}
		}
	}
	return ""
}

func prefixOf(name span, local uint32) span {
	if local == name.start {
		return span{}
	}
	return span{name.start, local - 1}
}

func (p *parser) part(s span) []byte { return p.src[s.start:s.end] }

// same tells whether two attributes have one name. Those of no namespace and declarations go by what is written.
func (p *parser) same(a, b *Attr) bool {
	return a.space == b.space && (a.local == a.name.start) == (b.local == b.name.start) && bytes.Equal(a.Local(), b.Local())
}

// declare takes note of an attribute that declares a namespace.
func (p *parser) declare(a *Attr) string {
	prefix := prefixOf(a.name, a.local)
	var declared span
	switch {
	case prefix == span{} && string(a.Local()) == "xmlns":
	case string(p.part(prefix)) == "xmlns":
		declared = span{a.local, a.name.end}
	default:
		return ""
	}
	a.space = declaration
	uri := a.Value()
	s := p.intern(uri)
	name := string(p.part(declared))
	switch {
	case name == "xmlns", s == declaration, (name == "xml") != (s == XML), len(uri) == 0 && name != "":
		return "a namespace is declared that cannot be (Namespaces in XML 1.0, 3)"
	}
	// Each name is looked up in all of these: a hostile document must not have many.
	if len(p.bound) == maxSpaces || len(p.d.uris) > maxSpaces {
		return "there are too many namespaces"
	}
	p.bound = append(p.bound, binding{declared, s, len(p.open)})
	return ""
}

// maxSpaces bounds the declarations that hold at one place, and the namespaces of a document.
const maxSpaces = 256

// lookup gives what a prefix stands for.
func (p *parser) lookup(prefix span) (Space, bool) {
	name := p.part(prefix)
	for i := len(p.bound) - 1; i >= 0; i-- {
		if b := &p.bound[i]; bytes.Equal(p.part(b.prefix), name) {
			return b.space, true
		}
	}
	switch string(name) {
	case "":
		return NoSpace, true
	case "xml":
		return XML, true
	}
	return NoSpace, false
}

func (p *parser) intern(uri []byte) Space {
	for i, s := range spaces {
		if string(uri) == s {
			return Space(i)
		}
	}
	for i, s := range p.d.uris {
		if string(uri) == s {
			return known + Space(i)
		}
	}
	p.d.uris = append(p.d.uris, string(uri))
	return known + Space(len(p.d.uris)-1)
}
