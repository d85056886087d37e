package terminology

import "slices"

// Found is what is known of a concept ($lookup).
type Found struct {
	Name, Version, Display string
	Designations           []Designation
	Properties             []Property
}

// Lookup gives what is known of a code: the properties that are asked for by their codes, or all. The error is an *Error.
func (t *Terminology) Lookup(c Coding, properties []string, displayLanguage string) (*Found, error) {
	s := t.system(c.System, c.Version)
	if g := grammars[c.System]; (s == nil || len(s.concepts) == 0) && g != nil {
		if !g.valid(c.Code) {
			return nil, fault(NotFound, "the code does not have the form of %s", g.name)
		}
		return &Found{Name: g.name, Display: c.Code}, nil
	}
	s, err := t.content(c.System, c.Version)
	if err != nil {
		return nil, err
	}
	at := s.find(c.Code)
	if at < 0 {
		return nil, fault(NotFound, "the code system %s has no such code", c.System)
	}
	known := &s.concepts[at]
	f := &Found{Name: s.def.Name, Version: s.def.Version, Display: known.Display, Designations: known.Designations}
	if f.Name == "" {
		f.Name = s.def.URL
	}
	if d := inLanguage(known.Designations, displayLanguage); d != "" {
		f.Display = d
	}
	if f.Display == "" {
		f.Display = known.Code
	}
	for _, p := range s.propertiesOf(known) {
		if len(properties) == 0 || slices.Contains(properties, p.Code) {
			f.Properties = append(f.Properties, p)
		}
	}
	return f, nil
}

// propertiesOf gives the properties of a concept, those that all systems have included (FHIR R4, 4.8.9.1).
func (s *system) propertiesOf(c *concept) (list []Property) {
	if c.Definition != "" {
		list = append(list, Property{Code: "definition", Type: "String", Value: c.Definition})
	}
	if c.inactive {
		list = append(list, Property{Code: "inactive", Type: "Boolean", Value: "true"})
	}
	for _, i := range c.parents {
		list = append(list, Property{Code: "parent", Type: "Code", Value: s.concepts[i].Code})
	}
	for _, i := range c.children {
		list = append(list, Property{Code: "child", Type: "Code", Value: s.concepts[i].Code})
	}
	for _, p := range c.Properties {
		if !slices.ContainsFunc(list, func(known Property) bool { return known.Code == p.Code && known.Value == p.Value }) {
			list = append(list, p)
		}
	}
	return list
}
