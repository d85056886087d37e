package search

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/index/term"
)

// Parameters are the search parameters of all types: those that are defined, and own ones, which may change (Change). They may be used by several
// goroutines.
type Parameters struct {
	definitions *definition.Registry
	given       []*definition.SearchParameter // own ones that never change
	now         atomic.Pointer[set]

	mu         sync.RWMutex
	incomplete map[string]map[string]bool // codes by type: of what the index does not know of all resources; see Settle
	changes    uint64                     // see Changes
}

// set is what there is between two changes.
type set struct {
	*Parameters
	number uint64
	own    []*Own                        // in the order of their URLs
	used   []*definition.SearchParameter // those that are given, and those of own that are used

	mu    sync.RWMutex
	types map[string]*Type
}

// New makes a set of parameters. An own one stands for the defined one of the same code and type. What of them is asked for is compiled then.
func New(definitions *definition.Registry, own ...*definition.SearchParameter) *Parameters {
	p := &Parameters{definitions: definitions, given: own, incomplete: map[string]map[string]bool{}}
	p.now.Store(&set{Parameters: p, used: own, types: map[string]*Type{}})
	return p
}

// Number tells sets of parameters apart: it is another one after each change.
func (p *Parameters) Number() uint64 { return p.now.Load().number }

// Type is a type of resource with what it is found by.
type Type struct {
	Name   string
	Params []*Param // in the order of their codes
	Own    bool     // some of them are the node's own

	of      *set
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
func (p *Parameters) Of(name string) *Type { return p.now.Load().of(name) }

func (now *set) of(name string) *Type {
	now.mu.RLock()
	t, ok := now.types[name]
	now.mu.RUnlock()
	if ok {
		return t
	}
	s := definition.TypeOf(name)
	if s == nil || s.Kind != definition.Resource || s.Abstract {
		return nil
	}
	now.mu.Lock()
	defer now.mu.Unlock()
	if t = now.types[name]; t == nil {
		t = now.compile(s)
		now.types[name] = t
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
func (now *set) compile(s *definition.Structure) *Type {
	t := &Type{Name: s.Name, of: now, params: map[string]*Param{}, root: &step{}}
	c := compiler{p: now, structure: s, t: t}
	for _, d := range now.used {
		if slices.ContainsFunc(d.Base, s.Is) {
			c.add(d)
			t.Own = true
		}
	}
	for _, d := range now.definitions.SearchParameters(s.Name) {
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
func (now *set) byURL(url string) *definition.SearchParameter {
	for _, d := range now.used {
		if d.URL == url {
			return d
		}
	}
	return now.definitions.SearchParameter(url)
}

// Rules stand for all that decides what terms resources give, but for the program and own parameters (see Settle): they differ when a parameter does.
func (p *Parameters) Rules() []byte {
	h := sha256.New()
	for _, name := range definition.ResourceTypes() {
		for _, d := range p.definitions.SearchParameters(name) {
			fmt.Fprintf(h, "%s %q %q %q %q\n", name, d.Code, d.Type, d.Expression, d.Components)
		}
	}
	for _, d := range p.given {
		fmt.Fprintf(h, "%q %q %q %q %q\n", d.Base, d.Code, d.Type, d.Expression, d.Components)
	}
	return h.Sum(nil)
}
