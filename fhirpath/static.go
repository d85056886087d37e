package fhirpath

import (
	"slices"

	"github.com/sijil-health/sijil/fhir/definition"
)

// static is what is known of an expression's items before it is evaluated.
type static struct {
	any       bool // nothing; otherwise each item is of one of types
	types     []itemType
	unordered bool // the order of items means nothing
}

// itemType is a type of FHIR, or else of System.
type itemType struct {
	fhir *definition.Structure
	kind Kind
}

var anything = static{any: true}

func systemType(kinds ...Kind) static {
	var s static
	for _, k := range kinds {
		s.types = append(s.types, itemType{kind: k})
	}
	return s
}

func fhirType(t *definition.Structure) static { return static{types: []itemType{{fhir: t}}} }

// never says that there can be no items.
func (s static) never() bool { return !s.any && len(s.types) == 0 }

func (s static) union(o static) static {
	u := static{any: s.any || o.any, unordered: s.unordered || o.unordered}
	if u.any {
		return u
	}
	u.types = slices.Clone(s.types)
	for _, t := range o.types {
		if !slices.Contains(u.types, t) {
			u.types = append(u.types, t)
		}
	}
	return u
}

// scalar is the type of System that values of t count as; open says that t does not tell.
func (t itemType) scalar() (k Kind, open bool) {
	if t.fhir == nil {
		return t.kind, false
	}
	return systemKind(t.fhir), t.fhir.Abstract
}

// mayBe tells whether some item may count as one of the kinds. A collection that is empty may be anything.
func (s static) mayBe(kinds ...Kind) bool {
	if s.any || len(s.types) == 0 {
		return true
	}
	return slices.ContainsFunc(s.types, func(t itemType) bool {
		k, open := t.scalar()
		return open || slices.Contains(kinds, k)
	})
}

// derives tells whether t is the type of, or derived from it.
func derives(t, of *definition.Structure) bool {
	for ; t != nil; t = t.Base {
		if t == of {
			return true
		}
	}
	return false
}

// typeMatch is a type specifier: a type of FHIR, of System, or, where the name is one in both, either.
type typeMatch struct {
	fhir *definition.Structure
	kind Kind // NodeKind for none
}

func systemKindNamed(name string) Kind {
	for k := BooleanKind; k <= QuantityKind; k++ {
		if kindNames[k] == name {
			return k
		}
	}
	return NodeKind
}

// match resolves a type specifier. A name of System that is none there matches nothing.
func (c *compiler) match(n typeName, at int) (typeMatch, error) {
	var m typeMatch
	if n.namespace != "System" {
		m.fhir = definition.TypeOf(n.name)
	}
	if n.namespace != "FHIR" {
		m.kind = systemKindNamed(n.name)
	}
	if m.fhir == nil && m.kind == NodeKind && n.namespace != "System" {
		return m, c.fail(at, "the type is unknown")
	}
	return m, nil
}

// is tells whether an item is of the type or of one derived from it.
func (m typeMatch) is(it *Item) bool {
	if it.kind != NodeKind {
		return m.kind == it.kind
	}
	return m.fhir != nil && derives(it.typ, m.fhir)
}

// filters tells whether as and ofType let an item pass. A primitive has to be of the very type: a code is no string there.
func (m typeMatch) filters(it *Item) bool {
	if m.fhir != nil && m.fhir.Kind == definition.Primitive && it.kind == NodeKind {
		return it.typ == m.fhir
	}
	return m.is(it)
}

// narrow gives what passes the filter.
func (m typeMatch) narrow(s static) static {
	n := static{unordered: s.unordered}
	if s.any {
		n.types = m.all()
		return n
	}
	for _, t := range s.types {
		switch {
		case t.fhir == nil:
			if t.kind == m.kind {
				n.types = append(n.types, t)
			}
		case m.fhir == nil:
		case derives(t.fhir, m.fhir):
			n.types = append(n.types, t)
		case derives(m.fhir, t.fhir):
			n.types = append(n.types, itemType{fhir: m.fhir})
		}
	}
	return n
}

// all gives the types that the specifier names.
func (m typeMatch) all() (types []itemType) {
	if m.fhir != nil {
		types = append(types, itemType{fhir: m.fhir})
	}
	if m.kind != NodeKind {
		types = append(types, itemType{kind: m.kind})
	}
	return types
}
