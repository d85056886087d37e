package patch

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/xml"
)

// xmlOperation is an element of an XML Patch.
type xmlOperation struct {
	xml.Node
	d                     *xml.Document
	op, sel, pos, typ, ws string
	path                  selector
}

func (o *xmlOperation) read() *Error {
	attrs := o.Attrs()
	for i := range attrs {
		a := &attrs[i]
		if _, declares := a.Declares(); declares || a.Space() != xml.NoSpace {
			continue
		}
		switch string(a.Local()) {
		case "sel":
			o.sel = string(a.Value())
		case "pos":
			o.pos = string(a.Value())
		case "type":
			o.typ = string(a.Value())
		case "ws":
			o.ws = string(a.Value())
		}
	}
	if o.sel == "" {
		return fail(Malformed, "an operation has no sel")
	}
	if o.op = string(o.Local()); o.op != "add" && o.op != "replace" && o.op != "remove" {
		return fail(Malformed, "an operation is add, replace or remove")
	}
	var bad *Error
	o.path, bad = readSelector(o.sel, o.spaces())
	return bad
}

// spaces gives what prefixes in sel stand for: what they do in the patch, and without a declaration f for FHIR and h for XHTML. A name
// without a prefix is of the patch's own namespace (RFC 5261, 4.2.1); where it has none, of FHIR's, for a resource has no other.
func (o *xmlOperation) spaces() func(string) (string, bool) {
	declared := map[string]string{"f": o.d.URI(xml.FHIR), "h": o.d.URI(xml.XHTML), "xml": o.d.URI(xml.XML), "": o.d.URI(xml.FHIR)}
	for _, n := range []xml.Node{o.d.Root(), o.Node} {
		attrs := n.Attrs()
		for i := range attrs {
			if prefix, ok := attrs[i].Declares(); ok && (len(prefix) > 0 || len(attrs[i].Value()) > 0) {
				declared[string(prefix)] = string(attrs[i].Value())
			}
		}
	}
	return func(prefix string) (string, bool) {
		uri, ok := declared[prefix]
		return uri, ok
	}
}

// add puts something into an element, beside it, or makes it an attribute.
func (o *xmlOperation) add(d *xml.Document, at place) (edit, *Error) {
	n := at.node
	if at.attr != nil || o.pos != "before" && o.pos != "after" && n.Kind() != xml.Element {
		return edit{}, fail(Impossible, "only to an element something can be added")
	}
	if o.typ != "" {
		return o.attribute(n)
	}
	around := n
	if o.pos == "before" || o.pos == "after" {
		if around = at.parent; !around.Exists() {
			return edit{}, fail(Impossible, "nothing can stand beside the resource")
		}
	}
	text, bad := o.content(around)
	if bad != nil {
		return edit{}, bad
	}
	from, to := n.Inner()
	switch o.pos {
	case "before":
		return edit{n.Start(), n.Start(), text}, nil
	case "after":
		return edit{n.End(), n.End(), text}, nil
	case "", "prepend":
	default:
		return edit{}, fail(Malformed, "pos must be before, after or prepend")
	}
	if n.Closed() {
		full := append([]byte{'>'}, text...)
		full = append(append(full, "</"...), n.Name()...)
		return edit{n.End() - len("/>"), n.End(), append(full, '>')}, nil
	}
	if o.pos == "prepend" {
		to = from
	}
	return edit{to, to, text}, nil
}

// attribute adds an attribute or a namespace declaration (RFC 5261, 4.3).
func (o *xmlOperation) attribute(n xml.Node) (edit, *Error) {
	name, isAttr := strings.CutPrefix(o.typ, "@")
	if !isAttr {
		prefix, isSpace := strings.CutPrefix(o.typ, "namespace::")
		if !isSpace {
			return edit{}, fail(Malformed, "type must be @name or namespace::prefix")
		}
		name = "xmlns:" + prefix
	}
	word := xpath{s: strings.TrimPrefix(strings.TrimPrefix(name, "xmlns:"), "xml:")}
	if _, ok := word.word(); !ok || word.s != "" {
		return edit{}, fail(Malformed, "type names no attribute that can be added")
	}
	value, bad := o.text()
	if bad != nil {
		return edit{}, bad
	}
	end := n.NameEnd()
	attrs := n.Attrs()
	for i := range attrs {
		end = attrs[i].End()
		full := string(o.source(n)[attrs[i].Start():attrs[i].End()])
		if key, _, _ := strings.Cut(full, "="); strings.TrimSpace(key) == name {
			return edit{}, fail(Impossible, "the element has this attribute already; replace it")
		}
	}
	text := append([]byte(" "+name+`="`), xml.AppendEscaped(nil, []byte(value))...)
	return edit{end, end, append(text, '"')}, nil
}

func (o *xmlOperation) source(n xml.Node) []byte { return n.Document().Source() }

// text is the content of an operation that can have nothing but text.
func (o *xmlOperation) text() (string, *Error) {
	for c := o.First(); c.Exists(); c = c.Next() {
		if c.Kind() != xml.Text {
			return "", fail(Malformed, "only a text can be put there")
		}
	}
	return o.Text(), nil
}

