package patch

import (
	"github.com/sijil-health/sijil/fhir/tape"
)

// jsonPatch is a JSON Patch.
type jsonPatch struct {
	list []operation
	Limits
}

// ReadJSON reads a JSON Patch (RFC 6902). It needs the tape of v as long as it is applied.
func ReadJSON(v tape.Value, l Limits) (Patch, error) {
	l = l.orDefault()
	list, bad := operations(v, l)
	if bad != nil {
		return nil, bad
	}
	return &jsonPatch{list, l}, nil
}

// Apply implements Patch.
func (p *jsonPatch) Apply(src []byte) ([]byte, error) {
	d, err := read(src, p.Limits)
	if err != nil {
		return nil, err
	}
	for i := range p.list {
		if bad := d.apply(&p.list[i]); bad != nil {
			return nil, bad.in(i)
		}
	}
	return d.root.appendTo(make([]byte, 0, d.size)), nil
}

// operation is one operation of a JSON Patch.
type operation struct {
	op         string
	path, from pointer
	value      tape.Value
}

// operations reads a patch whole before anything of it is done.
func operations(patch tape.Value, l Limits) ([]operation, *Error) {
	if patch.Kind() != tape.Array {
		return nil, fail(Malformed, "a JSON Patch is an array of operations (RFC 6902, section 3)")
	}
	if patch.Len() > l.Operations {
		return nil, fail(TooCostly, "the patch has %d operations; at most %d are taken", patch.Len(), l.Operations)
	}
	list := make([]operation, 0, patch.Len())
	for v := patch.First(); v.Exists(); v = v.Next() {
		o, bad := readOperation(v)
		if bad != nil {
			return nil, bad.in(len(list))
		}
		list = append(list, o)
	}
	return list, nil
}

func readOperation(v tape.Value) (o operation, bad *Error) {
	if v.Kind() != tape.Object {
		return o, fail(Malformed, "it is no object")
	}
	o.op = v.Get("op").Text()
	if o.path, bad = readPointer(v, "path"); bad != nil {
		return o, bad
	}
	switch o.op {
	case "add", "replace", "test":
		if o.value = v.Get("value"); !o.value.Exists() {
			return o, fail(Malformed, "it has no value")
		}
	case "move", "copy":
		if o.from, bad = readPointer(v, "from"); bad != nil {
			return o, bad
		}
		if o.op == "move" && o.from.above(o.path) {
			return o, fail(Malformed, "a value cannot be moved into itself")
		}
	case "remove":
	default:
		return o, fail(Malformed, "op must be add, remove, replace, move, copy or test")
	}
	return o, nil
}

// apply does what one operation says.
func (d *document) apply(o *operation) *Error {
	switch o.op {
	case "add":
		if bad := d.grow(len(o.value.Raw())); bad != nil {
			return bad
		}
		return d.add(o.path, &node{v: o.value})
	case "remove":
		_, bad := d.take(o.path)
		return bad
	case "replace":
		if bad := d.grow(len(o.value.Raw())); bad != nil {
			return bad
		}
		at, bad := d.at(o.path)
		if bad == nil {
			*at = node{v: o.value}
		}
		return bad
	case "move":
		if o.from.equal(o.path) {
			_, bad := d.at(o.from)
			return bad
		}
		n, bad := d.take(o.from)
		if bad != nil {
			return bad
		}
		return d.add(o.path, n)
	case "copy":
		n, bad := d.copyOf(o.from)
		if bad != nil {
			return bad
		}
		return d.add(o.path, n)
	}
	return d.test(o)
}

// copyOf gives a copy of a value, which nothing that is done to the one changes.
func (d *document) copyOf(from pointer) (*node, *Error) {
	n, bad := d.at(from)
	if bad != nil {
		return nil, bad
	}
	v, bad := n.value()
	if bad != nil {
		return nil, bad
	}
	return &node{v: v}, d.grow(len(v.Raw()))
}

func (d *document) test(o *operation) *Error {
	n, bad := d.at(o.path)
	if bad != nil {
		bad.Kind = TestFailed
		return bad
	}
	v, bad := n.value()
	if bad != nil {
		return bad
	}
	same, bad := d.same(v, o.value)
	if bad == nil && !same {
		bad = fail(TestFailed, "the value is not the one that it tests for")
	}
	return bad
}
