package search

import (
	"strings"

	"github.com/sijil-health/sijil/index/term"
)

// clause reads one selecting parameter of a type: its name, maybe with a modifier, a chain or a reverse chain, and its value.
func (r *reader) clause(t *Type, key, value string, depth int) (term.Clause, *Error) {
	if depth > MaxDepth {
		return term.Clause{}, refuse("too-costly", "a search leads through at most %d references", MaxDepth)
	}
	if rest, ok := strings.CutPrefix(key, "_has:"); ok {
		return r.has(t, rest, value, depth)
	}
	if head, rest, chained := strings.Cut(key, "."); chained {
		return r.chain(t, head, rest, value, depth)
	}
	if key == "_list" {
		return r.list(value)
	}
	name, modifier, modified := strings.Cut(key, ":")
	p, e := r.param(t, name)
	if e != nil {
		return term.Clause{}, e
	}
	if modified {
		return r.modified(p, key, modifier, value)
	}
	c := term.Clause{Param: p.Code, Kind: p.Kind}
	if p.Code == term.ParamID {
		list, e := ids(value)
		c.Any = list
		return c, e
	}
	list, e := r.values(key, p, value)
	c.Any = list
	return c, e
}

// param gives a parameter that can be searched by.
func (r *reader) param(t *Type, name string) (*Param, *Error) {
	p := t.Param(name)
	if p == nil {
		return nil, unknown(name, t.Name)
	}
	return p, r.complete(t.Name, p)
}

// complete refuses a parameter by which not all resources can be found yet: what is found would be taken for all there is.
func (r *reader) complete(typ string, p *Param) *Error {
	if p == nil || r.p.Complete(typ, p.Code) {
		return nil
	}
	return refuse("transient", "the search parameter %.80q of %s is being made: not all resources can be found by it yet. GET SearchParameter/$status tells how far it is; ask again later", p.Code, typ)
}

func unknown(name, typ string) *Error {
	e := refuse("not-supported", "the search parameter %.80q is not known for %s; GET metadata lists those that are", name, typ)
	e.Unknown = true
	return e
}

// ids reads the values of _id.
func ids(value string) (list []term.Test, e *Error) {
	values, e := valuesOf(term.ParamID, value)
	for _, v := range values {
		if !IsID(v) {
			return nil, refuse("value", "_id is not 1 to 64 letters, digits, '-' or '.'")
		}
		list = append(list, term.Test{Form: term.AnySystem, Code: v})
	}
	return list, e
}

// chain reads "reference.parameter": what is found refers to something that is found by the rest (FHIR R4, 3.1.1.4.14). A reference that may
// point at several types leads to all that have such a parameter.
func (r *reader) chain(t *Type, head, rest, value string, depth int) (term.Clause, *Error) {
	name, typ, typed := strings.Cut(head, ":")
	p, e := r.param(t, name)
	if e != nil {
		return term.Clause{}, e
	}
	if p.Kind != term.Reference {
		return term.Clause{}, refuse("value", "%.80q is no reference: nothing can stand behind a dot", name)
	}
	targets := p.Targets
	if typed {
		if targets = []string{typ}; !isResource(typ) {
			return term.Clause{}, refuse("not-supported", "%.80q is no type of resource", typ)
		}
	}
	if len(targets) == 0 {
		return term.Clause{}, refuse("value", "%.80q can point at any type; write %.80s:Type.parameter", name, name)
	}
	c := term.Clause{Param: p.Code, Kind: term.Reference, Here: r.o.Base, Canonical: p.Canonical}
	var first *Error
	for _, target := range targets {
		of := r.p.of(target)
		if of == nil {
			continue
		}
		if r.branches++; r.branches > MaxBranches {
			return c, refuse("too-costly", "the chain leads to too many types; write %.80s:Type.parameter", name)
		}
		inner, e := r.clause(of, rest, value, depth+1)
		if e != nil && !e.Unknown {
			return c, e
		}
		if e != nil {
			first = e
			continue
		}
		c.Chain = append(c.Chain, term.Query{Type: target, All: []term.Clause{inner}})
	}
	if len(c.Chain) == 0 {
		return c, first
	}
	return c, nil
}

// has reads "Type:reference:parameter", what comes behind "_has:" (FHIR R4, 3.1.1.4.15).
func (r *reader) has(t *Type, key, value string, depth int) (term.Clause, *Error) {
	parts := strings.SplitN(key, ":", 3)
	if len(parts) != 3 {
		return term.Clause{}, refuse("value", "a reverse chain is written _has:Type:reference:parameter")
	}
	of := r.p.of(parts[0])
	if of == nil {
		return term.Clause{}, refuse("not-supported", "%.80q is no type of resource", parts[0])
	}
	p, e := r.param(of, parts[1])
	if e != nil {
		return term.Clause{}, e
	}
	if p.Kind != term.Reference || !pointsAt(p, t.Name) {
		return term.Clause{}, refuse("value", "%.80q of %s does not point at %s", parts[1], of.Name, t.Name)
	}
	inner, e := r.clause(of, parts[2], value, depth+1)
	if e != nil {
		return term.Clause{}, e
	}
	return term.Clause{Here: r.o.Base, Canonical: p.Canonical, Has: &term.Has{Param: p.Code, Query: term.Query{Type: of.Name, All: []term.Clause{inner}}}}, nil
}

// pointsAt tells whether a reference may be to a type.
func pointsAt(p *Param, typ string) bool {
	for _, target := range p.Targets {
		if target == typ {
			return true
		}
	}
	return len(p.Targets) == 0
}

// list reads _list: what is found is an item of a List. Functional lists ("$current-problems") are not kept.
func (r *reader) list(value string) (term.Clause, *Error) {
	if strings.HasPrefix(value, "$") {
		return term.Clause{}, refuse("not-supported", "functional lists are not known here: give the id of a List")
	}
	tests, e := ids(value)
	if e != nil {
		return term.Clause{}, refuse("value", "_list must be the id of a List")
	}
	if e := r.complete("List", r.p.of("List").Param("item")); e != nil {
		return term.Clause{}, e
	}
	of := term.Query{Type: "List", All: []term.Clause{{Param: term.ParamID, Kind: term.Token, Any: tests}}}
	return term.Clause{Here: r.o.Base, Has: &term.Has{Param: "item", Query: of}}, nil
}
