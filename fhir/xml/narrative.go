package xml

import (
	"github.com/sijil-health/sijil/fhir/tape"
)

// A narrative's div is an element in XML and a string in JSON: that of the element as it is written (FHIR R4, 2.6.2.5). It is taken over
// byte for byte where it can stand alone, which it can when it declares its namespace itself and nothing in it has a prefix.

// narrative writes a div as a string.
func (r *reader) narrative(n Node) error {
	r.mark(n)
	if n.alone() {
		r.out = tape.AppendQuoted(r.out, string(n.Raw()))
		return nil
	}
	b, ok := appendAlone(nil, n, NoSpace)
	if !ok {
		return r.fail(n, "a narrative has an attribute of another namespace in it")
	}
	r.out = tape.AppendQuoted(r.out, string(b))
	return nil
}

// alone tells whether an element means the same wherever it stands.
func (n Node) alone() bool {
	declares := false
	for _, a := range n.Attrs() {
		if prefix, ok := a.Declares(); ok && prefix == nil {
			declares = true
		}
	}
	if !declares {
		return false
	}
	for i := n.i; i < n.node().next; i++ {
		m := Node{n.d, i, n.end}
		if m.Kind() != Element {
			continue
		}
		if m.node().local != m.node().name.start {
			return false
		}
		for _, a := range m.Attrs() {
			if a.local != a.name.start && a.space != XML {
				return false
			}
		}
	}
	return true
}

// appendAlone writes an element so that it can stand alone, with no prefix but xml. around is the namespace that holds where it is put.
func appendAlone(b []byte, n Node, around Space) ([]byte, bool) {
	if n.Kind() != Element {
		return append(b, n.Raw()...), true
	}
	b = append(append(b, '<'), n.Local()...)
	if n.Space() != around {
		b = append(b, ` xmlns="`...)
		b = append(AppendEscaped(b, []byte(n.d.URI(n.Space()))), '"')
	}
	for _, a := range n.Attrs() {
		switch {
		case a.space == declaration:
		case a.space == NoSpace, a.space == XML:
			b = append(append(b, ' '), n.d.src[a.whole.start:a.whole.end]...)
		default:
			return nil, false
		}
	}
	if n.Closed() {
		return append(b, "/>"...), true
	}
	b = append(b, '>')
	ok := true
	for c := n.First(); c.Exists() && ok; c = c.Next() {
		b, ok = appendAlone(b, c, n.Space())
	}
	b = append(append(b, "</"...), n.Local()...)
	return append(b, '>'), ok
}

// div writes a string that is a div as an element.
func (w *writer) div(v tape.Value) error {
	d := &w.inner
	if err := d.Parse(v.Bytes(), Limits{Bytes: len(v.Raw()), Nodes: len(v.Raw())}); err != nil {
		return w.fail(v, "the narrative is no well-formed XHTML, and cannot be said in XML")
	}
	root := d.Root()
	switch {
	case string(root.Local()) != "div":
	case root.Space() == XHTML:
		w.out = append(w.out, root.Raw()...)
		return nil
	case root.Space() == NoSpace && root.node().local == root.node().name.start:
		end := root.NameEnd()
		w.out = append(w.out, d.src[root.Start():end]...)
		w.out = append(w.out, ` xmlns="http://www.w3.org/1999/xhtml"`...)
		w.out = append(w.out, d.src[end:root.End()]...)
		return nil
	}
	return w.fail(v, "the narrative is no div of XHTML, and cannot be said in XML")
}
