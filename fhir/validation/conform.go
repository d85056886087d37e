package validation

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// item is a value of an element, with its companion where it is a primitive one. Either may be missing.
type item struct {
	value, companion tape.Value
	plan             *plan // its type; nil for what is none
}

func (it item) at() tape.Value {
	if it.value.Exists() {
		return it.value
	}
	return it.companion
}

// items gives the values that an element has in an object, whatever their types.
func (r *run) items(in item, name string) (list []item) {
	o, p := in.value, in.plan
	if p == nil {
		return nil
	}
	if p.primitive != none {
		o, p = in.companion, r.v.plans.named("Element")
	}
	for m := o.First(); m.Exists(); m = m.Next() {
		plain, companion := bytes.CutPrefix(m.NameBytes(), []byte{'_'})
		e := p.members[string(plain)]
		if e == nil || e.name != name {
			continue
		}
		if !companion || !o.Get(string(plain)).Exists() { // or seen with its value
			list = append(list, r.values(m, o, e)...)
		}
	}
	return list
}

// values gives the values of member m of o, which may be the companion of one that is not there.
func (r *run) values(m, o tape.Value, e *member) (list []item) {
	value, other := m, tape.Value{}
	if name := m.NameBytes(); name[0] == '_' {
		value, other = tape.Value{}, m
	} else if e.of != nil && e.of.primitive != none {
		other = o.Get("_" + string(name))
	}
	if !e.list {
		return append(list, r.item(value, other, e))
	}
	for v, c := value.First(), other.First(); v.Exists() || c.Exists(); v, c = v.Next(), c.Next() {
		list = append(list, r.item(v, c, e))
	}
	return list
}

func (r *run) item(value, companion tape.Value, e *member) item {
	it := item{value, companion, e.of}
	if value.Kind() == tape.Null {
		it.value = tape.Value{}
	}
	if e.of == nil {
		it.plan = r.v.typeOf(value)
	}
	return it
}

// keep checks that a value keeps a profile.
func (r *run) keep(it item, p *profile) {
	if it.plan == nil || !it.plan.def.Is(p.of.name) {
		r.wrong(it.at(), "structure", "the profile %s is of %s, this is another type", p.url, p.of.name)
		return
	}
	key := active{it.at().Start(), p}
	if r.active[key] {
		return // it is being checked: a reference leads back to it
	}
	if r.active == nil {
		r.active = map[active]bool{}
	}
	outer := r.by
	r.active[key], r.by = true, p
	if it.plan.resource {
		scope := r.scope
		r.resource, r.typ, r.set = it.value, it.plan, false
		r.conform(it, p.root)
		r.scope, r.set = scope, false
	} else {
		r.conform(it, p.root)
	}
	r.by = outer
	delete(r.active, key)
}

type active struct {
	at int
	p  *profile
}

// conform checks what a node says of a value and of what is in it.
func (r *run) conform(it item, n *node) {
	if r.full() || !r.effort.step() {
		return
	}
	switch {
	case n.fixed.Exists() && !equal(it.value, n.fixed):
		r.wrong(it.at(), "value", "the profile %s fixes another value for %s", r.by.url, n.id)
	case n.pattern.Exists() && !contains(it.value, n.pattern):
		r.wrong(it.at(), "value", "the value has not what the profile %s asks for of %s", r.by.url, n.id)
	}
	if n.binding != nil && it.value.Exists() && it.plan != nil && (n.binding.required || r.options.Warnings) {
		r.boundTo(it.value, it.plan, n.binding)
	}
	r.hold(it.value, it.companion, it.plan, &n.invariants, false, false)
	for _, c := range n.children {
		r.child(it, c)
	}
}

// child checks the values of an element.
func (r *run) child(it item, c *node) {
	if c.idle() {
		return
	}
	list := r.items(it, c.name)
	r.count(it, c, len(list))
	for _, v := range list {
		r.typed(v, c)
		r.conform(v, c)
	}
	if len(c.slices) > 0 && c.slicing != nil && len(c.slicing.by) > 0 {
		r.sliced(it, c, list)
	}
}

