package fhir

import (
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index"
)

// Terms gives what a stored resource is found by: for an index that is made anew. References in it are resolved already; those that
// carry the URL of a server are found by that URL.
func Terms(_ string, served []byte) ([]index.Term, error) {
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(served, tape.Limits{Bytes: DefaultLimits.Bundle, Depth: DefaultLimits.Depth, Nodes: bundleNodes}); err != nil {
		return nil, err
	}
	r, p := basics(t.Root()) // its form was judged when it was written, perhaps by older rules
	if p != nil {
		return nil, p
	}
	var x indexer
	if p := x.termsOf(r); p != nil {
		return nil, p
	}
	return x.terms, nil
}
