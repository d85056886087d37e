package validation

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/tape"
)

// domainRule is what every resource keeps that may contain others (https://hl7.org/fhir/R4/references.html#contained): dom-2 to dom-5, and
// that each has an id of its own.
func domainRule(r *run, o object) {
	list := o.Get("contained")
	for c := list.First(); c.Exists() && !r.full(); c = c.Next() {
		if c.Kind() != tape.Object {
			continue
		}
		if inner := c.Get("contained"); inner.Exists() {
			r.broken(inner, "dom-2", "a contained resource must not contain others")
		}
		meta := c.Get("meta")
		for _, name := range [...]string{"versionId", "lastUpdated"} {
			if m := meta.Get(name); m.Exists() {
				r.broken(m, "dom-4", "a contained resource has no version and no time of its own")
			}
		}
		if m := meta.Get("security"); m.Exists() {
			r.broken(m, "dom-5", "a contained resource has no security labels of its own: they stand in what contains it")
		}
		r.containedID(o, c)
	}
}

func (r *run) containedID(o object, c tape.Value) {
	id := c.Get("id")
	if id.Kind() != tape.String {
		if !id.Exists() {
			if i := r.wrong(c, "required", "a contained resource must have an id, by which it is referred to"); i != nil {
				i.Path += ".id"
			}
		}
		return
	}
	if first := contained(o.Value, id.Bytes()); first.Start() != c.Start() {
		r.wrong(id, "duplicate", "two contained resources have this id")
		return
	}
	if !refersTo(o.Value, c, id.Bytes()) && !refersOut(c) {
		r.broken(c, "dom-3", "nothing refers to this contained resource, and it refers to nothing in what contains it")
	}
}

// refersTo tells whether "#id" stands anywhere in v outside of the resource c itself. Which elements are references, canonical or other
// URLs does not matter: no other holds such a text.
func refersTo(v, c tape.Value, id []byte) bool {
	for m := v.First(); m.Exists(); m = m.Next() {
		switch m.Kind() {
		case tape.Object, tape.Array:
			if !(c.Exists() && m.Start() == c.Start()) && refersTo(m, c, id) {
				return true
			}
		case tape.String:
			if local, is := bytes.CutPrefix(m.Bytes(), []byte{'#'}); is && bytes.Equal(local, id) {
				return true
			}
		}
	}
	return false
}

// refersOut tells whether a contained resource refers to what contains it.
func refersOut(c tape.Value) bool { return refersTo(c, tape.Value{}, nil) }