// idle tells that a node says nothing beyond the type.
func (n *node) idle() bool {
	return n.min == 0 && n.max == definition.Many && n.types == nil && n.children == nil && n.slices == nil && !n.fixed.Exists() && !n.pattern.Exists() &&
		n.binding == nil && n.invariants.list == nil
}

func (r *run) count(in item, n *node, got int) {
	var issue *Issue
	switch {
	case got < n.min:
		issue = r.wrong(in.at(), "required", "the profile %s asks for at least %d of %s, there are %d", r.by.url, n.min, n.id, got)
	case n.max != definition.Many && got > n.max:
		issue = r.wrong(in.at(), "structure", "the profile %s takes at most %d of %s, there are %d", r.by.url, n.max, n.id, got)
	}
	if issue != nil {
		issue.Path += "." + n.name
	}
}

// sliced tells the values of an element apart and checks each by its slice.
func (r *run) sliced(in item, n *node, list []item) {
	counts, last := make([]int, len(n.slices)), -1
	var outside []item
	for _, v := range list {
		i := r.sliceOf(v, n)
		if i < 0 {
			outside = append(outside, v)
			if n.slicing.closed {
				r.wrong(v.at(), "structure", "this is of none of the slices of %s that the profile %s has, and it takes no others", n.id, r.by.url)
			}
			continue
		}
		if len(outside) > 0 && n.slicing.ends || n.slicing.ordered && i < last {
			r.wrong(v.at(), "structure", "the profile %s has another order for %s", r.by.url, n.id)
		}
		last = i
		counts[i]++
		s := n.slices[i]
		r.typed(v, s)
		r.conform(v, s)
		if len(s.slices) > 0 && s.slicing != nil {
			r.sliced(in, s, []item{v})
		}
	}
	for i, s := range n.slices {
		r.count(in, s, counts[i])
		if counts[i] < s.min {
			r.meant(s, n.slicing.by, outside)
		}
	}
}

// meant says what a value lacks that would be of a required slice, by its type, if it kept the slice's profile.
func (r *run) meant(s *node, by []discriminator, outside []item) {
	types := make([]discriminator, len(by))
	for i, d := range by {
		if types[i] = d; d.kind == "profile" {
			types[i].kind = "type"
		}
	}
	for _, v := range outside {
		if r.isOf(v, s, types) {
			r.typed(v, s)
			r.conform(v, s)
			return
		}
	}
}

// typed checks the type of a value, and the profile that the type has there.
func (r *run) typed(it item, n *node) {
	if n.types == nil || it.plan == nil {
		return
	}
	t := typeFor(n.types, it.plan)
	if t == nil {
		r.wrong(it.at(), "structure", "the profile %s takes no value of this type for %s", r.by.url, n.id)
		return
	}
	if len(t.profiles) > 0 && it.value.Exists() {
		r.keepOne(it, t.profiles)
	}
	if len(t.targets) > 0 && it.plan.name == "Reference" {
		r.target(it, t.targets)
	}
}

func typeFor(types []nodeType, p *plan) *nodeType {
	for i := range types {
		if t := &types[i]; p.def.Is(t.code) || p.primitive != none && len(t.code) > 24 && t.code[:24] == "http://hl7.org/fhirpath/" {
			return t
		}
	}
	return nil
}

// keepOne checks that a value keeps one of the profiles.
func (r *run) keepOne(it item, urls []string) {
	if len(urls) == 1 {
		switch p := r.profile(urls[0]); {
		case p != nil:
			r.keep(it, p)
		case !baseType(urls[0]):
			r.unknown(it)
		}
		return
	}
	if !r.keepsOne(it, urls) {
		r.wrong(it.at(), "structure", "this keeps none of the profiles that %s asks for here", r.by.url)
	}
}

