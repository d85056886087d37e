package search

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhirpath"
	"github.com/sijil-health/sijil/index/term"
)

// Limits of own parameters.
const (
	MaxOwn        = 1000
	maxCode       = 64   // bytes
	maxExpression = 4096 // bytes
	maxComponents = 8
)

// Admit tells whether an own parameter can be used, beside others that are written with it. The error is an *Error that names the element to blame.
func (p *Parameters) Admit(o *Own, beside ...*Own) error {
	now := p.now.Load()
	if len(now.own) >= MaxOwn && !slices.ContainsFunc(now.own, func(other *Own) bool { return other.ID == o.ID }) {
		return refuse("too-costly", "this node has %d search parameters of its own, and takes no more", MaxOwn)
	}
	for _, other := range slices.Concat(now.own, beside) {
		if other.ID == o.ID || slices.ContainsFunc(beside, func(b *Own) bool { return b != other && b.ID == other.ID }) {
			continue
		}
		if other.URL == o.URL {
			return blame("url", refuse("duplicate", "another active SearchParameter of this node has this url"))
		}
	}
	then := &set{Parameters: p, types: map[string]*Type{}}
	for _, d := range now.used {
		written := func(b *Own) bool { return b.URL == d.URL }
		if d.URL != o.URL && !slices.ContainsFunc(now.own, func(b *Own) bool { return b.ID == o.ID && b.URL == d.URL }) && !slices.ContainsFunc(beside, written) {
			then.used = append(then.used, d)
		}
	}
	for _, b := range beside {
		then.used = append(then.used, b.SearchParameter)
	}
	if e := then.admit(o); e != nil {
		return e
	}
	return nil
}

// blame says which element an error is about.
func blame(element string, e *Error) *Error {
	if e != nil && e.Element == "" {
		e.Element = element
	}
	return e
}

// admit checks a parameter for itself and against those that are used.
func (now *set) admit(o *Own) *Error {
	kind, known := kinds[o.Type]
	switch {
	case o.URL == "":
		return blame("url", refuse("required", "a search parameter needs a url"))
	case !isCode(o.Code):
		return blame("code", refuse("value", "code must be 1 to %d letters, digits, '-' and '_', a letter first", maxCode))
	case !known:
		return blame("type", refuse("not-supported", "a search parameter of type special, or of none, cannot be used here"))
	case o.Expression == "":
		return blame("expression", refuse("required", "a search parameter needs an expression"))
	case len(o.Expression) > maxExpression:
		return blame("expression", refuse("too-long", "expression is longer than %d bytes", maxExpression))
	case len(o.Base) == 0:
		return blame("base", refuse("required", "a search parameter needs a base"))
	case kind == term.Composite && (len(o.Components) < 2 || len(o.Components) > maxComponents):
		return blame("component", refuse("required", "a composite needs 2 to %d components", maxComponents))
	case kind != term.Composite && len(o.Components) > 0:
		return blame("component", refuse("value", "only a composite has components"))
	}
	for _, name := range o.Base {
		s := definition.TypeOf(name)
		if s == nil || s.Kind != definition.Resource {
			return blame("base", refuse("value", "base names what is no type of resource"))
		}
	}
	for _, name := range o.Target {
		if !isResource(name) {
			return blame("target", refuse("value", "target names what is no type of resource"))
		}
	}
	if e := now.components(o); e != nil {
		return blame("component", e)
	}
	if e := now.leads(o); e != nil {
		return e
	}
	return blame("code", now.clash(o))
}

// isCode tells whether a code can stand in a search string. Those that begin with "_" are R4's own.
func isCode(s string) bool {
	for i, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_') {
			return false
		}
	}
	return s != "" && len(s) <= maxCode
}

