package fhirpath

import "strings"

// typeFunctions are those of FHIRPath N1, §6.3, and ofType.
var typeFunctions = map[string]*function{
	"is":     {min: 1, max: 1, compile: compileType, result: alwaysBoolean, eval: isType},
	"as":     {min: 1, max: 1, compile: compileType, eval: asType},
	"ofType": {min: 1, max: 1, compile: compileType, eval: ofType},
	"type": {result: func(static, []static) static { return systemType(typeInfoKind) }, eval: func(r *Run, _ *call, in span) error {
		for i := in.from; i < in.to; i++ {
			it := &r.stack[i]
			name := "System." + it.TypeName()
			if it.kind == NodeKind {
				name = "FHIR." + it.TypeName()
			}
			r.push(Item{kind: typeInfoKind, text: name})
		}
		return nil
	}},
}

// pushTypeInfo adds a member of what type() gives.
func (r *Run) pushTypeInfo(name, member string) {
	space, name, _ := strings.Cut(name, ".")
	switch member {
	case "namespace":
		r.push(String(space))
	case "name":
		r.push(String(name))
	}
}

func compileType(c *compiler, n *call, e *invocation, _ static) (err error) {
	n.complete, n.typed = true, true
	name, ok := typeNamed(e.args[0])
	if !ok {
		return c.fail(e.args[0].offset(), "a type is expected")
	}
	n.match, err = c.match(name, e.args[0].offset())
	return err
}

// typeNamed reads an argument as the name of a type.
func typeNamed(e expr) (typeName, bool) {
	m, ok := e.(*member)
	if !ok {
		return typeName{}, false
	}
	if m.on == nil {
		return typeName{"", m.name}, true
	}
	space, ok := m.on.(*member)
	if !ok || space.on != nil || space.name != "System" && space.name != "FHIR" {
		return typeName{}, false
	}
	return typeName{space.name, m.name}, true
}

// typeTest compiles the operators is and as, which are those functions.
func (c *compiler) typeTest(e *typeTest) (node, static, error) {
	on, in, err := c.compile(e.x)
	if err != nil {
		return nil, in, err
	}
	n := &call{on: on, f: functions[e.op], at: e.offset(), strict: c.strict}
	if n.match, err = c.match(e.name, e.offset()); err != nil {
		return nil, in, err
	}
	if e.op == "is" {
		return n, systemType(BooleanKind), nil
	}
	if s, ok := on.(*step); ok {
		s.restrict(n.match)
	}
	return n, n.match.narrow(in), nil
}

func isType(r *Run, n *call, in span) error {
	it, err := r.only(in, n.at)
	if it != nil {
		r.push(Boolean(n.match.is(it)))
	}
	return err
}

func asType(r *Run, n *call, in span) error {
	if n.strict && in.len() > 1 {
		return n.fail("one value is needed where there are several")
	}
	return ofType(r, n, in)
}

func ofType(r *Run, n *call, in span) error {
	for i := in.from; i < in.to; i++ {
		if n.match.filters(&r.stack[i]) {
			r.push(r.stack[i])
		}
	}
	return nil
}
