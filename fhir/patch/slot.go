package patch

import (
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

func itoa(i int) string { return strconv.Itoa(i) }

// slot is an element of a structure at one place of a document: a member of an object and, of a primitive one, its companion ("_given"), whose
// arrays go side by side.
type slot struct {
	d       *document
	parent  *node   // an object
	path    pointer // of the parent
	name    string
	element *definition.Element
	typ     *definition.Type // of the name; of a choice that is not decided the first
}

// filling is what goes into a slot: a value, and a companion where it has an id or extensions. Either may be nil.
type filling struct {
	value, companion *node
	typ              *definition.Type // of the value, where the slot is a choice; nil for the slot's own
}

// structureAt gives the type of the object at a place.
func structureAt(root tape.Value, p pointer) *definition.Structure {
	s, at := definition.TypeOf(root.Get("resourceType").Text()), root
	for _, step := range p {
		if at.Kind() == tape.Array {
			i, _ := index(step)
			if at = at.At(i); s != nil && s.Kind == definition.Resource {
				s = definition.TypeOf(at.Get("resourceType").Text())
			}
			continue
		}
		if at = at.Get(step); s == nil {
			return nil
		}
		_, t := s.FindString(strings.TrimPrefix(step, "_"))
		if t == nil {
			return nil
		}
		if s = t.Of; s != nil && s.Kind == definition.Resource && at.Kind() == tape.Object {
			s = definition.TypeOf(at.Get("resourceType").Text())
		}
	}
	return s
}

// slot gives the slot of a name in an object of the document. The name is the one in JSON, or of a choice the one before its type.
func (d *document) slot(root, object tape.Value, name string) (*slot, *Error) {
	p, err := pointerTo(root, object)
	if err != nil || object.Kind() != tape.Object {
		return nil, fail(Impossible, "path leads to no element of the resource that has others in it")
	}
	return d.slotAt(root, p, strings.TrimSuffix(name, "[x]"))
}

func (d *document) slotAt(root tape.Value, p pointer, name string) (*slot, *Error) {
	structure := structureAt(root, p)
	if structure == nil {
		return nil, fail(Impossible, "path leads to an element that FHIR R4 does not define")
	}
	e, t := structure.FindString(name)
	if e == nil {
		if e = structure.Element(name); e == nil {
			return nil, fail(Impossible, "the name is of no element that FHIR R4 defines there")
		}
		t = &e.Types[0]
	}
	parent, bad := d.at(p)
	if bad != nil {
		return nil, bad
	}
	if _, bad := d.opened(parent); bad != nil {
		return nil, bad
	}
	s := &slot{d: d, parent: parent, path: p, name: e.JSONName(t), element: e, typ: t}
	if !s.exists() { // of a choice another type may be there
		for i := range e.Types {
			other := *s
			if other.name = e.JSONName(&e.Types[i]); e.Choice && other.exists() && name == e.Name {
				other.typ = &e.Types[i]
				return &other, nil
			}
		}
	}
	return s, nil
}

// slotOf gives the slot that an item of the document is in, and where: 0 for an element that does not repeat.
func (d *document) slotOf(root tape.Value, it interface {
	Value() tape.Value
	Sibling() tape.Value
}) (*slot, int, *Error) {
	v := it.Value()
	if !v.Exists() {
		v = it.Sibling()
	}
	p, err := pointerTo(root, v)
	if err != nil {
		return nil, 0, fail(Impossible, "path leads to a value that is no element of the resource")
	}
	if len(p) == 0 {
		return nil, 0, fail(Impossible, "the whole resource can be neither replaced nor deleted by a patch")
	}
	i, last := 0, p[len(p)-1]
	if n, ok := index(last); ok {
		i, p = n, p[:len(p)-1]
		last = p[len(p)-1]
	}
	if last == "resourceType" {
		return nil, 0, fail(Impossible, "the type of a resource cannot be changed")
	}
	s, bad := d.slotAt(root, p[:len(p)-1], strings.TrimPrefix(last, "_"))
	return s, i, bad
}

func (s *slot) repeats() bool { return s.element.Max != 1 }

func (s *slot) at(name string) *node {
	if i := s.parent.member(name); i >= 0 {
		return s.parent.kids[i].node
	}
	return nil
}

func (s *slot) exists() bool { return s.at(s.name) != nil || s.at("_"+s.name) != nil }

// arrays opens the two arrays of a list; what is not there is nil.
func (s *slot) arrays() (values, companions *node, bad *Error) {
	for i, to := range []**node{&values, &companions} {
		n := s.at([]string{"", "_"}[i] + s.name)
		if n == nil {
			continue
		}
		ok, bad := s.d.opened(n)
		if bad != nil {
			return nil, nil, bad
		}
		if !ok || !n.array {
			return nil, nil, fail(Impossible, "the resource has no array where FHIR has one")
		}
		*to = n
	}
	return values, companions, nil
}

func (s *slot) len() int {
	values, companions, bad := s.arrays()
	n := 0
	if bad == nil && values != nil {
		n = len(values.kids)
	}
	if bad == nil && companions != nil {
		n = max(n, len(companions.kids))
	}
	return n
}

// side gives one of the arrays, made if need be, with null up to n elements.
func (s *slot) side(name string, n int) *node {
	a := s.at(name)
	if a == nil {
		a = &node{open: true, array: true, end: []byte{']'}}
		s.parent.insert(len(s.parent.kids), name, a)
	}
	for len(a.kids) < n {
		a.insert(len(a.kids), "", null())
	}
	return a
}

var nothingThere = func() tape.Value { v, _ := parsed([]byte("null")); return v }()

func null() *node { return &node{v: nothingThere} }

func orNull(n *node) *node {
	if n == nil {
		return null()
	}
	return n
}
