package fhir

import (
	"fmt"
	"slices"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
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

// Rules makes of search parameters what the record keeps its index by. tell, unless nil, is told which resources were written that define something else.
func Rules(p *search.Parameters, tell func(typ, id string)) record.Rules { return rules{p, tell} }

type rules struct {
	*search.Parameters
	tell func(typ, id string)
}

// Governs knows the resources that define search parameters, value sets, code systems, concept maps and profiles.
func (r rules) Governs(typ string) (governs, read bool) {
	return typ == "SearchParameter" || r.tell != nil && slices.Contains(definitionTypes, typ), typ == "SearchParameter"
}

// definitionTypes are those by which codes and profiles are looked up.
var definitionTypes = []string{"CodeSystem", "ConceptMap", "StructureDefinition", "ValueSet"}

func (rules) Read() []string { return []string{"SearchParameter"} }

func (r rules) Change(list []record.Rule) {
	own := map[string]*search.Own{}
	for _, one := range list {
		if one.Type == "SearchParameter" {
			own[one.ID] = ownParameter(one.ID, one.Served)
		} else {
			r.tell(one.Type, one.ID)
		}
	}
	if len(own) > 0 {
		r.Parameters.Change(own)
	}
}

// ownParameter reads a stored search parameter; nil for one that is not there, or not active.
func ownParameter(id string, served []byte) *search.Own {
	t := tape.Get()
	defer t.Release()
	if served == nil || t.Parse(served, storedLimits) != nil {
		return nil
	}
	return search.ReadOwn(id, t.Root())
}

func (r rules) Settle(typ string, told map[string]string) (map[string]string, bool) {
	return r.Parameters.Settle(typ, told)
}

func (r rules) By(typ string) map[string]string { return r.Parameters.By(typ) }

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
