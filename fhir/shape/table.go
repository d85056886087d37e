package shape

import (
	_ "embed" // for the table
	"fmt"
	"strings"
	"sync"
)

//go:embed r4.txt
var source string

// structure is a type with elements: a resource, a data type, or what is defined inside one.
type structure struct {
	name     string
	base     *structure
	elements map[string]*element // its own, by their names in JSON
	resource bool                // a type that a document may have
}

// element is one of a structure's elements as it stands in JSON: value[x] is as many of them as it has types.
type element struct {
	name      string
	many      bool
	primitive primitive  // what its values are, or
	of        *structure // the type of its values; nil with primitive none: any resource
	choice    uint8      // number of the choice within its structure, from 1; 0 for an element that is none
}

// find gives the element of a name; nil for none.
func (s *structure) find(name []byte) *element {
	for ; s != nil; s = s.base {
		if e := s.elements[string(name)]; e != nil {
			return e
		}
	}
	return nil
}

// structures are all types by name. The table is part of the program: that it can be read is a matter of tests.
var structures = sync.OnceValue(func() map[string]*structure {
	all, err := parse(source)
	if err != nil {
		panic(err)
	}
	return all
})

func parse(source string) (map[string]*structure, error) {
	all := make(map[string]*structure, 1024)
	lines := strings.Split(strings.TrimSuffix(source, "\n"), "\n")[1:] // the first says where it comes from
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "<")
		all[name] = &structure{name: name}
	}
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, "<")
		base, elements, _ := strings.Cut(rest, " ")
		s := all[name]
		if s.base = all[base]; s.base == nil && base != "" {
			return nil, fmt.Errorf("shape: %s: unknown base %s", name, base)
		}
		if err := s.read(elements, all); err != nil {
			return nil, err
		}
	}
	for _, s := range all {
		s.resource = s.base != nil && s.name != "DomainResource" && (s.base.name == "DomainResource" || s.base.name == "Resource")
	}
	return all, nil
}

// read reads the elements of a line.
func (s *structure) read(elements string, all map[string]*structure) error {
	s.elements = make(map[string]*element)
	choices := uint8(0)
	for field := range strings.FieldsSeq(elements) {
		at := strings.IndexAny(field, ":*")
		if at < 0 {
			return fmt.Errorf("shape: %s: malformed element %s", s.name, field)
		}
		name, many, types := field[:at], field[at] == '*', strings.Split(field[at+1:], "|")
		stem, choice := strings.CutSuffix(name, "[x]")
		if choice {
			choices++
		}
		for _, typ := range types {
			e := &element{name: stem, many: many}
			if choice {
				e.name, e.choice = stem+strings.ToUpper(typ[:1])+typ[1:], choices
			}
			e.primitive, e.of = primitives[typ], all[typ]
			if typ == "Resource" {
				e.of = nil
			} else if e.primitive == none && e.of == nil {
				return fmt.Errorf("shape: %s.%s: unknown type %s", s.name, name, typ)
			}
			s.elements[e.name] = e
		}
	}
	return nil
}
