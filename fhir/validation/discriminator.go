package validation

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// step is one of a discriminator's path: simple FHIRPath (https://hl7.org/fhir/R4/profiling.html#discriminator).
type step struct {
	kind stepKind
	text string // name, URL of an extension, or type
}

type stepKind uint8

const (
	toName stepKind = iota
	toExtension
	toTarget // resolve()
	toType
	toNothing // what is no simple path
)

func steps(path string) (list []step) {
	for path != "" {
		at := strings.IndexAny(path, ".(")
		if at < 0 {
			at = len(path)
		}
		name, argument := path[:at], ""
		path = path[at:]
		if strings.HasPrefix(path, "(") {
			end := strings.IndexByte(path, ')')
			if end < 0 {
				return append(list, step{kind: toNothing})
			}
			argument, path = strings.Trim(path[1:end], "'\" "), path[end+1:]
		}
		path = strings.TrimPrefix(path, ".")
		switch name {
		case "$this":
		case "extension":
			if argument == "" {
				list = append(list, step{toName, name})
			} else {
				list = append(list, step{toExtension, argument})
			}
		case "resolve":
			list = append(list, step{kind: toTarget})
		case "ofType":
			list = append(list, step{toType, argument})
		default:
			list = append(list, step{toName, strings.TrimSuffix(name, "[x]")})
		}
	}
	return list
}

// spot is where the steps of a discriminator have led: values of the document, and what the slice says of them.
type spot struct {
	items    []item
	node     *node
	pattern  tape.Value // that one above states for here
	exact    bool
	url      string // that an extension's must be
	targets  []string
	resolved bool
}

// sliceOf gives the index of the slice that a value is of; -1 for none.
func (r *run) sliceOf(it item, n *node) int {
	for i, s := range n.slices {
		if r.isOf(it, s, n.slicing.by) {
			return i
		}
	}
	return -1
}

func (r *run) isOf(it item, slice *node, by []discriminator) bool {
	if !r.effort.step() {
		return false
	}
	for _, d := range by {
		s := spot{items: []item{it}, node: slice}
		for _, to := range d.path {
			s = r.step(s, to)
		}
		if !r.decide(d.kind, s) {
			return false
		}
	}
	return len(by) > 0
}

func (r *run) step(s spot, to step) (next spot) {
	n := s.node
	switch to.kind {
	case toName:
		for _, it := range s.items {
			next.items = append(next.items, r.items(it, to.text)...)
		}
		next.pattern, next.exact = s.inner(to.text)
		if next.node = r.under(n, to.text); next.node == nil && n != nil && to.text == "url" {
			for _, t := range n.types {
				if len(t.profiles) > 0 {
					next.url, _, _ = strings.Cut(t.profiles[0], "|")
				}
			}
		}
	case toExtension:
		for _, it := range s.items {
			for _, x := range r.items(it, "extension") {
				if x.value.Get("url").Is(to.text) {
					next.items = append(next.items, x)
				}
			}
		}
		if list := r.under(n, "extension"); list != nil {
			for _, x := range list.slices {
				if url := r.under(x, "url"); url != nil && url.fixed.Is(to.text) || len(x.types) == 1 && len(x.types[0].profiles) == 1 && x.types[0].profiles[0] == to.text {
					next.node = x
				}
			}
		}
	case toTarget:
		next.resolved = true
		for _, it := range s.items {
			if t := r.follow(it.value.Get("reference").Bytes()); t.resource.Exists() {
				next.items = append(next.items, item{value: t.resource, plan: r.v.typeOf(t.resource)})
			} else if len(t.typ) > 0 {
				next.items = append(next.items, item{plan: r.v.plans.resource(t.typ)})
			}
		}
		if n != nil {
			for _, t := range n.types {
				next.targets = append(next.targets, t.targets...)
			}
		}
	case toType:
		for _, it := range s.items {
			if it.plan != nil && it.plan.def.Is(to.text) {
				next.items = append(next.items, it)
			}
		}
		next.node, next.pattern, next.exact = n, s.pattern, s.exact
	}
	return next
}

// inner is the part of what is fixed here, or above, that is for a member.
func (s *spot) inner(name string) (pattern tape.Value, exact bool) {
	pattern, exact = s.pattern, s.exact
	if s.node != nil && s.node.pattern.Exists() {
		pattern, exact = s.node.pattern, false
	} else if s.node != nil && s.node.fixed.Exists() {
		pattern, exact = s.node.fixed, true
	}
	if pattern = pattern.Get(name); pattern.Kind() == tape.Array {
		pattern = pattern.First()
	}
	return pattern, exact
}

// under is what a node, or the profile of its type, says of an element in it.
func (r *run) under(n *node, name string) *node {
	if n == nil {
		return nil
	}
	if c := n.child(name); c != nil {
		return c
	}
	for _, t := range n.types {
		for _, url := range t.profiles {
			if p := r.profile(url); p != nil {
				if c := p.root.child(name); c != nil {
					return c
				}
			}
		}
	}
	return nil
}

// decide tells whether the values at a spot are those of its slice.
func (r *run) decide(kind string, s spot) bool {
	switch kind {
	case "exists":
		return s.node != nil && (len(s.items) > 0) == (s.node.max != 0)
	case "type":
		return r.anyItem(s, func(it item) bool {
			if s.resolved {
				return r.targetTypes(s.targets, it.plan)
			}
			return s.node != nil && it.plan != nil && typeFor(s.node.types, it.plan) != nil
		})
	case "profile":
		return r.anyItem(s, func(it item) bool { return r.keepsOne(it, s.profiles()) })
	case "value", "pattern":
		return r.anyItem(s, func(it item) bool { return r.fits(it, s) })
	}
	return false
}

func (r *run) anyItem(s spot, is func(item) bool) bool {
	for _, it := range s.items {
		if is(it) {
			return true
		}
	}
	return false
}

// profiles are those of which the values at a spot keep one.
func (s *spot) profiles() (urls []string) {
	if s.resolved {
		return s.targets
	}
	if s.node != nil {
		for _, t := range s.node.types {
			urls = append(urls, t.profiles...)
		}
	}
	return urls
}

// fits tells whether a value is what the slice fixes for it, wherever it does so.
func (r *run) fits(it item, s spot) bool {
	switch {
	case s.pattern.Exists() && s.exact:
		return equal(it.value, s.pattern)
	case s.pattern.Exists():
		return contains(it.value, s.pattern)
	case s.url != "":
		return it.value.Is(s.url)
	case s.node == nil:
		return false
	case s.node.binding != nil && !s.node.fixed.Exists() && !s.node.pattern.Exists():
		return r.answer(it.value, it.plan, s.node.binding) != terminology.No
	}
	return r.silently(func(sub *run) { sub.conform(it, s.node) })
}
