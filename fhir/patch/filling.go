package patch

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// valueFor reads the part "value" of an operation: a value of any type, a resource, or parts of which each is an element of a type that has
// no name (FHIR R4, 3.1.0.8.1).
func (d *document) valueFor(s *slot, part tape.Value) (filling, *Error) {
	if bad := d.grow(len(part.Raw())); bad != nil {
		return filling{}, bad
	}
	return d.fill(s.element, s.typ, part)
}

func (d *document) fill(e *definition.Element, t *definition.Type, part tape.Value) (f filling, bad *Error) {
	given := ""
	for m := part.First(); m.Exists(); m = m.Next() {
		name := m.Name()
		bare := strings.TrimPrefix(name, "_")
		switch {
		case name == "name", name == "id", name == "extension", name == "_name":
			continue
		case name == "resource" && given == "":
			given, f.value = name, &node{v: m}
			continue
		case name == "part" && given == "":
			given = name
			if f.value, bad = d.object(t, m); bad != nil {
				return f, bad
			}
			continue
		case !strings.HasPrefix(bare, "value") || bare == "value" || given != "" && given != bare:
			return f, fail(Malformed, "the part value has more than one value, or something else in it")
		}
		given = bare
		if name == bare {
			f.value = &node{v: m}
		} else {
			f.companion = &node{v: m}
		}
	}
	if given == "" {
		return f, fail(Malformed, "the part value has no value")
	}
	if (given == "resource") != (t.Of != nil && t.Of.Kind == definition.Resource) {
		return f, fail(Impossible, "a resource and only a resource can stand where FHIR has one")
	}
	if e.Choice {
		f.typ, bad = chosen(e, given)
	}
	return f, bad
}

// chosen gives the type of a choice that a member of Parameters, "valueQuantity", is of.
func chosen(e *definition.Element, given string) (*definition.Type, *Error) {
	code := strings.TrimPrefix(given, "value")
	for i := range e.Types {
		if c := e.Types[i].Code; strings.EqualFold(c[:1], code[:min(1, len(code))]) && c[1:] == code[1:] {
			return &e.Types[i], nil
		}
	}
	return nil, fail(Impossible, "the element cannot have a value of this type")
}

// object makes an object of parts.
func (d *document) object(t *definition.Type, parts tape.Value) (*node, *Error) {
	if t.Of == nil || t.Of.Kind == definition.Primitive || t.Of.Kind == definition.Resource {
		return nil, fail(Impossible, "the element is of no type that is said by parts")
	}
	n := &node{open: true, end: []byte{'}'}}
	for p := parts.First(); p.Exists(); p = p.Next() {
		if bad := d.spend(1 + len(n.kids)); bad != nil {
			return nil, bad
		}
		name := p.Get("name").Text()
		e, of := t.Of.FindString(name)
		if e == nil {
			if e = t.Of.Element(name); e == nil {
				return nil, fail(Impossible, "the name of a part is of no element that FHIR R4 defines there")
			}
			of = &e.Types[0]
		}
		f, bad := d.fill(e, of, p)
		if bad != nil {
			return nil, bad
		}
		s := &slot{d: d, parent: n, name: e.JSONName(of), element: e, typ: of}
		if f.typ != nil {
			s.name, s.typ = e.JSONName(f.typ), f.typ
		}
		switch {
		case s.repeats():
			bad = s.insert(s.len(), f)
		case s.exists():
			bad = fail(Impossible, "a part stands twice whose element does not repeat")
		default:
			bad = s.set(f)
		}
		if bad != nil {
			return nil, bad
		}
	}
	return n, nil
}
