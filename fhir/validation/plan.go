package validation

import (
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
)

// A plan is a type of FHIR made ready for checking: names as they stand in JSON, what is required as a set of bits, what a type's elements
// are resolved once.
type plan struct {
	name       string
	def        *definition.Structure
	primitive  primitive // none for types with elements
	resource   bool      // a type that a document may have
	members    map[string]*member
	required   []*element // at most 64
	all        uint64     // the bits of required
	rule       func(*run, object)
	invariants invariants // of every value of the type
}

// element is one of a type's elements, whatever the type of its value.
type element struct {
	name       string // as definitions say it: "value"
	def        *definition.Element
	list       bool   // an array in JSON
	max        int    // of a list; definition.Many for any number
	bit        uint64 // in plan.required; 0 for what may be missing
	choice     uint8  // number of the choice within the type, from 1; 0 for an element that is none
	binding    *binding
	invariants invariants // stated on the element
}

// member is an element with one of its types, as it stands in JSON: value[x] is as many of them as it has types.
type member struct {
	*element
	of          *plan // nil: any resource
	targets     []string
	inExtension bool // of an extension within another, whose URL is a name in that
}

// plans are made when they are first needed, with all that they lead to.
type plans struct {
	mu   sync.RWMutex
	made map[string]*plan
	sets func(definition.Binding) *binding
}

// named gives the plan of a type; nil where FHIR has none of that name.
func (p *plans) named(name string) *plan {
	p.mu.RLock()
	made := p.made[name]
	p.mu.RUnlock()
	if made != nil {
		return made
	}
	s := definition.TypeOf(name)
	if s == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.make(s)
}

// resource is named for a name as it stands in a document.
func (p *plans) resource(name []byte) *plan {
	p.mu.RLock()
	made := p.made[string(name)]
	p.mu.RUnlock()
	if made == nil {
		made = p.named(string(name))
	}
	if made == nil || !made.resource {
		return nil
	}
	return made
}

// make is called with the lock held.
func (p *plans) make(s *definition.Structure) *plan {
	if made := p.made[s.Name]; made != nil {
		return made
	}
	made := &plan{
		name: s.Name, def: s, rule: ruleOf(s), invariants: invariants{list: s.Invariants},
		resource: s.Kind == definition.Resource && !s.Abstract,
	}
	p.made[s.Name] = made
	if s.Kind == definition.Primitive {
		made.primitive = primitives[s.Name]
		return made
	}
	made.members = make(map[string]*member, 2*len(s.Elements))
	choices := uint8(0)
	for i := range s.Elements {
		def := &s.Elements[i]
		e := &element{name: def.Name, def: def, list: def.Max == definition.Many || def.Max > 1, max: def.Max, invariants: invariants{list: def.Invariants}}
		if def.Choice {
			choices++
			e.choice = choices
		}
		if def.Min > 0 {
			e.bit = 1 << len(made.required)
			made.required, made.all = append(made.required, e), made.all|e.bit
		}
		if def.Binding != nil {
			e.binding = p.sets(*def.Binding)
		}
		for j := range def.Types {
			t := &def.Types[j]
			m := &member{element: e, targets: targetsOf(t.Targets), inExtension: s.Name == "Extension" && e.name == "extension"}
			if t.Code != "Resource" {
				m.of = p.make(t.Of)
			}
			made.members[def.JSONName(t)] = m
		}
	}
	return made
}
