package fhir

import (
	"fmt"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// making is raised by whoever changes what Terms gives for a resource other than by the tables, or what the index keeps besides: an index of
// before is then made anew.
const making = 6

// TermsRules stand for the rules that Terms goes by: they differ when a resource may give other terms.
func TermsRules(p *search.Parameters) []byte { return fmt.Appendf(nil, "%d %s", making, p.Rules()) }

// Terms gives what a stored resource is found by: for an index that is made anew. References in it are resolved already; those that
// carry the URL of a server are found by that URL.
func Terms(p *search.Parameters) func(typ string, served []byte) ([]term.Term, error) {
	return func(_ string, served []byte) ([]term.Term, error) { return termsOf(p, served) }
}

func termsOf(parameters *search.Parameters, served []byte) ([]term.Term, error) {
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(served, tape.Limits{Bytes: DefaultLimits.Bundle, Depth: DefaultLimits.Depth, Nodes: bundleNodes}); err != nil {
		return nil, err
	}
	r, p := basics(t.Root()) // its form was judged when it was written, perhaps by older rules
	if p != nil {
		return nil, p
	}
	return parameters.Of(r.typ).Terms(nil, r.root, nil), nil
}
