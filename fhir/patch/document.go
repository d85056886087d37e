package patch

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/tape"
)

// document is JSON that is being changed. Whatever is not changed stays the bytes it was.
type document struct {
	root *node
	size int // at most this many bytes: what was there and what was added
	work int
	Limits
}

// node is a value of a document.
type node struct {
	v     tape.Value // as it was read
	kids  []kid      // once it was opened: v is no longer what it is
	end   []byte     // the white space and the bracket after the last of them
	open  bool
	array bool
}

// kid is a member or an element of an opened node.
type kid struct {
	gap  []byte // what stands before it: after the bracket, or from the end of the one before, with the comma
	name []byte // of a member, in quotes, with the colon and the space around it; nil for an element
	key  string
	node *node
}

// read makes a document of JSON.
func read(src []byte, l Limits) (*document, error) {
	var t tape.Tape
	if err := t.Parse(src, tape.Limits{Bytes: max(l.Bytes, len(src)), Nodes: 1 << 21}); err != nil {
		return nil, err
	}
	return &document{root: &node{v: t.Root()}, size: len(src), Limits: l}, nil
}

// spend counts what is looked at.
func (d *document) spend(n int) *Error {
	if d.work += n; d.work > maxWork {
		return fail(TooCostly, "the patch takes too much work; send it in parts")
	}
	return nil
}

// grow counts what is added.
func (d *document) grow(n int) *Error {
	if d.size += n; d.size > d.Bytes {
		return fail(TooCostly, "what the patch adds goes beyond %d bytes", d.Bytes)
	}
	return nil
}

func (n *node) kind() tape.Kind {
	switch {
	case !n.open:
		return n.v.Kind()
	case n.array:
		return tape.Array
	}
	return tape.Object
}

// opened makes the members or elements of a node ready to be changed. It tells whether the node has such.
func (d *document) opened(n *node) (bool, *Error) {
	if n.open {
		return true, d.spend(len(n.kids))
	}
	kind := n.v.Kind()
	if kind != tape.Array && kind != tape.Object {
		return false, nil
	}
	if err := d.spend(n.v.Len()); err != nil {
		return false, err
	}
	raw, base := n.v.Raw(), n.v.Start()
	n.open, n.array = true, kind == tape.Array
	n.kids = make([]kid, 0, n.v.Len()+1)
	at := 1
	for c := n.v.First(); c.Exists(); c = c.Next() {
		k := kid{node: &node{v: c}}
		start, end := c.Start()-base, c.End()-base
		begin := start
		if !n.array {
			begin = c.NameStart() - base
			k.name, k.key = raw[begin:start:start], c.Name()
		}
		k.gap = raw[at:begin:begin]
		n.kids = append(n.kids, k)
		at = end
	}
	n.end = raw[at:]
	return true, nil
}

// member gives the index of a member; -1 if there is none. n is an opened object.
func (n *node) member(key string) int {
	for i := range n.kids {
		if n.kids[i].key == key {
			return i
		}
	}
	return -1
}

// insert puts a value before the kid at i, written as its neighbours are. key is the name of a member.
func (n *node) insert(i int, key string, value *node) {
	k := kid{node: value, key: key}
	if !n.array {
		k.name = append(tape.AppendQuoted(nil, key), ':')
		if len(n.kids) > 0 {
			like := n.kids[0].name
			if colon := bytes.LastIndexByte(like, ':'); colon > 0 {
				k.name = append(k.name[:len(k.name)-1], like[bytes.LastIndexByte(like[:colon], '"')+1:]...)
			}
		}
	}
	switch {
	case len(n.kids) == 0:
	case i == 0:
		k.gap = n.kids[0].gap
		n.kids[0].gap = append([]byte{','}, k.gap...)
	case i < len(n.kids):
		k.gap = n.kids[i].gap
	case i == 1:
		k.gap = append([]byte{','}, n.kids[0].gap...)
	default:
		k.gap = n.kids[i-1].gap
	}
	n.kids = append(n.kids, kid{})
	copy(n.kids[i+1:], n.kids[i:])
	n.kids[i] = k
}

// remove takes the kid at i away.
func (n *node) remove(i int) *node {
	gone := n.kids[i]
	if i == 0 && len(n.kids) > 1 {
		n.kids[1].gap = gone.gap
	}
	n.kids = append(n.kids[:i], n.kids[i+1:]...)
	return gone.node
}

// appendTo writes a node.
func (n *node) appendTo(b []byte) []byte {
	if !n.open {
		return append(b, n.v.Raw()...)
	}
	if n.array {
		b = append(b, '[')
	} else {
		b = append(b, '{')
	}
	for i := range n.kids {
		k := &n.kids[i]
		b = append(append(b, k.gap...), k.name...)
		b = k.node.appendTo(b)
	}
	return append(b, n.end...)
}

// value is a node as it is now.
func (n *node) value() (tape.Value, *Error) {
	if !n.open {
		return n.v, nil
	}
	v, err := parsed(n.appendTo(nil))
	if err != nil {
		return tape.Value{}, fail(Impossible, "values would be nested too deep, or be too many")
	}
	return v, nil
}

// parsed reads JSON that was put together from JSON.
func parsed(b []byte) (tape.Value, error) {
	var t tape.Tape
	if err := t.Parse(b, tape.Limits{Bytes: len(b), Nodes: 1 << 21}); err != nil {
		return tape.Value{}, err
	}
	return t.Root(), nil
}
