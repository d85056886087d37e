package patch

import (
	"bytes"
	"errors"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
)

// xmlPatch is an XML Patch.
type xmlPatch struct {
	doc  xml.Document
	list []xmlOperation
	Limits
}

// ReadXML reads an XML Patch (RFC 5261). It is applied to a resource in JSON by way of its XML: the JSON is written anew, decimals and
// narratives are as they were.
func ReadXML(src []byte, l Limits) (Patch, error) {
	p := &xmlPatch{Limits: l.orDefault()}
	if bad := p.read(src); bad != nil {
		return nil, bad
	}
	return p, nil
}

// read takes a patch apart.
func (x *xmlPatch) read(src []byte) *Error {
	if err := x.doc.Parse(src, xml.Limits{Bytes: x.Bytes}); err != nil {
		if errors.Is(err, tape.ErrTooLarge) {
			return fail(TooCostly, "the patch is larger than what it may make")
		}
		return fail(Malformed, "the patch is no well-formed XML: %v", err)
	}
	for n := x.doc.Root().First(); n.Exists(); n = n.Next() {
		if n.Kind() != xml.Element {
			if n.Kind() == xml.Text && strings.TrimSpace(n.Text()) != "" {
				return fail(Malformed, "a text stands between the operations")
			}
			continue
		}
		if len(x.list) == x.Operations {
			return fail(TooCostly, "the patch has more than %d operations", x.Operations)
		}
		o := xmlOperation{Node: n, d: &x.doc}
		if bad := o.read(); bad != nil {
			return bad.in(len(x.list))
		}
		x.list = append(x.list, o)
	}
	if len(x.list) == 0 {
		return fail(Malformed, "there is no operation in the patch")
	}
	return nil
}

// Apply implements Patch.
func (x *xmlPatch) Apply(src []byte) ([]byte, error) {
	var t tape.Tape
	if err := t.Parse(src, tape.Limits{Bytes: max(x.Bytes, len(src)), Nodes: 1 << 21}); err != nil {
		return nil, err
	}
	doc, err := xml.FromJSON(nil, t.Root(), false)
	if err != nil {
		return nil, fail(Impossible, "the resource cannot be said in XML: %v", err)
	}
	p := patching{Limits: x.Limits}
	p.Bytes += len(doc) - len(src) // XML is longer
	if doc, err = p.run(doc, x.list); err != nil {
		return nil, err
	}
	if err := p.doc.Parse(doc, p.limits()); err != nil {
		return nil, fail(Impossible, "the result is no XML: %v", err)
	}
	out, _, err := p.doc.JSON(true)
	if err != nil {
		return nil, fail(Impossible, "the result is no resource: %v%s", err, pathOf(err))
	}
	return out, nil
}

func pathOf(err error) string {
	var e *xml.Error
	if errors.As(err, &e) && e.Path != "" {
		return " (" + e.Path + ")"
	}
	return ""
}

// patching is a document that is being changed by an XML Patch.
type patching struct {
	Limits
	doc  xml.Document
	work int
}

func (p *patching) limits() xml.Limits { return xml.Limits{Bytes: p.Bytes, Nodes: 1 << 20} }

func (p *patching) spend(n int) *Error {
	if p.work += n; p.work > maxXML {
		return fail(TooCostly, "the patch takes too much work; send it in parts")
	}
	return nil
}

// run changes a document of XML.
func (p *patching) run(doc []byte, list []xmlOperation) ([]byte, error) {
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil, fail(Impossible, "there is no document that the patch could change")
	}
	for i := range list {
		var bad *Error
		if doc, bad = p.operation(doc, &list[i]); bad != nil {
			return nil, bad.in(i)
		}
	}
	return doc, nil
}

// operation does what one element of the patch says.
func (p *patching) operation(doc []byte, o *xmlOperation) ([]byte, *Error) {
	if bad := p.spend(len(doc)); bad != nil {
		return nil, bad
	}
	if err := p.doc.Parse(doc, p.limits()); err != nil {
		return nil, fail(Impossible, "what the patch makes is no XML: %v", err)
	}
	found, bad := o.path.find(&p.doc, p.spend)
	switch {
	case bad != nil:
		return nil, bad
	case len(found) == 0:
		return nil, fail(Impossible, "sel leads to nothing")
	case len(found) > 1:
		return nil, fail(Impossible, "sel leads to several places; a predicate must choose one")
	}
	var e edit
	switch o.op {
	case "add":
		e, bad = o.add(&p.doc, found[0])
	case "replace":
		e, bad = o.replace(&p.doc, found[0])
	default:
		e, bad = o.remove(&p.doc, found[0])
	}
	if bad != nil {
		return nil, bad
	}
	if len(doc)-(e.end-e.start)+len(e.text) > p.Bytes {
		return nil, fail(TooCostly, "the result would be larger than %d bytes", p.Bytes)
	}
	out := make([]byte, 0, len(doc)+len(e.text))
	out = append(append(out, doc[:e.start]...), e.text...)
	return append(out, doc[e.end:]...), nil
}

// edit puts text in place of a part of the document.
type edit struct {
	start, end int
	text       []byte
}
