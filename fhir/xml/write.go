package xml

import (
	"slices"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// FromJSON adds the XML of a resource to b. It is on lines of its own if indent is set: one for each element that is FHIR's, so that nothing
// that FHIR gives a meaning to is changed. The error is an *Error.
func FromJSON(b []byte, v tape.Value, indent bool) ([]byte, error) {
	w := writer{out: slices.Grow(b, len(v.Raw())+len(v.Raw())/4+64), indent: indent}
	w.out = append(w.out, `<?xml version="1.0" encoding="UTF-8"?>`...)
	if err := w.resource(v, true); err != nil {
		return nil, err
	}
	return w.out, nil
}

// writer makes XML of JSON.
type writer struct {
	out     []byte
	indent  bool
	depth   int
	members []member // of the objects that are being written, the innermost last
	inner   Document // of a narrative
}

// member is a member of an object, with what it is.
type member struct {
	value, companion tape.Value // the companion of "given" is "_given"
	element          *definition.Element
	typ              *definition.Type
	order            int
}

func (w *writer) fail(v tape.Value, reason string) error {
	return &Error{Position: v.Position(), Path: v.Path(), Reason: reason}
}

func (w *writer) line() {
	if w.indent {
		w.out = append(w.out, '\n')
		for range w.depth {
			w.out = append(w.out, "  "...)
		}
	}
}

// resource writes the element that is named as the type of resource.
func (w *writer) resource(v tape.Value, root bool) error {
	typ := v.Get("resourceType")
	s := resourceType(typ.Bytes())
	if s == nil {
		return w.fail(v, "resourceType names no resource type of FHIR R4")
	}
	w.line()
	w.out = append(append(w.out, '<'), s.Name...)
	if root {
		w.out = append(w.out, ` xmlns="http://hl7.org/fhir"`...)
	}
	return w.content(s, s.Name, v, tape.Value{})
}

// content writes what stands in an element, from after its name in the start tag to its end tag. Of a primitive element v is the value,
// and companion what else it has; of any other v is an object.
func (w *writer) content(s *definition.Structure, name string, v, companion tape.Value) error {
	object := v
	if s.Kind == definition.Primitive {
		object = companion
	}
	base := len(w.members)
	defer func() { w.members = w.members[:base] }()
	if object.Exists() {
		if err := w.collect(s, object); err != nil {
			return err
		}
	}
	children := 0
	for i := base; i < len(w.members); i++ {
		m := &w.members[i]
		if !m.element.Attribute {
			children++
			continue
		}
		if m.value.Kind() != tape.String || m.companion.Exists() {
			return w.fail(object, m.element.Name+" must be a string and no more")
		}
		if err := w.attribute(m.element.Name, m.value); err != nil {
			return err
		}
	}
	if s.Kind == definition.Primitive && v.Exists() && v.Kind() != tape.Null {
		if err := w.attribute("value", v); err != nil {
			return err
		}
	}
	if children == 0 {
		w.out = append(w.out, "/>"...)
		return nil
	}
	w.out = append(w.out, '>')
	w.depth++
	for i, end := base, len(w.members); i < end; i++ {
		if m := w.members[i]; !m.element.Attribute {
			if err := w.member(&m); err != nil {
				return err
			}
		}
	}
	w.depth--
	w.line()
	w.out = append(append(w.out, "</"...), name...)
	w.out = append(w.out, '>')
	return nil
}

// collect takes note of an object's members, in the order of the structure.
func (w *writer) collect(s *definition.Structure, v tape.Value) error {
	if v.Kind() != tape.Object {
		return w.fail(v, "an object is expected")
	}
	base := len(w.members)
	for c := v.First(); c.Exists(); c = c.Next() {
		name := c.NameBytes()
		if s.Kind == definition.Resource && string(name) == "resourceType" {
			continue
		}
		beside := len(name) > 0 && name[0] == '_'
		if beside {
			name = name[1:]
		}
		e, t := s.Find(name)
		if e == nil || beside && !isPrimitive(t) {
			return w.fail(c, "the element is none that FHIR R4 defines for "+s.Name)
		}
		if err := w.put(s, base, c, e, t, beside); err != nil {
			return err
		}
	}
	return nil
}

// put takes note of one member at its place.
func (w *writer) put(s *definition.Structure, base int, c tape.Value, e *definition.Element, t *definition.Type, beside bool) error {
	order := 0
	for &s.Elements[order] != e {
		order++
	}
	at := len(w.members)
	for at > base && w.members[at-1].order > order {
		at--
	}
	if at > base && w.members[at-1].order == order {
		m := &w.members[at-1]
		if m.typ != t {
			return w.fail(c, "the element may have a value of one type only")
		}
		if beside {
			m.companion = c
		} else {
			m.value = c
		}
		return nil
	}
	m := member{element: e, typ: t, order: order}
	if beside {
		m.companion = c
	} else {
		m.value = c
	}
	w.members = slices.Insert(w.members, at, m)
	return nil
}

// member writes the elements that a member stands for.
func (w *writer) member(m *member) error {
	name := m.element.JSONName(m.typ)
	if m.element.Max == 1 {
		return w.value(name, m.typ, m.value, m.companion)
	}
	for _, v := range []tape.Value{m.value, m.companion} {
		if v.Exists() && v.Kind() != tape.Array {
			return w.fail(v, "an array is expected")
		}
	}
	v, c := m.value.First(), m.companion.First()
	for v.Exists() || c.Exists() {
		if err := w.value(name, m.typ, v, c); err != nil {
			return err
		}
		v, c = v.Next(), c.Next()
	}
	return nil
}

// value writes one element.
func (w *writer) value(name string, t *definition.Type, v, companion tape.Value) error {
	at := v
	if !at.Exists() {
		at = companion
	}
	w.line()
	if isNarrative(t) {
		if v.Kind() != tape.String {
			return w.fail(at, "a string is expected")
		}
		return w.div(v)
	}
	s := t.Of
	if s == nil {
		return w.fail(at, "the element is of a type that FHIR R4 does not define")
	}
	w.out = append(append(w.out, '<'), name...)
	switch s.Kind {
	case definition.Primitive:
		return w.primitive(name, t, v, companion, at)
	case definition.Resource:
		if v.Kind() != tape.Object {
			return w.fail(at, "a resource is expected")
		}
		w.out = append(w.out, '>')
		w.depth++
		if err := w.resource(v, false); err != nil {
			return err
		}
		w.depth--
		w.line()
		w.out = append(append(w.out, "</"...), name...)
		w.out = append(w.out, '>')
		return nil
	}
	if v.Kind() != tape.Object || v.Len() == 0 {
		return w.fail(at, "an object is expected that is not empty")
	}
	return w.content(s, name, v, tape.Value{})
}

// primitive writes an element with a value, an id, extensions, or some of these.
func (w *writer) primitive(name string, t *definition.Type, v, companion, at tape.Value) error {
	kind := v.Kind()
	if kind == tape.False {
		kind = tape.True
	}
	if companion.Kind() == tape.Null {
		companion = tape.Value{}
	}
	if kind != tape.None && kind != tape.Null {
		if kind != formOf(t) {
			return w.fail(v, "the value is "+v.Kind().String()+", which its type is not")
		}
	} else if companion.Len() == 0 {
		return w.fail(at, "the element is empty")
	}
	return w.content(t.Of, name, v, companion)
}

// attribute writes an attribute with a value.
func (w *writer) attribute(name string, v tape.Value) error {
	w.out = append(append(append(w.out, ' '), name...), `="`...)
	text := v.Raw()
	if v.Kind() == tape.String {
		text = v.Bytes()
		if !characters(text) {
			return w.fail(v, "the value has a character that XML has not")
		}
	}
	w.out = append(AppendEscaped(w.out, text), '"')
	return nil
}

// characters tells whether valid UTF-8 has only characters that XML has.
func characters(text []byte) bool {
	for i, c := range text {
		switch {
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			return false
		case c == 0xef && i+2 < len(text) && text[i+1] == 0xbf && text[i+2] >= 0xbe:
			return false
		}
	}
	return true
}
