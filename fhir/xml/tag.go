package xml

import (
	"bytes"
	"fmt"
)

func (p *parser) startTag() string {
	if len(p.open) == p.limits.Depth {
		return fmt.Sprintf("elements are nested deeper than %d levels", p.limits.Depth)
	}
	d, start := p.d, p.i
	n := node{kind: Element, span: span{start: uint32(start)}}
	var reason string
	if n.name, n.local, reason = p.qualified(start + 1); reason != "" {
		return reason
	}
	first := len(d.attrs)
	if n.closed, reason = p.attributes(first); reason != "" {
		return reason
	}
	n.attrs = [2]uint32{uint32(first), uint32(len(d.attrs))}
	n.inner.start = uint32(p.i)
	at := uint32(len(d.nodes))
	d.nodes = append(d.nodes, n)
	p.open = append(p.open, at)
	if reason := p.resolve(&d.nodes[at], first); reason != "" {
		p.i = start
		return reason
	}
	if n.closed {
		p.close(uint32(p.i))
	}
	return ""
}

// attributes reads up to the end of a start tag.
func (p *parser) attributes(first int) (closed bool, reason string) {
	for {
		before := p.i
		p.space()
		switch {
		case p.i >= len(p.src):
			return false, "the document ends inside a tag"
		case p.src[p.i] == '>':
			p.i++
			return false, ""
		case p.at("/>"):
			p.i += 2
			return true, ""
		case p.i == before:
			return false, "white space or the end of the tag is expected"
		case len(p.d.attrs)-first == p.limits.Attributes:
			return false, fmt.Sprintf("an element has more than %d attributes", p.limits.Attributes)
		}
		a := Attr{d: p.d, whole: span{start: uint32(p.i)}}
		if a.name, a.local, reason = p.qualified(p.i); reason != "" {
			return false, reason
		}
		if _, reason = p.assigned(); reason != "" {
			return false, reason
		}
		a.whole.end = uint32(p.i)
		// The quotes are found again from the end: only a quote, and no character before it, can be the last byte.
		open := bytes.IndexByte(p.src[a.name.end:p.i], p.src[p.i-1])
		a.value = span{a.name.end + uint32(open) + 1, uint32(p.i) - 1}
		p.d.attrs = append(p.d.attrs, a)
	}
}

func (p *parser) endTag() string {
	if len(p.open) == 0 {
		return "an end tag has no beginning"
	}
	start := p.i
	name := p.src[start+2 : p.name(start+2)]
	n := &p.d.nodes[p.open[len(p.open)-1]]
	if !bytes.Equal(name, p.src[n.name.start:n.name.end]) {
		return "the end tag is not that of the element that is open"
	}
	p.i = start + 2 + len(name)
	p.space()
	if reason := p.expect(">"); reason != "" {
		return reason
	}
	p.close(uint32(start))
	return ""
}

// close ends the element that is open; inner is where what is in it ends.
func (p *parser) close(inner uint32) {
	at := p.open[len(p.open)-1]
	n := &p.d.nodes[at]
	n.inner.end, n.end, n.next = inner, uint32(p.i), uint32(len(p.d.nodes))
	p.open = p.open[:len(p.open)-1]
	for len(p.bound) > 0 && p.bound[len(p.bound)-1].depth > len(p.open) {
		p.bound = p.bound[:len(p.bound)-1]
	}
}
