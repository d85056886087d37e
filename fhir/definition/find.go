package definition

import "strings"

// Is tells whether the type is the named one, or is derived from it: "Age" is a "Quantity" and an "Element".
func (s *Structure) Is(name string) bool {
	for ; s != nil; s = s.Base {
		if s.Name == name {
			return true
		}
	}
	return false
}

// Find gives the element that has the name in JSON and XML, and its type: "status" and "valueQuantity", not "value". It gives nil for
// none. The companion of a primitive element ("_status") is to be asked for without the underscore. It allocates nothing.
func (s *Structure) Find(name []byte) (*Element, *Type) { return find(s, name) }

// FindString is Find.
func (s *Structure) FindString(name string) (*Element, *Type) { return find(s, name) }

// Element gives the element of a name as definitions and FHIRPath say it: "status" and "value", not "valueQuantity".
func (s *Structure) Element(name string) *Element {
	for i := range s.names.slots {
		slot := s.names.at(hash(name) + uint32(i))
		if slot.name == "" {
			return nil
		}
		if slot.name == name && (slot.typ == anyType || !s.Elements[slot.element].Choice) {
			return &s.Elements[slot.element]
		}
	}
	return nil
}

// JSONName is the name under which a value of the type, one of e.Types, stands in JSON and XML.
func (e *Element) JSONName(t *Type) string {
	if e.Choice {
		for i := range e.Types {
			if &e.Types[i] == t {
				return e.json[i]
			}
		}
	}
	return e.Name
}

// nameTable is an open hash table of the names of a structure's elements, at most two thirds full. A choice has a slot for each of its
// types and one with anyType for itself.
type nameTable struct {
	slots []nameSlot
}

type nameSlot struct {
	name         string // "" for a free slot
	element, typ uint16
}

const anyType = 1<<16 - 1

func (t *nameTable) at(h uint32) *nameSlot { return &t.slots[h&uint32(len(t.slots)-1)] }

// hash tells the names of one structure's elements apart, mostly: they differ in length or in a letter at either end or in the middle.
func hash[T string | []byte](name T) uint32 {
	n := len(name)
	if n == 0 {
		return 0
	}
	h := uint32(n) + uint32(name[0])<<5 + uint32(name[n-1])<<11 + uint32(name[n/2])<<17 + uint32(name[n*3/4])<<23
	return h * 0x9e3779b1 >> 16
}

func find[T string | []byte](s *Structure, name T) (*Element, *Type) {
	h := hash(name)
	for i := range s.names.slots {
		slot := s.names.at(h + uint32(i))
		if slot.name == "" {
			break
		}
		if slot.name == string(name) && slot.typ != anyType {
			e := &s.Elements[slot.element]
			return e, &e.Types[slot.typ]
		}
	}
	return nil, nil
}

// nameElements makes the table, and the names of choices. All Types are known.
func (s *Structure) nameElements(intern func(string) string) {
	count := 0
	for i := range s.Elements {
		count += len(s.Elements[i].Types) + 1
	}
	size := 2
	for 2*size < 3*count {
		size *= 2
	}
	s.names.slots = make([]nameSlot, size)
	for i := range s.Elements {
		e := &s.Elements[i]
		if !e.Choice {
			s.names.add(nameSlot{name: e.Name, element: uint16(i)})
			continue
		}
		s.names.add(nameSlot{name: e.Name, element: uint16(i), typ: anyType})
		e.json = make([]string, len(e.Types))
		for j, t := range e.Types {
			e.json[j] = intern(e.Name + strings.ToUpper(t.Code[:1]) + t.Code[1:])
			s.names.add(nameSlot{name: e.json[j], element: uint16(i), typ: uint16(j)})
		}
	}
}

func (t *nameTable) add(slot nameSlot) {
	h := hash(slot.name)
	for t.at(h).name != "" {
		h++
	}
	*t.at(h) = slot
}
