package fhirpath

import (
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// fhirFunctions are those that FHIR adds (FHIR R4, FHIRPath, §2.1.9.1.5).
var fhirFunctions = map[string]*function{
	"extension": {min: 1, max: 1, result: func(static, []static) static { return fhirType(definition.TypeOf("Extension")) }, eval: extension},
	"hasValue": {result: alwaysBoolean, eval: func(r *Run, _ *call, in span) error {
		r.push(Boolean(in.len() == 1 && r.stack[in.from].hasValue()))
		return nil
	}},
	"getValue":       {result: scalarOfInput, eval: getValue},
	"resolve":        {eval: resolve},
	"memberOf":       {min: 1, max: 1, result: alwaysBoolean, eval: memberOf},
	"subsumes":       {min: 1, max: 1, result: alwaysBoolean, eval: subsumes(true)},
	"subsumedBy":     {min: 1, max: 1, result: alwaysBoolean, eval: subsumes(false)},
	"conformsTo":     {min: 1, max: 1, result: alwaysBoolean, eval: conformsTo},
	"checkModifiers": {min: 1, max: 32, result: sameAsInput, eval: checkModifiers},
	"htmlChecks": {result: alwaysBoolean, eval: func(r *Run, n *call, in span) error {
		it, err := r.only(in, n.at)
		if err != nil || it == nil {
			return err
		}
		s, ok := it.str()
		r.push(Boolean(ok && narrative(s)))
		return r.spend(len(s))
	}},
}

// extension gives the extensions of a URL.
func extension(r *Run, n *call, in span) error {
	url, ok, err := r.stringArgument(n, 0)
	if err != nil || !ok {
		return err
	}
	t := definition.TypeOf("Extension")
	for i := in.from; i < in.to; i++ {
		it := &r.stack[i]
		object := it.node
		if it.typ != nil && it.typ.Kind == definition.Primitive {
			object = it.sibling
		}
		list := object.Get("extension")
		for c := list.First(); c.Exists(); c = c.Next() {
			if c.Get("url").Is(url) {
				r.push(Item{node: c, typ: t})
			}
		}
	}
	return nil
}

// hasValue tells whether the item is a primitive with a value, not extensions only.
func (it *Item) hasValue() bool {
	if it.kind != NodeKind {
		return true
	}
	k := it.node.Kind()
	return k != tape.None && k != tape.Null && k != tape.Object && k != tape.Array
}

func getValue(r *Run, _ *call, in span) error {
	if in.len() != 1 || !r.stack[in.from].hasValue() {
		return nil
	}
	it := r.stack[in.from]
	switch it.scalarKind() {
	case BooleanKind:
		b, _ := it.boolean()
		r.push(Boolean(b))
	case IntegerKind:
		i, _ := it.integer()
		r.push(Integer(i))
	case DecimalKind:
		if d, ok := it.decimal(); ok {
			r.push(decimalItem(d))
		}
	case DateKind, DateTimeKind, TimeKind:
		if t, ok := it.temporal(); ok {
			r.push(temporalItem(t))
		}
	default:
		s, _ := it.str()
		r.push(String(s))
	}
	return nil
}

// resolve gives what references, or URIs and canonicals, point at; what points nowhere is left out.
func resolve(r *Run, n *call, in span) error {
	for i := in.from; i < in.to; i++ {
		it := r.stack[i]
		reference := it.node
		if reference.Kind() == tape.Object {
			reference = reference.Get("reference")
		}
		found, err := r.target(it, reference)
		if err != nil {
			return &Error{Stage: Execution, Offset: n.at, Reason: "a reference could not be resolved", Err: err}
		}
		if found.kind != NodeKind || found.node.Exists() || found.typ != nil {
			r.push(found)
		}
	}
	return r.spend(in.len())
}

// target finds a reference's target: a contained resource, what Resolve gives, or an item that has only a type.
func (r *Run) target(it Item, reference tape.Value) (Item, error) {
	b := reference.Bytes()
	if it.kind == StringKind {
		b = []byte(it.text)
	}
	if len(b) > 0 && b[0] == '#' {
		return r.contained(string(b[1:])), nil
	}
	if r.Resolve != nil && len(b) > 0 {
		found, err := r.Resolve(string(b))
		if err != nil || found.node.Exists() || found.typ != nil {
			return typed(found), err
		}
	}
	t := TargetType(b)
	if t == nil {
		t = definition.TypeOfBytes(it.node.Get("type").Bytes())
	}
	return Item{typ: t}, nil
}

// contained looks for a resource in what contains the resource of the evaluation, or in that itself.
func (r *Run) contained(id string) Item {
	for _, holder := range [...]Item{r.resource(), r.RootResource} {
		if id == "" && holder.node.Exists() {
			return typed(holder)
		}
		for c := holder.node.Get("contained").First(); c.Exists(); c = c.Next() {
			if c.Get("id").Is(id) {
				return typed(Item{node: c})
			}
		}
	}
	return Item{}
}

// TargetType tells from a reference's text alone what type it points at: "Patient/1", "https://example.org/fhir/Patient/1/_history/2",
// "Patient?identifier=1"; nil where it does not say.
func TargetType(reference []byte) *definition.Structure {
	s := reference
	for i, c := range s {
		if c == '?' || c == '|' || c == '#' {
			s = s[:i]
			if c == '?' {
				return resourceNamed(lastSegment(s))
			}
			break
		}
	}
	id := lastSegment(s)
	s = before(s, id)
	segment := lastSegment(s)
	if string(segment) == "_history" {
		s = before(s, segment)
		id = lastSegment(s)
		segment = lastSegment(before(s, id))
	}
	return resourceNamed(segment)
}

// lastSegment is what follows the last slash.
func lastSegment(s []byte) []byte {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return s[i+1:]
		}
	}
	return s
}

// before takes the last segment and its slash away.
func before(s, segment []byte) []byte { return s[:max(len(s)-len(segment)-1, 0)] }

func resourceNamed(name []byte) *definition.Structure {
	if t := definition.TypeOfBytes(name); t != nil && t.Kind == definition.Resource {
		return t
	}
	return nil
}
