package validation

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// object is a JSON object of a type, with what its rule needs to know of it.
type object struct {
	tape.Value
	plan *plan
	in   *member // the element that it is a value of; nil for a resource
}

// resourceValue checks a value that must be a resource of any type.
func (r *run) resourceValue(v tape.Value, in *member) {
	if v.Kind() != tape.Object {
		r.formal(v, "structure", "a resource is a JSON object, this is %s", v.Kind())
		return
	}
	typ := v.Get("resourceType")
	if typ.Kind() != tape.String {
		r.formal(v, "structure", "a resource must have a resourceType, which is a string")
		return
	}
	p := r.v.plans.resource(typ.Bytes())
	if p == nil {
		r.formal(typ, "structure", "resourceType names no resource type of FHIR R4")
		return
	}
	outer := r.scope
	r.scope = scope{resource: v, root: v, typ: p}
	if in != nil && in.name == "contained" {
		r.root = outer.root
	}
	r.members(object{v, p, in})
	if r.options.Claimed {
		for url := v.Get("meta").Get("profile").First(); url.Exists(); url = url.Next() {
			r.asked(item{value: v, plan: p}, url.Text())
		}
	}
	r.scope = outer
	r.set = false
}

// members checks an object that must be of a type, element by element.
func (r *run) members(o object) {
	if o.Kind() != tape.Object {
		r.formal(o.Value, "structure", "this must be an object, not %s", o.Kind())
		return
	}
	if o.Len() == 0 {
		r.formal(o.Value, "structure", "an object must not be empty: leave out what has no value")
		return
	}
	var chosen choices
	seen, skip := uint64(0), r.skip
	r.skip = ""
	for m := o.First(); m.Exists() && !r.full(); m = m.Next() {
		name := m.NameBytes()
		if skip != "" && string(name) == skip {
			continue
		}
		plain, companion := bytes.CutPrefix(name, []byte{'_'})
		e := o.plan.members[string(plain)]
		switch {
		case e == nil && o.plan.resource && string(name) == "resourceType":
			continue
		case e == nil || companion && (e.of == nil || e.of.primitive == none):
			r.formal(m, "structure", "%s has no element of this name", o.plan.name)
			continue
		case e.choice > 0 && !chosen.take(e):
			r.formal(m, "structure", "only one type of a choice element may be given")
		}
		seen |= e.bit
		r.element(m, o.Value, e, companion)
	}
	if r.form {
		return
	}
	if missing := o.plan.all &^ seen; missing != 0 && skip == "" {
		r.missing(o, missing)
	}
	if o.in != nil && !o.plan.resource && o.Len() == 1 && o.First().Named("id") {
		r.broken(o.Value, "ele-1", "an element must have a value or elements beside its id")
	}
	if o.plan.rule != nil {
		o.plan.rule(r, o)
	}
	r.hold(o.Value, tape.Value{}, o.plan, &o.plan.invariants, true, o.plan.all&^seen != 0)
}

func (r *run) missing(o object, bits uint64) {
	for i, e := range o.plan.required {
		if bits&(1<<i) == 0 {
			continue
		}
		if issue := r.add(Count, o.Value, "error", "required", "%s must have the element %s", o.plan.name, e.name); issue != nil {
			issue.Path += "." + e.name
		}
	}
}

// choices remembers which types of choice elements an object has; no type has more than eight.
type choices [8]*member

// take tells whether a member may stand beside those before it: its companion may, another type of the choice may not.
func (c *choices) take(m *member) bool {
	if c[m.choice-1] == nil {
		c[m.choice-1] = m
	}
	return c[m.choice-1] == m
}

// element checks member m of v.
func (r *run) element(m, v tape.Value, e *member, companion bool) {
	switch {
	case !e.list:
		r.value(m, e, companion)
		if companion && !r.form && !v.Get(string(m.NameBytes()[1:])).Exists() {
			r.extended(m)
		}
	case m.Kind() != tape.Array:
		r.formal(m, "structure", "this must be an array, not %s", m.Kind())
	case m.Len() == 0:
		r.formal(m, "structure", "an array must not be empty: leave out what has no value")
	default:
		if e.max != definition.Many && m.Len() > e.max {
			r.add(Count, m, "error", "structure", "this may stand at most %d times", e.max)
		}
		r.list(m, v, e, companion)
	}
	if !r.form && !companion {
		r.elementInvariants(m, v, e)
	}
}

// list checks the values of an array. Of a primitive element null holds the place of a value that has extensions only, and in the
// companion that of extensions (https://hl7.org/fhir/R4/json.html#primitive).
func (r *run) list(m, v tape.Value, e *member, companion bool) {
	primitive := e.of != nil && e.of.primitive != none
	var other tape.Value
	if primitive && companion {
		other = v.Get(string(m.NameBytes()[1:])).First()
	} else if primitive {
		other = v.Get("_" + string(m.NameBytes())).First()
	}
	for i := m.First(); i.Exists() && !r.full(); i = i.Next() {
		null := other.Kind() == tape.Null || !other.Exists()
		switch {
		case i.Kind() != tape.Null || !primitive:
			r.value(i, e, companion)
			if companion && null && !r.form {
				r.extended(i)
			}
		case null && !companion, companion && !other.Exists():
			r.formal(i, "structure", "null must hold the place of a value or of its extensions: here is neither")
		}
		other = other.Next()
	}
}

// extended checks the companion of a primitive element without a value.
func (r *run) extended(v tape.Value) {
	if v.Kind() == tape.Object && v.Len() > 0 && !v.Get("extension").Exists() {
		r.broken(v, "ele-1", "an element must have a value or extensions")
	}
}

// value checks one value of an element.
func (r *run) value(v tape.Value, e *member, companion bool) {
	switch {
	case companion:
		r.members(object{v, r.v.plans.named("Element"), nil})
	case e.of == nil:
		r.resourceValue(v, e)
	case e.of.primitive == none:
		r.members(object{v, e.of, e})
	default:
		r.primitive(v, e.of.primitive)
	}
	if !r.form && !companion && e.binding != nil {
		r.bound(v, e)
	}
}