// components checks those of a composite: each names a parameter that is known, and a path from the composite's value.
func (now *set) components(o *Own) *Error {
	for _, part := range o.Components {
		url, _, _ := strings.Cut(part.Definition, "|")
		of := now.byURL(url)
		switch {
		case of == nil:
			return refuse("not-found", "component.definition names a search parameter that is not known here")
		case kinds[of.Type] == 0 || of.Type == "composite":
			return refuse("value", "component.definition names a search parameter that cannot be a part of another")
		}
		for _, alternative := range alternatives(part.Expression) {
			if _, plain := parsePath(alternative); !plain {
				return refuse("not-supported", "component.expression is not a plain path")
			}
		}
	}
	return nil
}

// leads compiles the expression for all types that the parameter is of.
func (now *set) leads(o *Own) *Error {
	for _, name := range o.Base {
		found := false
		for _, typ := range definition.ResourceTypes() {
			s := definition.TypeOf(typ)
			if !s.Is(name) {
				continue
			}
			if e := compiles(o.Expression, s); e != nil {
				return blame("expression", e)
			}
			c := compiler{p: now, structure: s, t: &Type{Name: typ, root: &step{}}}
			param := c.param(o.SearchParameter)
			if found = param != nil; found {
				if e := c.reaches(o); e != nil {
					return blame("component", e)
				}
				break
			}
		}
		if !found {
			return blame("expression", refuse("invalid", "the expression leads to nothing in %s that a search parameter of type %s can take", name, o.Type))
		}
	}
	return nil
}

// compiles tells what is wrong with the alternatives that are no plain paths.
func compiles(expression string, s *definition.Structure) *Error {
	for _, alternative := range alternatives(expression) {
		if _, plain := parsePath(alternative); plain {
			continue
		}
		e, err := fhirpath.Compile(alternative, fhirpath.Of(s))
		if err == nil {
			err = tried(e, s.Name)
		}
		if err != nil {
			return refuse("invalid", "the expression is not FHIRPath that is known here: %v", err)
		}
	}
	return nil
}

// tried evaluates an expression for an empty resource: what is not known to it at all shows by then.
func tried(e *fhirpath.Expression, typ string) error {
	t := tape.Get()
	defer t.Release()
	if err := t.Parse([]byte(`{"resourceType":"`+typ+`"}`), tape.Limits{Bytes: 256}); err != nil {
		return err
	}
	var run fhirpath.Run
	run.Limits = programLimits
	defer run.Release()
	_, err := e.Evaluate(&run, fhirpath.Node(t.Root()))
	return err
}

// reaches tells whether each part of a composite leads somewhere, at one of the places where the composite stands.
func (c *compiler) reaches(o *Own) *Error {
	if len(o.Components) == 0 {
		return nil
	}
	reached := make([]bool, len(o.Components))
	var look func(s *step)
	look = func(s *step) {
		for i := range s.leaves {
			for j, part := range s.leaves[i].parts {
				reached[j] = reached[j] || !part.step.empty()
			}
		}
		for _, next := range s.members {
			look(next)
		}
		for i := range s.conds {
			look(s.conds[i].next)
		}
	}
	look(c.t.root)
	if slices.Contains(reached, false) {
		return refuse("invalid", "component.expression leads to nothing that its parameter can take")
	}
	return nil
}

func (s *step) empty() bool { return len(s.leaves) == 0 && len(s.members) == 0 && len(s.conds) == 0 }

// clash refuses a code that another parameter has for one of the types, unless that is the one which is meant to be replaced.
func (now *set) clash(o *Own) *Error {
	for _, typ := range o.Bases() {
		s := definition.TypeOf(typ)
		for _, d := range slices.Concat(now.used, now.definitions.SearchParameters(typ)) {
			if d.Code != o.Code || !slices.ContainsFunc(d.Base, s.Is) {
				continue
			}
			if d.URL != o.URL && d.URL != o.DerivedFrom {
				return refuse("duplicate", "%s has another search parameter of this code already: one replaces it by its url, or names it as derivedFrom", typ)
			}
		}
	}
	return nil
}
