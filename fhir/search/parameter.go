package search

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/index/term"
)

// Parameters are the search parameters of all types: those that are defined, and own ones. They may be used by several goroutines.
type Parameters struct {
	definitions *definition.Registry
	own         []*definition.SearchParameter

	mu    sync.RWMutex
	types map[string]*Type
}

// New makes a set of parameters. An own one stands for the defined one of the same code and type. What of them is asked for is compiled then.
func New(definitions *definition.Registry, own ...*definition.SearchParameter) *Parameters {
	return &Parameters{definitions: definitions, own: own, types: map[string]*Type{}}
}

// Type is a type of resource with what it is found by.
type Type struct {
	Name   string
	Params []*Param // in the order of their codes

	of      *Parameters
	params  map[string]*Param
	root    *step
	content *content
	slots   int
}

// Param is a search parameter of a type.
type Param struct {
	Code       string
	URL        string
	Kind       term.Kind
	Targets    []string // types that a reference may point at; none: any
	Components []*Param // of a composite, in their order
	Canonical  bool     // of a reference: some of its elements are canonical URLs

	slot  int  // among the type's
	open  bool // some of its references may point at any type
	plain bool // all its elements are codes whose system the definitions imply
}

// Of gives a type of resource; nil if there is no such.
func (p *Parameters) Of(name string) *Type {
	p.mu.RLock()
	t, ok := p.types[name]
	p.mu.RUnlock()
	if ok {
		return t
	}
	s := definition.TypeOf(name)
	if s == nil || s.Kind != definition.Resource || s.Abstract {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t = p.types[name]; t == nil {
		t = p.compile(s)
		p.types[name] = t
	}
	return t
}

// sounds tells whether a parameter goes by the sound of names, not by their spelling.
func (p *Param) sounds() bool { return p.Code == "phonetic" && p.Kind == term.String }

// Param finds a parameter by its code; nil for none.
func (t *Type) Param(code string) *Param { return t.params[code] }

// kinds are those of the types of search parameters. Special ones have none.
var kinds = map[string]term.Kind{
	"token": term.Token, "reference": term.Reference, "date": term.Date, "string": term.String, "number": term.Number,
	"quantity": term.Quantity, "uri": term.URI, "composite": term.Composite,
}

// compile makes a type of the parameters that are defined for it.
func (p *Parameters) compile(s *definition.Structure) *Type {
	t := &Type{Name: s.Name, of: p, params: map[string]*Param{}, root: &step{}}
	c := compiler{p: p, structure: s, t: t}
	for _, d := range p.own {
		if slices.ContainsFunc(d.Base, s.Is) {
			c.add(d)
		}
	}
	for _, d := range p.definitions.SearchParameters(s.Name) {
		c.add(d)
	}
	t.root.settle()
	slices.SortFunc(t.Params, func(a, b *Param) int { return strings.Compare(a.Code, b.Code) })
	t.content = contentOf(s, map[*definition.Structure]*content{})
	return t
}

func (c *compiler) add(d *definition.SearchParameter) {
	if c.t.params[d.Code] != nil {
		return
	}
	if param := c.param(d); param != nil {
		c.t.params[d.Code] = param
		c.t.Params = append(c.t.Params, param)
	}
}

// byURL finds a parameter that a composite names.
func (p *Parameters) byURL(url string) *definition.SearchParameter {
	for _, d := range p.own {
		if d.URL == url {
			return d
		}
	}
	return p.definitions.SearchParameter(url)
}

// Rules stand for all that decides what terms resources give, but for the program: they differ when a parameter does.
func (p *Parameters) Rules() []byte {
	h := sha256.New()
	for _, name := range definition.ResourceTypes() {
		for _, d := range p.definitions.SearchParameters(name) {
			fmt.Fprintf(h, "%s %q %q %q %q\n", name, d.Code, d.Type, d.Expression, d.Components)
		}
	}
	for _, d := range p.own {
		fmt.Fprintf(h, "%q %q %q %q %q\n", d.Base, d.Code, d.Type, d.Expression, d.Components)
	}
	return h.Sum(nil)
}