// content writes what is inside an operation so that it can stand in an element of another document.
func (o *xmlOperation) content(around xml.Node) ([]byte, *Error) {
	var b []byte
	for c := o.First(); c.Exists(); c = c.Next() {
		var bad *Error
		if b, bad = appendNode(b, c, spaceOf(around)); bad != nil {
			return nil, bad
		}
	}
	return b, nil
}

// spaceOf is the namespace that a name without a prefix has inside an element; -1 where that is not known.
func spaceOf(n xml.Node) xml.Space {
	if s := n.Space(); s <= xml.XHTML && string(n.Name()) == string(n.Local()) {
		return s
	}
	return -1
}

// appendNode writes a node of the patch where the namespace around holds. Elements of no namespace are of that one.
func appendNode(b []byte, n xml.Node, around xml.Space) ([]byte, *Error) {
	if n.Kind() != xml.Element {
		return append(b, n.Raw()...), nil
	}
	b = append(append(b, '<'), n.Local()...)
	space := n.Space()
	if space == xml.NoSpace && around >= 0 {
		space = around
	}
	if space != around {
		b = append(b, ` xmlns="`...)
		b = append(xml.AppendEscaped(b, []byte(n.Document().URI(space))), '"')
	}
	attrs := n.Attrs()
	for i := range attrs {
		a := &attrs[i]
		if _, declares := a.Declares(); declares {
			continue
		}
		if a.Space() != xml.NoSpace && a.Space() != xml.XML {
			return nil, fail(Malformed, "an attribute of another namespace cannot be put into a resource")
		}
		b = append(append(b, ' '), n.Document().Source()[a.Start():a.End()]...)
	}
	if n.Closed() {
		return append(b, "/>"...), nil
	}
	b = append(b, '>')
	for c := n.First(); c.Exists(); c = c.Next() {
		var bad *Error
		if b, bad = appendNode(b, c, space); bad != nil {
			return nil, bad
		}
	}
	b = append(append(b, "</"...), n.Local()...)
	return append(b, '>'), nil
}

// replace puts something of the same kind in place of a node.
func (o *xmlOperation) replace(d *xml.Document, at place) (edit, *Error) {
	n := at.node
	if at.attr != nil {
		value, bad := o.text()
		if bad != nil {
			return edit{}, bad
		}
		name, _, _ := strings.Cut(string(d.Source()[at.attr.Start():at.attr.End()]), "=")
		text := append([]byte(name+`="`), xml.AppendEscaped(nil, []byte(value))...)
		return edit{at.attr.Start(), at.attr.End(), append(text, '"')}, nil
	}
	if n.Kind() == xml.Text {
		value, bad := o.text()
		return edit{n.Start(), n.End(), xml.AppendEscaped(nil, []byte(value))}, bad
	}
	var with xml.Node
	for c := o.First(); c.Exists(); c = c.Next() {
		switch {
		case c.Kind() == xml.Text && strings.TrimSpace(c.Text()) == "":
		case c.Kind() != n.Kind() || with.Exists():
			return edit{}, fail(Malformed, "a replacement is one node of the kind that it replaces")
		default:
			with = c
		}
	}
	if !with.Exists() {
		return edit{}, fail(Malformed, "there is nothing to replace it by")
	}
	around := xml.Space(-1)
	if at.parent.Exists() {
		around = spaceOf(at.parent)
	}
	text, bad := appendNode(nil, with, around)
	return edit{n.Start(), n.End(), text}, bad
}

// remove takes a node away, and the white space beside it where ws says so (RFC 5261, 4.5).
func (o *xmlOperation) remove(d *xml.Document, at place) (edit, *Error) {
	if o.First().Exists() && strings.TrimSpace(o.Text()) != "" {
		return edit{}, fail(Malformed, "a removal has no content")
	}
	if at.attr != nil {
		start, src := at.attr.Start(), d.Source()
		for strings.IndexByte(" \t\r\n", src[start-1]) >= 0 {
			start--
		}
		return edit{start, at.attr.End(), nil}, nil
	}
	n := at.node
	if n.Kind() == xml.Element && !at.parent.Exists() {
		return edit{}, fail(Impossible, "the whole resource cannot be taken away; delete it")
	}
	e := edit{n.Start(), n.End(), nil}
	var before xml.Node
	for c := at.parent.First(); c.Exists() && c.Start() < n.Start(); c = c.Next() {
		before = c
	}
	blank := func(c xml.Node) bool { return c.Kind() == xml.Text && strings.TrimSpace(c.Text()) == "" }
	after := n.Next()
	switch o.ws {
	case "":
		return e, nil
	case "before", "after", "both":
	default:
		return e, fail(Malformed, "ws must be before, after or both")
	}
	if o.ws != "after" {
		if !blank(before) {
			return e, fail(Impossible, "there is no white space before it to take away")
		}
		e.start = before.Start()
	}
	if o.ws != "before" {
		if !blank(after) {
			return e, fail(Impossible, "there is no white space after it to take away")
		}
		e.end = after.End()
	}
	return e, nil
}
