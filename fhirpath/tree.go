package fhirpath

import (
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// treeFunctions are those of FHIRPath N1, §5.8.
var treeFunctions = map[string]*function{
	"children": {result: inAnyOrder, eval: func(r *Run, _ *call, in span) error {
		for i := in.from; i < in.to; i++ {
			r.children(r.stack[i])
			if err := r.spend(1); err != nil {
				return err
			}
		}
		return nil
	}},
	"descendants": {result: inAnyOrder, eval: descendants},
}

func inAnyOrder(static, []static) static { return static{any: true, unordered: true} }

// descendants adds the children of the input, then those of each item that was added: level by level.
func descendants(r *Run, _ *call, in span) error {
	for from := in; from.len() > 0; {
		added := r.top()
		for i := from.from; i < from.to; i++ {
			r.children(r.stack[i])
			if err := r.spend(1); err != nil {
				return err
			}
		}
		from = span{added, r.top()}
	}
	return nil
}

// children adds all elements of a node.
func (r *Run) children(it Item) {
	if it.kind != NodeKind {
		return
	}
	object := it.node
	if it.typ != nil && it.typ.Kind == definition.Primitive {
		object = it.sibling
	}
	if object.Kind() != tape.Object {
		return
	}
	siblings := hasSiblings(object)
	for c := object.First(); c.Exists(); c = c.Next() {
		n := c.NameBytes()
		switch {
		case len(n) > 0 && n[0] == '_':
			if r.spent += object.Len(); !object.Get(string(n[1:])).Exists() {
				r.pushValues(tape.Value{}, c, childType(it.typ, n[1:]))
			}
		case string(n) == "resourceType":
		case siblings:
			r.spent += object.Len()
			r.pushMember(object, string(n), childType(it.typ, n))
		default:
			r.pushValues(c, tape.Value{}, childType(it.typ, n))
		}
	}
}

// hasSiblings tells whether some member may hold the id and the extensions of another.
func hasSiblings(object tape.Value) bool {
	for c := object.First(); c.Exists(); c = c.Next() {
		if n := c.NameBytes(); len(n) > 0 && n[0] == '_' {
			return true
		}
	}
	return false
}

func childType(t *definition.Structure, name []byte) *definition.Structure {
	if t == nil {
		return nil
	}
	if _, found := t.Find(name); found != nil {
		return found.Of
	}
	return nil
}
