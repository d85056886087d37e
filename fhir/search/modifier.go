package search

import (
	"github.com/sijil-health/sijil/index/term"
)

// modified reads a parameter with a modifier. One that is not known is refused even leniently: a search must not be answered as if it were
// not there (FHIR R4, 3.1.1.4.1).
func (r *reader) modified(p *Param, key, modifier, value string) (term.Clause, *Error) {
	c := term.Clause{Param: p.Code, Kind: p.Kind}
	var e *Error
	if modifier == "missing" && p.slot >= 0 {
		return missing(p, key, value)
	}
	switch {
	case p.Code == term.ParamID && modifier == "not":
		c.Not = true
		c.Any, e = ids(value)
	case p.Code == term.ParamID || p.Code == term.ParamUpdated:
		return c, unknownModifier(p, modifier)
	case modifier == "text" && (p.Kind == term.Token || p.Kind == term.Reference):
		c.Kind = term.Text
		c.Any, e = r.each(key, value, textTest)
	case p.Kind == term.Token:
		c.Not = modifier == "not" || modifier == "not-in"
		c.Any, e = r.token(p, key, modifier, value)
	case p.sounds():
		return c, unknownModifier(p, modifier)
	case p.Kind == term.String && modifier == "exact":
		c.Any, e = r.each(key, value, formed(term.Exact))
	case p.Kind == term.String && modifier == "contains":
		c.Any, e = r.each(key, value, formed(term.Contains))
	case p.Kind == term.URI && modifier == "above":
		c.Any, e = r.uris(key, value, term.Above)
	case p.Kind == term.URI && modifier == "below":
		c.Any, e = r.uris(key, value, term.Below)
	case p.Kind == term.Reference && modifier == "identifier":
		c.Any, e = r.each(key, value, identifierTest)
	case p.Kind == term.Reference && isResource(modifier):
		c.Any, e = r.values(key, &Param{Code: p.Code, Kind: p.Kind, Targets: []string{modifier}}, value)
	default:
		return c, unknownModifier(p, modifier)
	}
	return c, e
}

func unknownModifier(p *Param, modifier string) *Error {
	return refuse("not-supported", "the modifier %.80q is not known for %s", ":"+modifier, p.Code)
}

func missing(p *Param, key, value string) (term.Clause, *Error) {
	if value != "true" && value != "false" {
		return term.Clause{}, refuse("value", "%.80q is true or false", key)
	}
	return term.Clause{Param: p.Code, Kind: term.Missing, Not: value == "false", Any: []term.Test{{Form: term.Absent}}}, nil
}

// each makes a test of each value.
func (r *reader) each(key, value string, make func(key, value string) (term.Test, *Error)) (list []term.Test, e *Error) {
	values, e := valuesOf(key, value)
	if e != nil {
		return nil, e
	}
	for _, v := range values {
		t, e := make(key, v)
		if e != nil {
			return nil, e
		}
		list = append(list, t)
	}
	return list, r.spend(len(list))
}

func formed(form term.Form) func(key, value string) (term.Test, *Error) {
	return func(key, value string) (term.Test, *Error) { return stringTest(key, unescape(value), form) }
}

func (r *reader) uris(key, value string, form term.Form) ([]term.Test, *Error) {
	return r.each(key, value, func(_, v string) (term.Test, *Error) { return term.Test{Form: form, Value: unescape(v)}, nil })
}

// identifierTest reads the identifier that a reference holds.
func identifierTest(key, value string) (term.Test, *Error) {
	t, e := tokenTest(key, value, false)
	if t.Form == term.Exact {
		t.Form = term.Identifier
	}
	return t, e
}

// token reads a token with one of its own modifiers.
func (r *reader) token(p *Param, key, modifier, value string) ([]term.Test, *Error) {
	switch modifier {
	case "not":
		return r.values(key, p, value)
	case "of-type":
		return r.each(key, value, ofTypeTest)
	case "in", "not-in", "below", "above":
		return r.coded(key, modifier, value)
	}
	return nil, unknownModifier(p, modifier)
}

// Terminology answers what the codes of a value set are, and which stand below or above one in its code system, itself included.
type Terminology interface {
	// Members gives at most limit codes; more are an error. Its errors are told to whoever asks.
	Members(valueSet string, limit int) ([]Code, error)
	Below(code Code, limit int) ([]Code, error)
	Above(code Code, limit int) ([]Code, error)
}

// Code is a code of a code system.
type Code struct{ System, Code string }

// coded reads a value set, or a code that stands for others too.
func (r *reader) coded(key, modifier, value string) (list []term.Test, e *Error) {
	values, e := valuesOf(key, value)
	if e != nil {
		return nil, e
	}
	if r.o.Terminology == nil {
		return nil, refuse("not-supported", "the modifier %.80q needs a terminology, and there is none here", ":"+modifier)
	}
	for _, v := range values {
		codes, err := r.codes(modifier, v)
		if err != nil {
			return nil, refuse("not-supported", "%.80q: %v", key, err)
		}
		for _, c := range codes {
			list = append(list, term.Test{Form: term.Exact, System: c.System, Code: c.Code})
		}
		if e := r.spend(len(codes)); e != nil {
			return nil, e
		}
	}
	return list, nil
}

func (r *reader) codes(modifier, value string) ([]Code, error) {
	if modifier == "in" || modifier == "not-in" {
		return r.o.Terminology.Members(unescape(value), MaxMembers)
	}
	parts := splitEscaped(value, '|', 2)
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return nil, refuse("value", "it must be system|code")
	}
	code := Code{unescape(parts[0]), unescape(parts[1])}
	if modifier == "below" {
		return r.o.Terminology.Below(code, MaxMembers)
	}
	return r.o.Terminology.Above(code, MaxMembers)
}
