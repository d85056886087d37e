package fhirpath

import (
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// step goes from items to their elements of one name.
type step struct {
	on    node // nil for $this
	name  string
	known []knownStep
}

// knownStep is what a step means for a type.
type knownStep struct {
	of      *definition.Structure
	element *definition.Element
	name    string // in JSON; "" for a choice that may have several
	typ     *definition.Structure
}

func (c *compiler) member(e *member) (node, static, error) {
	if e.on == nil {
		if t := definition.TypeOf(e.name); t != nil && e.name[0] >= 'A' && e.name[0] <= 'Z' {
			return c.typeAtHead(t, e)
		}
	}
	on, in, err := c.input(e.on)
	if err != nil {
		return nil, static{}, err
	}
	if _, ok := on.(thisNode); ok {
		on = nil
	}
	s := &step{on: on, name: e.name}
	out := static{any: in.any, unordered: in.unordered}
	found := in.any
	for _, t := range in.types {
		switch {
		case t.fhir == nil:
			if t.kind == typeInfoKind && (e.name == "name" || e.name == "namespace") {
				out = out.union(systemType(StringKind))
				found = true
			}
		case t.fhir.Element(e.name) != nil:
			element := t.fhir.Element(e.name)
			s.known = append(s.known, knownFor(t.fhir, element))
			out = out.union(typesOf(element))
			found = true
		case t.fhir.Abstract:
			out.any, found = true, true
		}
	}
	if !found && len(in.types) > 0 && c.strict {
		return nil, static{}, c.fail(e.offset(), "no type that stands here has an element of this name")
	}
	if out.never() {
		return nothing{}, out, nil
	}
	return s, out, nil
}

func knownFor(of *definition.Structure, e *definition.Element) knownStep {
	k := knownStep{of: of, element: e, typ: e.Types[0].Of}
	if !e.Choice {
		k.name = e.Name
	}
	return k
}

func typesOf(e *definition.Element) static {
	var s static
	for _, t := range e.Types {
		s = s.union(fhirType(t.Of))
	}
	return s
}

// restrict makes a step that goes only to values of one type of those that a choice has, which saves a look at all others.
func (s *step) restrict(m typeMatch) {
	for i := range s.known {
		k := &s.known[i]
		if !k.element.Choice {
			continue
		}
		count := 0
		for j := range k.element.Types {
			t := &k.element.Types[j]
			if m.fhir != nil && (t.Of == m.fhir || m.fhir.Kind != definition.Primitive && derives(t.Of, m.fhir)) {
				k.name, k.typ = k.element.JSONName(t), t.Of
				count++
			}
		}
		if count != 1 {
			k.name, k.typ = "", nil
		}
	}
}

func (s *step) eval(r *Run) error {
	in, base, err := r.evalInput(s.on)
	if err != nil {
		return err
	}
	from := r.top()
	for i := in.from; i < in.to; i++ {
		it := &r.stack[i]
		if it.kind == NodeKind {
			s.from(r, it.node, it.sibling, it.typ)
		} else if it.kind == typeInfoKind {
			r.pushTypeInfo(it.text, s.name)
		}
	}
	return r.keep(base, from)
}

// from adds the elements of one node.
func (s *step) from(r *Run, node, sibling tape.Value, t *definition.Structure) {
	if t != nil && t.Kind == definition.Primitive {
		node = sibling
	}
	for i := range s.known {
		if k := &s.known[i]; k.of == t {
			if k.name != "" {
				r.pushMember(node, k.name, k.typ)
			} else {
				r.pushChoice(node, t, k.element)
			}
			return
		}
	}
	if t == nil {
		r.pushMember(node, s.name, nil)
	} else if e := t.Element(s.name); e == nil {
		return
	} else if e.Choice {
		r.pushChoice(node, t, e)
	} else {
		r.pushMember(node, e.Name, e.Types[0].Of)
	}
}

// typeFilter is the name of a type at the beginning of a path, "Patient.name": $this, if it is of that type.
type typeFilter struct{ of *definition.Structure }

func (c *compiler) typeAtHead(t *definition.Structure, e *member) (node, static, error) {
	m := typeMatch{fhir: t}
	out := m.narrow(c.focus)
	if out.never() {
		if c.strict {
			return nil, out, c.fail(e.offset(), "this type is not that of what the expression is evaluated on")
		}
		return nothing{}, out, nil
	}
	if len(c.focus.types) == 1 && c.focus.types[0].fhir != nil && derives(c.focus.types[0].fhir, t) {
		return thisNode{}, out, nil
	}
	return &typeFilter{t}, out, nil
}

func (n *typeFilter) eval(r *Run) error {
	for i := r.this.from; i < r.this.to; i++ {
		if it := r.stack[i]; it.kind == NodeKind && derives(it.typ, n.of) {
			r.push(it)
		}
	}
	return nil
}