// unknown tells of a profile that could not be checked. One that a client names may be any text: it is not repeated.
func (r *run) unknown(it item) {
	r.warn(it.at(), "not-found", "a profile that is to be kept here is not known to this node and was not checked")
}

// keepsOne tells whether a value keeps one of the profiles, or may do so as far as is known.
func (r *run) keepsOne(it item, urls []string) bool {
	for _, url := range urls {
		p := r.profile(url)
		switch {
		case p == nil:
			if !baseType(url) || it.plan != nil && it.plan.def.Is(url[len(baseProfile):]) {
				return true
			}
		case it.plan == nil || !it.plan.def.Is(p.of.name):
		case !it.value.Exists():
			return true // a resource that is elsewhere
		case r.silently(func(sub *run) { sub.keep(it, p) }):
			return true
		}
	}
	return false
}

// baseType tells whether a canonical URL is that of a type, not of a profile.
func baseType(url string) bool {
	return len(url) > len(baseProfile) && url[:len(baseProfile)] == baseProfile && definition.TypeOf(url[len(baseProfile):]) != nil
}

// target checks what a Reference points at against the profiles that it may keep.
func (r *run) target(it item, urls []string) {
	ref := it.value.Get("reference")
	if ref.Kind() != tape.String {
		return
	}
	t := r.follow(ref.Bytes())
	if t.missing || len(t.typ) == 0 {
		return
	}
	to := item{value: t.resource, plan: r.v.plans.resource(t.typ)}
	if !r.targetTypes(urls, to.plan) {
		r.wrong(ref, "structure", "the profile %s takes no reference to a resource of this type here", r.by.url)
	} else if !r.keepsOne(to, urls) {
		r.wrong(ref, "structure", "what this refers to keeps none of the profiles that %s asks for here", r.by.url)
	}
}

// targetTypes tells whether a resource is of the type of one of the profiles.
func (r *run) targetTypes(urls []string, p *plan) bool {
	if p == nil {
		return true
	}
	for _, url := range urls {
		of := r.profile(url)
		if of == nil && (!baseType(url) || p.def.Is(url[len(baseProfile):])) || of != nil && p.def.Is(of.of.name) {
			return true
		}
	}
	return len(urls) == 0
}

// silently tells whether a check finds nothing.
func (r *run) silently(check func(sub *run)) bool {
	if !r.effort.begin(r.nested + 1) {
		return false
	}
	sub := &run{v: r.v, silent: true, nested: r.nested + 1, options: Options{Max: 1, Note: r.options.Note}, effort: r.effort, document: r.document, scope: scope{r.resource, r.root, r.typ, false}, siblings: r.siblings, by: r.by, active: r.active}
	defer sub.release()
	check(sub)
	return len(sub.issues) == 0
}

// equal compares values as fixed values are: in all that they have.
func equal(a, b tape.Value) bool { return a.Len() == b.Len() && same(a, b, equal) }

// contains compares values as patterns are: v has at least what the pattern has.
func contains(v, pattern tape.Value) bool { return same(v, pattern, contains) }

func same(v, want tape.Value, compare func(a, b tape.Value) bool) bool {
	if v.Kind() != want.Kind() {
		return false
	}
	switch v.Kind() {
	case tape.String:
		return bytes.Equal(v.Bytes(), want.Bytes())
	case tape.Object:
		for m := want.First(); m.Exists(); m = m.Next() {
			if !compare(v.Get(m.Name()), m) {
				return false
			}
		}
	case tape.Array:
		for w := want.First(); w.Exists(); w = w.Next() {
			found := false
			for e := v.First(); e.Exists() && !found; e = e.Next() {
				found = compare(e, w)
			}
			if !found {
				return false
			}
		}
	default:
		return bytes.Equal(v.Raw(), want.Raw())
	}
	return true
}
