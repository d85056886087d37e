package search

import (
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/index/term"
)

// Search is a search string, read.
type Search struct {
	Queries []term.Query // what selects: one for each type that is looked through, in the order of their names
	Result  Result       // what shapes the answer
	Number  uint64       // of the parameters that it was read by (Parameters.Number)

	Applied []Pair   // what was understood, without the cursor: for the self link
	Ignored []string // names that were passed over, leniently
	Shaped  bool     // something shapes the answer
	Partly  bool     // what was asked may not be true of all that is released: a parameter has several values, was passed over, or more is included
}

// Options are what a search is read with.
type Options struct {
	Base        string // own URL of the server, by which references may name it too; "" when it is not known
	Lenient     bool   // pass over parameters that are not known
	Now         time.Time
	Terminology Terminology // nil for none
	Compartment *Compartment
}

// Compartment limits a search to what surrounds a resource (FHIR R4, 3.1.1.2).
type Compartment struct{ Type, ID string }

// Parse reads a search of types, or of all that can be searched together where none is given. The error is an *Error.
func (p *Parameters) Parse(types []string, pairs []Pair, o Options) (*Search, error) {
	r := &reader{p: p.now.Load(), o: &o}
	out := &Search{Result: Result{Count: -1}, Number: r.p.number}
	if len(pairs) > MaxParams {
		return nil, refuse("too-costly", "a search has at most %d parameters", MaxParams)
	}
	types, within, e := r.types(types, pairs)
	if e != nil {
		return nil, e
	}
	for _, name := range types {
		out.Queries = append(out.Queries, term.Query{Type: name})
	}
	if e := r.within(out, within); e != nil {
		return nil, e
	}
	for _, pair := range pairs {
		e := r.parameter(out, pair)
		if e != nil && e.Unknown && o.Lenient {
			out.Ignored, out.Partly = append(out.Ignored, pair.Name), true
			continue
		}
		if e != nil {
			return nil, e
		}
		if pair.Name != "_cursor" {
			out.Applied = append(out.Applied, pair)
		}
	}
	if e := out.consistent(); e != nil {
		return nil, e
	}
	return out, nil
}

// types says which types are looked through: those given, those of _type, those of the compartment.
func (r *reader) types(types []string, pairs []Pair) ([]string, *definition.Compartment, *Error) {
	var within *definition.Compartment
	if c := r.o.Compartment; c != nil {
		if within = definition.CompartmentOf(c.Type); within == nil {
			return nil, nil, refuse("not-supported", "%.80q has no compartment", c.Type)
		}
	}
	if len(types) == 0 {
		i := slices.IndexFunc(pairs, func(p Pair) bool { return p.Name == "_type" })
		switch {
		case i >= 0:
			types = splitEscaped(pairs[i].Value, ',', -1)
		case within != nil:
			for name := range within.Params {
				types = append(types, name)
			}
		default:
			types = definition.ResourceTypes()
		}
	}
	types = slices.Compact(slices.Sorted(slices.Values(types)))
	for _, name := range types {
		if !isResource(name) {
			return nil, nil, refuse("not-supported", "%.80q is no type of resource", name)
		}
	}
	return types, within, nil
}

// within adds to each query that what is found is in the compartment.
func (r *reader) within(out *Search, c *definition.Compartment) *Error {
	if c == nil {
		return nil
	}
	ref := r.o.Compartment.Type + "/" + r.o.Compartment.ID
	for i := range out.Queries {
		q := &out.Queries[i]
		codes := c.Params[q.Type]
		var clause term.Clause
		for _, code := range codes {
			p := r.p.of(q.Type).Param(code)
			if e := r.complete(q.Type, p); e != nil {
				return e
			}
			switch {
			case p == nil || p.Kind != term.Reference:
			case clause.Param == "":
				clause.Param, clause.Kind, clause.Any = code, term.Reference, r.local(ref)
			default:
				clause.Or = append(clause.Or, code)
			}
		}
		if q.Type == c.Type { // what surrounds itself, before others of its type that are linked to it
			clause = term.Clause{Param: term.ParamID, Kind: term.Token, Any: []term.Test{{Form: term.AnySystem, Code: r.o.Compartment.ID}}}
		}
		if clause.Param == "" {
			return refuse("not-supported", "%s is not in the compartment of %s", q.Type, c.Type)
		}
		q.All = append(q.All, clause)
	}
	return nil
}

// parameter reads one parameter, for all the types.
func (r *reader) parameter(out *Search, pair Pair) *Error {
	if shapes, e := r.result(out, pair); shapes || e != nil {
		return e
	}
	name, _, _ := strings.Cut(pair.Name, ":")
	if slices.Contains(refused, name) {
		return refuse("not-supported", "%s is not known here", name)
	}
	if len(splitEscaped(pair.Value, ',', 2)) > 1 {
		out.Partly = true
	}
	for i := range out.Queries {
		q := &out.Queries[i]
		c, e := r.clause(r.p.of(q.Type), pair.Name, pair.Value, 1)
		if e != nil {
			return e
		}
		q.All = append(q.All, c)
	}
	return nil
}

// refused are parameters that R4 knows and that would be misunderstood if they were passed over.
var refused = []string{"_filter", "_query", "_contained", "_containedType"}
