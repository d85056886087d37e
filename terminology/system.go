package terminology

import (
	"slices"
	"strings"
)

// system is a code system with its concepts in the order of the definition, those below one after it.
type system struct {
	def      *CodeSystem
	concepts []concept
	index    map[string]int32 // by code, folded where case does not matter
	complete bool             // what is not in it is no code of the system

	meanings map[string]string // standard names of properties, by code
	linked   map[[2]int32]bool // parent and child; nil once it is made
}

type concept struct {
	*Concept
	up                 int32   // the one it stands under in the definition, -1 for none
	parents, children  []int32 // that one, and those named by properties
	inactive, abstract bool
}

// Properties that mean the same in every system that uses them (FHIR R4, 4.8.9.2), by code or by URI.
const conceptProperties = "http://hl7.org/fhir/concept-properties#"

func newSystem(def *CodeSystem) *system {
	s := &system{def: def, index: map[string]int32{}, complete: def.Content == "complete", meanings: map[string]string{}, linked: map[[2]int32]bool{}}
	for _, d := range slices.Backward(def.Properties) { // the first of two stands
		if name, found := strings.CutPrefix(d.URI, conceptProperties); found {
			s.meanings[d.Code] = name
		}
	}
	s.add(def.Concepts, -1)
	for i := range s.concepts {
		s.relate(int32(i))
	}
	s.linked = nil
	return s
}

func (s *system) add(list []Concept, up int32) {
	for i := range list {
		at := int32(len(s.concepts))
		c := concept{Concept: &list[i], up: up}
		if up >= 0 {
			s.linked[[2]int32{up, at}] = true
			c.parents = append(c.parents, up)
			s.concepts[up].children = append(s.concepts[up].children, at)
		}
		s.concepts = append(s.concepts, c)
		if key := s.key(c.Code); !has(s.index, key) { // the first of two stands
			s.index[key] = at
		}
		s.add(list[i].Concepts, at)
	}
}

func has[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

// key is a code as it is looked up. Case matters where the system says so (FHIR R4, CodeSystem.caseSensitive: else any case is accepted).
func (s *system) key(code string) string {
	if s.def.CaseSensitive {
		return code
	}
	return strings.ToLower(code)
}

// relate reads the properties of a concept that have a meaning here.
func (s *system) relate(at int32) {
	for _, p := range s.concepts[at].Properties {
		switch s.meaning(p.Code) {
		case "parent":
			if i := s.find(p.Value); i >= 0 {
				s.link(i, at)
			}
		case "child":
			if i := s.find(p.Value); i >= 0 {
				s.link(at, i)
			}
		case "inactive":
			s.concepts[at].inactive = s.concepts[at].inactive || p.Value == "true"
		case "status":
			s.concepts[at].inactive = s.concepts[at].inactive || p.Value == "retired" || p.Value == "inactive"
		case "notSelectable", "abstract":
			s.concepts[at].abstract = s.concepts[at].abstract || p.Value == "true"
		}
	}
}

// meaning gives the standard name of a property.
func (s *system) meaning(code string) string {
	if name := s.meanings[code]; name != "" {
		return name
	}
	return code
}

func (s *system) link(parent, child int32) {
	if parent == child || s.linked[[2]int32{parent, child}] {
		return
	}
	s.linked[[2]int32{parent, child}] = true
	s.concepts[child].parents = append(s.concepts[child].parents, parent)
	s.concepts[parent].children = append(s.concepts[parent].children, child)
}

// find gives the place of a code, -1 for none.
func (s *system) find(code string) int32 {
	if i, ok := s.index[s.key(code)]; ok {
		return i
	}
	return -1
}

// reach marks all that can be reached from a concept, itself included, over parents or children.
func (s *system) reach(from int32, next func(*concept) []int32) bits {
	marked := newBits(len(s.concepts))
	marked.set(from)
	for open := []int32{from}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		for _, i := range next(&s.concepts[at]) {
			if !marked.has(i) {
				marked.set(i)
				open = append(open, i)
			}
		}
	}
	return marked
}

func up(c *concept) []int32   { return c.parents }
func down(c *concept) []int32 { return c.children }

// bits is a set of concepts of one system.
type bits []uint64

func newBits(n int) bits        { return make(bits, (n+63)/64) }
func (b bits) set(i int32)      { b[i/64] |= 1 << (i % 64) }
func (b bits) clear(i int32)    { b[i/64] &^= 1 << (i % 64) }
func (b bits) has(i int32) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) intersect(with bits) {
	for i := range b {
		b[i] &= with[i]
	}
}
func (b bits) invert() {
	for i := range b {
		b[i] = ^b[i]
	}
}
