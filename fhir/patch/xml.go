package patch

import (
	"bytes"
	"errors"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
)

// XML applies an XML Patch (RFC 5261) to a resource in JSON, by way of its XML. The JSON is written anew; decimals and narratives are as they
// were. The error is an *Error, or that of a document that is no resource.
func XML(src, patch []byte, l Limits) ([]byte, error) {
	l = l.orDefault()
	var t tape.Tape
	if err := t.Parse(src, tape.Limits{Bytes: max(l.Bytes, len(src)), Nodes: 1 << 21}); err != nil {
		return nil, err
	}
	doc, err := xml.FromJSON(nil, t.Root(), false)
	if err != nil {
		return nil, fail(Impossible, "the resource cannot be said in XML: %v", err)
	}
	p := patching{Limits: l}
	p.Bytes += len(doc) - len(src) // XML is longer
	if doc, err = p.run(doc, patch); err != nil {
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

// patching is an XML Patch that is being applied.
type patching struct {
	Limits
	doc   xml.Document // that is changed
	patch xml.Document
	work  int
}

func (p *patching) limits() xml.Limits { return xml.Limits{Bytes: p.Bytes, Nodes: 1 << 20} }

func (p *patching) spend(n int) *Error {
	if p.work += n; p.work > 4*maxWork {
		return fail(TooCostly, "the patch takes too much work; send it in parts")
	}
	return nil
}

// run changes a document of XML.
func (p *patching) run(doc, patch []byte) ([]byte, error) {
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil, fail(Impossible, "there is no document that the patch could change")
	}
	if err := p.patch.Parse(patch, p.limits()); err != nil {
		if errors.Is(err, tape.ErrTooLarge) {
			return nil, fail(TooCostly, "the patch is larger than what it may make")
		}
		return nil, fail(Malformed, "the patch is no well-formed XML: %v", err)
	}
	count := 0
	for n := p.patch.Root().First(); n.Exists(); n = n.Next() {
		if n.Kind() != xml.Element {
			if n.Kind() == xml.Text && strings.TrimSpace(n.Text()) != "" {
				return nil, fail(Malformed, "a text stands between the operations")
			}
			continue
		}
		if count == p.Operations {
			return nil, fail(TooCostly, "the patch has more than %d operations", p.Operations)
		}
		var bad *Error
		if doc, bad = p.operation(doc, n); bad != nil {
			return nil, bad.in(count)
		}
		count++
	}
	if count == 0 {
		return nil, fail(Malformed, "there is no operation in the patch")
	}
	return doc, nil
}

// operation does what one element of the patch says.
func (p *patching) operation(doc []byte, op xml.Node) ([]byte, *Error) {
	o := xmlOperation{Node: op, d: &p.patch}
	if bad := o.read(); bad != nil {
		return nil, bad
	}
	path, bad := readSelector(o.sel, o.spaces())
	if bad != nil {
		return nil, bad
	}
	if bad := p.spend(len(doc)); bad != nil {
		return nil, bad
	}
	if err := p.doc.Parse(doc, p.limits()); err != nil {
		return nil, fail(Impossible, "what the patch makes is no XML: %v", err)
	}
	found, bad := path.find(&p.doc, p.spend)
	switch {
	case bad != nil:
		return nil, bad
	case len(found) == 0:
		return nil, fail(Impossible, "sel leads to nothing")
	case len(found) > 1:
		return nil, fail(Impossible, "sel leads to several places; a predicate must choose one")
	}
	var e edit
	switch string(op.Local()) {
	case "add":
		e, bad = o.add(&p.doc, found[0])
	case "replace":
		e, bad = o.replace(&p.doc, found[0])
	case "remove":
		e, bad = o.remove(&p.doc, found[0])
	default:
		bad = fail(Malformed, "an operation is add, replace or remove")
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
