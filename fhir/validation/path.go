package validation

import (
	"bytes"
	"strconv"

	"github.com/sijil-health/sijil/fhir/tape"
)

// path names a value as FHIRPath does, whatever its name in JSON: "Observation.value.code" of valueQuantity, "Patient.birthDate.extension[0]"
// of what is in _birthDate. It begins with the type of the document.
func (v *Validator) path(document, at tape.Value) string {
	here := document
	p, b := v.typeOf(here), append([]byte(nil), here.Get("resourceType").Bytes()...)
	for here.Start() != at.Start() || here.End() != at.End() {
		child, index := here.First(), 0
		for ; child.Exists() && child.End() < at.End(); child = child.Next() {
			index++
		}
		if !child.Exists() {
			break // at is of another document
		}
		if here.Kind() == tape.Array {
			b = append(strconv.AppendInt(append(b, '['), int64(index), 10), ']')
			if p == nil {
				p = v.typeOf(child)
			}
		} else {
			b, p = v.step(b, p, child)
		}
		here = child
	}
	return string(b)
}

// typeOf is the plan of a resource; nil for anything else.
func (v *Validator) typeOf(resource tape.Value) *plan {
	if typ := resource.Get("resourceType"); typ.Kind() == tape.String {
		return v.plans.resource(typ.Bytes())
	}
	return nil
}

// step adds the name of a member of a value of type p, and gives the member's type.
func (v *Validator) step(b []byte, p *plan, child tape.Value) ([]byte, *plan) {
	name := child.NameBytes()
	plain, companion := bytes.CutPrefix(name, []byte{'_'})
	if len(b) > 0 {
		b = append(b, '.')
	}
	if p == nil || p.members[string(plain)] == nil {
		return append(b, name...), nil
	}
	m := p.members[string(plain)]
	switch b = append(b, m.name...); {
	case companion:
		return b, v.plans.named("Element")
	case m.of == nil:
		return b, v.typeOf(child)
	}
	return b, m.of
}
