package search

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/index/term"
)

// TestEveryParameterIsCompiled holds what cannot be found by, of all that R4 defines, against a list.
func TestEveryParameterIsCompiled(t *testing.T) {
	missing := map[string]bool{"Location.near": true}
	p := New(definition.Base())
	count := 0
	for _, name := range definition.ResourceTypes() {
		typ := p.Of(name)
		for _, d := range definition.SearchParameters(name) {
			if d.Code == "_query" { // no parameter of searches but the name of one
				continue
			}
			key := name + "." + d.Code
			if param := typ.Param(d.Code); param == nil && !missing[key] {
				t.Errorf("%s is not compiled: %s", key, d.Expression)
			} else if param != nil && missing[key] {
				t.Errorf("%s is compiled", key)
			}
			count++
		}
	}
	if count < 1706 { // code × type in R4 (facts); with those of all resources many more
		t.Errorf("only %d parameters were looked at", count)
	}
}

// TestEveryTypeOfValueIsTaken holds the types that expressions lead to, and that give no terms, against a list.
func TestEveryTypeOfValueIsTaken(t *testing.T) {
	passed := []string{
		"CarePlan.activity-date string", "Immunization.date string", // a time in words
		"Procedure.date string", "Procedure.date Age", "Procedure.date Range",
	}
	var found []string
	p := New(definition.Base())
	for _, name := range definition.ResourceTypes() {
		s := definition.TypeOf(name)
		for _, param := range p.Of(name).Params {
			d := definition.SearchParameterByURL(param.URL)
			for _, a := range alternatives(d.Expression) {
				way, plain := parsePath(a)
				if !plain || isType(way.root) && !s.Is(way.root) || param.Kind == term.Composite {
					continue
				}
				ends := follow(cursor{of: s, code: name}, way.ops)
				if len(ends) == 0 {
					t.Errorf("%s.%s leads nowhere: %s", name, param.Code, a)
				}
				for _, end := range ends {
					if takerOf(param.Kind, end) == nil {
						found = append(found, fmt.Sprintf("%s.%s %s", name, param.Code, end.code))
					}
				}
			}
		}
	}
	slices.Sort(found)
	slices.Sort(passed)
	if !slices.Equal(found, passed) {
		t.Errorf("not taken: %q", found)
	}
}
