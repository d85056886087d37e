package search

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/index/term"
)

// Result says what the answer to a search looks like (FHIR R4, 3.1.1.5).
type Result struct {
	Count    int    // most matches of a page; -1 where nothing is said
	Cursor   string // where the page begins
	Total    string // none, estimate, accurate; "" where nothing is said
	Summary  string // true, text, data, count; "" for none
	Elements []string
	Include  []Include // in their order
}

// Include asks for what matches refer to, or for what refers to them.
type Include struct {
	Type    string // that has the reference; "" for any: of _include=*
	Param   string // its reference; "" for all it has
	Target  string // the type that is included; "" for any
	Reverse bool   // _revinclude
	Iterate bool   // of what is included, too
}

// result reads a parameter that shapes the answer; shapes is false for one that does not.
func (r *reader) result(out *Search, pair Pair) (shapes bool, e *Error) {
	shapes, to := true, &out.Result
	switch pair.Name {
	case "_format", "_pretty", "_type":
		return true, nil
	case "_count":
		n, err := strconv.Atoi(pair.Value)
		if err != nil || n < 0 {
			e = refuse("value", "_count must be a whole number from 0")
		}
		to.Count = n
	case "_cursor":
		to.Cursor = pair.Value
	case "_sort":
		e = r.sort(out, pair.Value)
	case "_total":
		to.Total, e = among(pair, "none", "estimate", "accurate")
	case "_summary":
		to.Summary, e = among(pair, "true", "text", "data", "count", "false")
		if to.Summary == "false" {
			to.Summary = ""
		}
	case "_elements":
		to.Elements, e = elements(out, pair.Value)
	case "_include", "_include:iterate", "_include:recurse":
		e = r.include(out, pair)
	case "_revinclude", "_revinclude:iterate", "_revinclude:recurse":
		e = r.include(out, pair)
	default:
		shapes = false
	}
	out.Shaped = out.Shaped || shapes
	return shapes, e
}

func among(pair Pair, values ...string) (string, *Error) {
	if !slices.Contains(values, pair.Value) {
		return "", refuse("value", "%s is one of %s", pair.Name, strings.Join(values, ", "))
	}
	return pair.Value, nil
}

// sort reads _sort: parameters, descending where "-" stands before them.
func (r *reader) sort(out *Search, value string) *Error {
	list := strings.Split(value, ",")
	if len(list) > MaxSorts {
		return refuse("too-costly", "_sort has at most %d parameters", MaxSorts)
	}
	if len(out.Queries) > 1 {
		return refuse("not-supported", "a search of several types cannot be sorted")
	}
	q := &out.Queries[0]
	q.Sort = nil
	for _, name := range list {
		name, descending := strings.CutPrefix(name, "-")
		p := r.p.of(q.Type).Param(name)
		if e := r.complete(q.Type, p); e != nil {
			return e
		}
		if p == nil || p.Kind == term.Composite || p.Kind == term.Text {
			return refuse("not-supported", "%s cannot be sorted by %.80q", q.Type, name)
		}
		q.Sort = append(q.Sort, term.Sort{Param: p.Code, Kind: p.Kind, Descending: descending})
	}
	return nil
}

// elements reads _elements: names of the type's own elements. Of several types, one has each.
func elements(out *Search, value string) ([]string, *Error) {
	list := strings.Split(value, ",")
	for _, name := range list {
		known := func(q term.Query) bool { return definition.TypeOf(q.Type).Element(name) != nil }
		if !slices.ContainsFunc(out.Queries, known) {
			return nil, refuse("value", "_elements: there is no element %.80q", name)
		}
	}
	return list, nil
}

// include reads Type:reference or Type:reference:target; "*" stands for any.
func (r *reader) include(out *Search, pair Pair) *Error {
	name, iterate, _ := strings.Cut(pair.Name, ":")
	in := Include{Reverse: name == "_revinclude", Iterate: iterate != ""}
	if len(out.Result.Include) == MaxIncludes {
		return refuse("too-costly", "a search includes at most %d kinds of references", MaxIncludes)
	}
	out.Partly = true
	if pair.Value == "*" && !in.Reverse {
		out.Result.Include = append(out.Result.Include, in)
		return nil
	}
	parts := strings.Split(pair.Value, ":")
	t := r.p.of(parts[0])
	switch {
	case t == nil:
		return refuse("not-supported", "%s: %.80q is no type of resource", pair.Name, parts[0])
	case len(parts) < 2 || len(parts) > 3:
		return refuse("value", "%s is written Type:reference or Type:reference:target", pair.Name)
	case len(parts) == 3 && !isResource(parts[2]):
		return refuse("not-supported", "%s: %.80q is no type of resource", pair.Name, parts[2])
	case len(parts) == 3:
		in.Target = parts[2]
	}
	in.Type = t.Name
	if parts[1] != "*" {
		p := t.Param(parts[1])
		if p == nil || p.Kind != term.Reference {
			return refuse("not-supported", "%s: %s has no reference parameter %.80q", pair.Name, t.Name, parts[1])
		}
		in.Param = p.Code
	}
	if in.Reverse { // what includes forward reads the resources themselves
		for _, p := range t.Params {
			if p.Kind != term.Reference || in.Param != "" && in.Param != p.Code {
				continue
			}
			if e := r.complete(t.Name, p); e != nil {
				return e
			}
		}
	}
	out.Result.Include = append(out.Result.Include, in)
	return nil
}

// consistent refuses what does not go together (FHIR R4, 3.1.1.5.8).
func (out *Search) consistent() *Error {
	if out.Result.Summary == "text" && len(out.Result.Include) > 0 {
		return refuse("value", "_summary=text and _include do not go together")
	}
	if out.Result.Summary != "" && out.Result.Elements != nil {
		return refuse("value", "_summary and _elements do not go together")
	}
	return nil
}
