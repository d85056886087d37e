package fhirpath

import (
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// pushMember adds the values of the member of a name, each with what stands beside it under the name with an underscore.
func (r *Run) pushMember(object tape.Value, name string, t *definition.Structure) {
	if object.Kind() != tape.Object {
		return
	}
	r.spent += object.Len() / 8 // large objects cost more
	if t != nil && t.Kind != definition.Primitive {
		r.pushValues(object.Get(name), tape.Value{}, t)
		return
	}
	value, sibling := object.GetBoth(name)
	r.pushValues(value, sibling, t)
}

// pushChoice adds the values of a choice, whatever their type.
func (r *Run) pushChoice(object tape.Value, of *definition.Structure, e *definition.Element) {
	r.spent += object.Len() / 8
	for c := object.First(); c.Exists(); c = c.Next() {
		n, sibling := c.NameBytes(), false
		if len(n) > 0 && n[0] == '_' {
			n, sibling = n[1:], true
		}
		if len(n) <= len(e.Name) || string(n[:len(e.Name)]) != e.Name {
			continue
		}
		found, t := of.Find(n)
		if found != e {
			continue
		}
		if !sibling {
			value := c
			if t.Of.Kind == definition.Primitive {
				r.pushMember(object, string(n), t.Of)
			} else {
				r.pushValues(value, tape.Value{}, t.Of)
			}
		} else if !object.Get(string(n)).Exists() {
			r.pushValues(tape.Value{}, c, t.Of)
		}
	}
}

// pushValues adds a value, or the elements of an array, with their siblings.
func (r *Run) pushValues(value, sibling tape.Value, t *definition.Structure) {
	if value.Kind() != tape.Array && sibling.Kind() != tape.Array {
		r.pushNode(value, sibling, t)
		return
	}
	if value.Kind() == tape.Array {
		value = value.First()
	}
	if sibling.Kind() == tape.Array {
		sibling = sibling.First()
	}
	for value.Exists() || sibling.Exists() {
		r.pushNode(value, sibling, t)
		value, sibling = value.Next(), sibling.Next()
	}
}

func (r *Run) pushNode(value, sibling tape.Value, t *definition.Structure) {
	if sibling.Kind() == tape.Null {
		sibling = tape.Value{}
	}
	if (!value.Exists() || value.Kind() == tape.Null) && !sibling.Exists() {
		return
	}
	if t == nil || t.Kind == definition.Resource {
		t = typeOfNode(value, t)
	}
	r.push(Item{node: value, sibling: sibling, typ: t})
}
