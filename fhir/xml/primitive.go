package xml

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// primitives writes the elements of one name whose type is primitive: the values, and in a companion ("_given") their ids and extensions. In
// arrays null stands where there is none (FHIR R4, 2.6.2.3).
func (r *reader) primitives(name []byte, from, to int, repeats bool) error {
	values, companions := false, false
	for i := from; i < to; i++ {
		n := r.children[i].node
		if repeats {
			r.path[len(r.path)-1].index = i - from
		}
		value, companion := valueOf(n) != nil, hasMore(n)
		if !value && !companion {
			return r.fail(n, "the element is empty")
		}
		values, companions = values || value, companions || companion
	}
	if values {
		r.name("", name)
		err := r.array(from, to, repeats, func(c *child) error {
			if a := valueOf(c.node); a != nil {
				return r.primitive(c, a.Value())
			}
			r.out = append(r.out, "null"...)
			return nil
		})
		if err != nil || !companions {
			return err
		}
		r.out = append(r.out, ',')
	}
	r.name("_", name)
	return r.array(from, to, repeats, func(c *child) error {
		if hasMore(c.node) {
			return r.object(c.typ.Of, c.node)
		}
		r.out = append(r.out, "null"...)
		return nil
	})
}

func (r *reader) array(from, to int, repeats bool, write func(*child) error) error {
	if !repeats {
		return write(&r.children[from])
	}
	r.out = append(r.out, '[')
	for i := from; i < to; i++ {
		if i > from {
			r.out = append(r.out, ',')
		}
		r.path[len(r.path)-1].index = i - from
		c := r.children[i] // what it has inside may make the list grow
		if err := write(&c); err != nil {
			return err
		}
	}
	r.out = append(r.out, ']')
	return nil
}

// valueOf is the attribute value of a primitive element.
func valueOf(n Node) *Attr {
	attrs := n.Attrs()
	for i := range attrs {
		if attrs[i].space == NoSpace && string(attrs[i].Local()) == "value" {
			return &attrs[i]
		}
	}
	return nil
}

// hasMore tells whether a primitive element has anything but a value: what members judges.
func hasMore(n Node) bool {
	for c := n.First(); c.Exists(); c = c.Next() {
		if c.Kind() == Element || c.Kind() == Text && !isBlank(c.Raw()) {
			return true
		}
	}
	attrs := n.Attrs()
	for i := range attrs {
		if a := &attrs[i]; a.space != declaration && (a.space != NoSpace || string(a.Local()) != "value") {
			return true
		}
	}
	return false
}

// primitive writes a value: a boolean or a number as JSON has it, its digits kept, and anything else as a string.
func (r *reader) primitive(c *child, text []byte) error {
	r.mark(c.node)
	switch formOf(c.typ) {
	case tape.True:
		if string(text) != "true" && string(text) != "false" {
			return r.fail(c.node, "a boolean is true or false")
		}
		r.out = append(r.out, text...)
	case tape.Number:
		whole := c.typ.Of.Name != "decimal"
		if whole {
			text = bytes.TrimPrefix(text, []byte("+")) // which JSON does not have
		}
		if !isNumber(text, whole) {
			return r.fail(c.node, "a number is expected")
		}
		r.out = append(r.out, text...)
	default:
		r.out = tape.AppendQuoted(r.out, string(text))
	}
	return nil
}

// formOf is what a value of a primitive type is in JSON: tape.True for booleans, tape.Number or tape.String.
func formOf(t *definition.Type) tape.Kind {
	if t.Of == nil {
		return tape.String
	}
	switch t.Of.Name {
	case "boolean":
		return tape.True
	case "integer", "unsignedInt", "positiveInt", "decimal":
		return tape.Number
	}
	return tape.String
}

// isNumber tells whether text is a number as JSON writes it; whole: without a fraction and an exponent.
func isNumber(text []byte, whole bool) bool {
	i := 0
	digits := func() bool {
		first := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > first
	}
	if i < len(text) && text[i] == '-' {
		i++
	}
	first := i
	if !digits() || text[first] == '0' && i > first+1 {
		return false
	}
	if whole {
		return i == len(text)
	}
	if i < len(text) && text[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(text)
}
