package definition

import (
	"maps"
	"slices"

	"github.com/sijil-health/sijil/fhir/tape"
)

// parameters are search parameters as they are looked up.
type parameters struct {
	byURL  map[string]*SearchParameter
	byType map[string][]*SearchParameter // of exactly that type, in the order of the definitions
}

// with adds those of a pack: one of the same URL takes the place of the one before.
func (all *parameters) with(p *pack) (*parameters, error) {
	more := &parameters{byURL: make(map[string]*SearchParameter), byType: make(map[string][]*SearchParameter)}
	if all != nil {
		maps.Copy(more.byURL, all.byURL)
	}
	r := &reading{texts: make(map[string]string)}
	t := tape.Get()
	defer t.Release()
	var added []*SearchParameter
	if err := p.each(ofSearchParameter, func(it *item, raw []byte) error {
		if err := t.Parse(raw, packLimits); err != nil {
			return err
		}
		s := r.parameter(t.Root())
		more.byURL[s.URL] = s
		added = append(added, s)
		return nil
	}); err != nil {
		return nil, err
	}
	if all != nil {
		for base, of := range all.byType {
			more.byType[base] = slices.DeleteFunc(slices.Clone(of), func(s *SearchParameter) bool { return more.byURL[s.URL] != s })
		}
	}
	for _, s := range added {
		if more.byURL[s.URL] != s {
			continue
		}
		for _, base := range s.Base {
			more.byType[base] = append(more.byType[base], s)
		}
	}
	return more, nil
}

// of gives those of a type and of what it is derived from.
func (all *parameters) of(resourceType string) []*SearchParameter {
	var found []*SearchParameter
	for s := TypeOf(resourceType); s != nil; s = s.Base {
		found = append(found, all.byType[s.Name]...)
	}
	return found
}

func (r *reading) parameter(v tape.Value) *SearchParameter {
	s := &SearchParameter{URL: r.text(v.Get("url")), Name: r.text(v.Get("name")), Code: r.text(v.Get("code")), Base: r.textsOf(v.Get("base")),
		Type: r.text(v.Get("type")), Expression: r.text(v.Get("expression")), Target: r.textsOf(v.Get("target")),
		Description: r.text(v.Get("description"))}
	for c := v.Get("component").First(); c.Exists(); c = c.Next() {
		s.Components = append(s.Components, Component{Definition: r.text(c.Get("definition")), Expression: r.text(c.Get("expression"))})
	}
	return s
}

func readCompartments(p *pack) (map[string]*Compartment, error) {
	all := make(map[string]*Compartment)
	r := &reading{texts: make(map[string]string)}
	t := tape.Get()
	defer t.Release()
	return all, p.each(ofCompartment, func(_ *item, raw []byte) error {
		if err := t.Parse(raw, packLimits); err != nil {
			return err
		}
		c := &Compartment{Type: r.text(t.Root().Get("code")), Params: make(map[string][]string)}
		for of := t.Root().Get("resource").First(); of.Exists(); of = of.Next() {
			if of.Get("param").Len() > 0 {
				c.Params[r.text(of.Get("code"))] = r.textsOf(of.Get("param"))
			}
		}
		all[c.Type] = c
		return nil
	})
}
