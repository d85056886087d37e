package patch

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

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
