package fhirpath

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
)

// What others judge: terminology and profiles.

func memberOf(r *Run, n *call, in span) error {
	url, ok, err := r.stringArgument(n, 0)
	if err != nil || !ok || r.MemberOf == nil {
		return err
	}
	it, err := r.only(in, n.at)
	if err != nil || it == nil {
		return err
	}
	is, known, err := r.MemberOf(*it, url)
	if err != nil {
		return &Error{Stage: Execution, Offset: n.at, Reason: "the value set could not be asked", Err: err}
	}
	if known {
		r.push(Boolean(is))
	}
	return nil
}

// subsumes asks whether the input is more general than the argument; otherwise the other way round.
func subsumes(general bool) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		one, err := r.only(in, n.at)
		if err != nil || one == nil || r.Subsumes == nil {
			return err
		}
		a := *one
		b, ok, err := r.argument(n, 0)
		if err != nil || !ok {
			return err
		}
		if !general {
			a, b = b, a
		}
		does, known, err := r.Subsumes(a, b)
		if err != nil {
			return &Error{Stage: Execution, Offset: n.at, Reason: "the code system could not be asked", Err: err}
		}
		if known {
			r.push(Boolean(does))
		}
		return nil
	}
}

// checkModifiers gives its input, if that has no modifier extensions but those of the given URLs; otherwise it is an error.
func checkModifiers(r *Run, n *call, in span) error {
	known := make(map[string]bool, len(n.args))
	for i := range n.args {
		url, ok, err := r.stringArgument(n, i)
		if err != nil {
			return err
		}
		known[url] = ok
	}
	for i := in.from; i < in.to; i++ {
		for c := r.stack[i].node.Get("modifierExtension").First(); c.Exists(); c = c.Next() {
			if !known[c.Get("url").Text()] {
				return n.fail("there is an extension that changes the meaning, and is not known")
			}
		}
	}
	return r.pushSpan(in.from, in.to)
}

const structurePrefix = "http://hl7.org/fhir/StructureDefinition/"

// conformsTo knows FHIR's own types; about profiles it asks.
func conformsTo(r *Run, n *call, in span) error {
	url, ok, err := r.stringArgument(n, 0)
	if err != nil || !ok {
		return err
	}
	it, err := r.only(in, n.at)
	if err != nil || it == nil {
		return err
	}
	if name, ok := strings.CutPrefix(url, structurePrefix); ok {
		if t := definition.TypeOf(name); t != nil {
			r.push(Boolean(it.kind == NodeKind && derives(it.typ, t)))
			return nil
		}
	}
	if r.ConformsTo == nil {
		return n.fail("the profile is unknown")
	}
	does, known, err := r.ConformsTo(*it, url)
	if err != nil || !known {
		return &Error{Stage: Execution, Offset: n.at, Reason: "the profile is unknown", Err: err}
	}
	r.push(Boolean(does))
	return nil
}
