package validation

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/tape"
)

// domainRule is what every resource keeps that may contain others (https://hl7.org/fhir/R4/references.html#contained): dom-2 to dom-5, and
// that each has an id of its own.
func domainRule(r *run, o object) {
	if o.Start() != r.root.Start() {
		return // contained itself: what it contains should not be there at all
	}
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
	local := r.siblings.within(o.Value)
	if first := local.byID[string(id.Bytes())]; first.Start() != c.Start() {
		r.wrong(id, "duplicate", "two contained resources have this id")
		return
	}
	if m, is := local.mentions[string(id.Bytes())]; (!is || m.in == c.Start() && !m.more) && !refersOut(c) {
		r.broken(c, "dom-3", "nothing refers to this contained resource, and it refers to nothing in what contains it")
	}
}

// locals are the contained resources of one resource, and where it refers to them: read once, for there may be thousands of either.
type locals struct {
	of       tape.Value            // what contains them
	byID     map[string]tape.Value // the first of each id
	mentions map[string]mention
}

// mention is where "#id" stands. Which elements are references, canonical or other URLs does not matter: no other holds such a text.
type mention struct {
	in   int  // where the contained resource begins in which it stands first; -1 outside of all
	more bool // and it stands elsewhere, too
}

// within gives the contained resources of a resource of the document.
func (b *Siblings) within(root tape.Value) *locals {
	if l := &b.local; !l.of.Exists() || l.of.Start() != root.Start() {
		*l = locals{of: root, byID: map[string]tape.Value{}, mentions: map[string]mention{}}
		l.read(root, -1)
		for c := root.Get("contained").First(); c.Exists(); c = c.Next() {
			if id := c.Get("id"); id.Kind() == tape.String && !l.byID[string(id.Bytes())].Exists() {
				l.byID[id.Text()] = c
			}
		}
	}
	return &b.local
}

// read notes what stands in v, which is in the contained resource that begins there.
func (l *locals) read(v tape.Value, in int) {
	for m := v.First(); m.Exists(); m = m.Next() {
		switch {
		case m.Kind() == tape.Array && in < 0 && v.Start() == l.of.Start() && m.Named("contained"):
			for c := m.First(); c.Exists(); c = c.Next() {
				l.read(c, c.Start())
			}
		case m.Kind() == tape.Object || m.Kind() == tape.Array:
			l.read(m, in)
		case m.Kind() == tape.String:
			if id, local := bytes.CutPrefix(m.Bytes(), []byte{'#'}); local {
				first, is := l.mentions[string(id)]
				if !is {
					first.in = in
				}
				first.more = first.more || first.in != in
				l.mentions[string(id)] = first
			}
		}
	}
}

// refersOut tells whether a contained resource refers to what contains it.
func refersOut(v tape.Value) bool {
	for m := v.First(); m.Exists(); m = m.Next() {
		if m.Kind() == tape.String && m.Is("#") || (m.Kind() == tape.Object || m.Kind() == tape.Array) && refersOut(m) {
			return true
		}
	}
	return false
}
