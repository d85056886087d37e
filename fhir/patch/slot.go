package patch

import (
	"slices"
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

// insert puts something into a list before the element at i.
func (s *slot) insert(i int, f filling) *Error {
	values, companions, bad := s.arrays()
	if bad != nil {
		return bad
	}
	n := s.len()
	if i < 0 || i > n {
		return fail(Impossible, "the list has no such index")
	}
	if f.value != nil || values != nil {
		s.side(s.name, n).insert(i, "", orNull(f.value))
	}
	if f.companion != nil || companions != nil {
		s.side("_"+s.name, n).insert(i, "", orNull(f.companion))
	}
	return nil
}

// take removes the element at i of a list and gives it.
func (s *slot) take(i int) (f filling, bad *Error) {
	if n := s.len(); i < 0 || i >= n {
		return f, fail(Impossible, "the list has no such index")
	}
	values, companions, bad := s.arrays()
	if bad != nil {
		return f, bad
	}
	if values != nil && i < len(values.kids) {
		f.value = values.remove(i)
	}
	if companions != nil && i < len(companions.kids) {
		f.companion = companions.remove(i)
	}
	return f, nil
}

// tidy removes arrays in which nothing is left.
func (s *slot) tidy() {
	for _, name := range []string{s.name, "_" + s.name} {
		a := s.at(name)
		if a == nil || !a.open {
			continue
		}
		empty := true
		for i := range a.kids {
			empty = empty && a.kids[i].node.kind() == tape.Null
		}
		if empty {
			s.parent.remove(s.parent.member(name))
		}
	}
}

// remove takes away the value, of a list the one at i; and what it was in where nothing else is there, for nothing in FHIR is empty.
func (s *slot) remove(i int) *Error {
	if s.repeats() {
		if _, bad := s.take(i); bad != nil {
			return bad
		}
		s.tidy()
	} else {
		for _, name := range []string{s.name, "_" + s.name} {
			if at := s.parent.member(name); at >= 0 {
				s.parent.remove(at)
			}
		}
	}
	return s.d.prune(s.path)
}

// prune removes the value at a place, and those around it, as far as they are empty.
func (d *document) prune(p pointer) *Error {
	for ; len(p) > 0; p = p[:len(p)-1] {
		n, bad := d.at(p)
		if bad != nil || !n.open || len(n.kids) > 0 {
			return bad
		}
		around := p[:len(p)-1]
		if _, ok := index(p[len(p)-1]); ok && len(around) > 0 && strings.HasPrefix(around[len(around)-1], "_") {
			*n = *null() // its place beside a value is kept
			array, bad := d.at(around)
			if bad != nil || slices.ContainsFunc(array.kids, func(k kid) bool { return k.node.kind() != tape.Null }) {
				return bad
			}
			array.kids = array.kids[:0]
			continue
		}
		if _, bad := d.take(p); bad != nil {
			return bad
		}
	}
	return nil
}

// move takes one element of a list to another place: where it is afterwards.
func (s *slot) move(from, to int) *Error {
	if n := s.len(); from < 0 || to < 0 || from >= n || to >= n {
		return fail(Impossible, "the list has no such index")
	}
	f, bad := s.take(from)
	if bad != nil {
		return bad
	}
	return s.insert(to, f)
}

// replace puts something in place of the value, of a list of the one at i.
func (s *slot) replace(i int, f filling) *Error {
	if !s.repeats() {
		return s.set(f)
	}
	if _, bad := s.take(i); bad != nil {
		return bad
	}
	if bad := s.insert(i, f); bad != nil {
		return bad
	}
	s.tidy()
	return nil
}

// set makes something the value, where the one before stood.
func (s *slot) set(f filling) *Error {
	name := s.name
	if f.typ != nil {
		name = s.element.JSONName(f.typ)
	}
	at := len(s.parent.kids)
	for _, old := range []string{s.name, "_" + s.name} {
		if i := s.parent.member(old); i >= 0 {
			if old == name && f.value != nil { // it keeps its place to the byte
				s.parent.kids[i].node, f.value = f.value, nil
				continue
			}
			s.parent.remove(i)
			at = min(at, i, len(s.parent.kids))
		}
	}
	if f.companion != nil {
		s.parent.insert(min(at, len(s.parent.kids)), "_"+name, f.companion)
	}
	if f.value != nil {
		s.parent.insert(min(at, len(s.parent.kids)), name, f.value)
	}
	return nil
}
