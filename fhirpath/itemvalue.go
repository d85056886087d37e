package fhirpath

import (
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// systemKind is the type of System that values of a FHIR type are converted to when they are computed with; NodeKind for none.
func systemKind(t *definition.Structure) Kind {
	if t == nil {
		return NodeKind
	}
	if t.Kind != definition.Primitive {
		if t.Is("Quantity") {
			return QuantityKind
		}
		return NodeKind
	}
	switch t.Name {
	case "boolean":
		return BooleanKind
	case "integer", "unsignedInt", "positiveInt":
		return IntegerKind
	case "decimal":
		return DecimalKind
	case "date":
		return DateKind
	case "dateTime", "instant":
		return DateTimeKind
	case "time":
		return TimeKind
	}
	return StringKind
}

// scalarKind is the type of System that the item counts as; NodeKind for what is no single value: a node with elements, or without a value.
func (it *Item) scalarKind() Kind {
	if it.kind != NodeKind {
		return it.kind
	}
	if !it.hasNode() {
		return NodeKind
	}
	if it.typ != nil {
		return systemKind(it.typ)
	}
	switch it.node.Kind() {
	case tape.String:
		return StringKind
	case tape.True, tape.False:
		return BooleanKind
	case tape.Number:
		if _, ok := it.integer(); ok {
			return IntegerKind
		}
		return DecimalKind
	}
	return NodeKind
}

func (it *Item) boolean() (value, ok bool) {
	switch {
	case it.kind == BooleanKind:
		return it.number != 0, true
	case it.kind == NodeKind:
		k := it.node.Kind()
		return k == tape.True, k == tape.True || k == tape.False
	}
	return false, false
}

func (it *Item) integer() (int64, bool) {
	switch {
	case it.kind == IntegerKind:
		return it.number, true
	case it.kind == NodeKind && it.node.Kind() == tape.Number:
		d, ok := parseDecimal(it.node.Raw())
		return d.small, ok && d.large == nil && d.scale == 0
	}
	return 0, false
}

// decimal gives the number that the item is, integers included.
func (it *Item) decimal() (Decimal, bool) {
	switch {
	case it.kind == DecimalKind:
		return *it.ref.(*Decimal), true
	case it.kind == IntegerKind:
		return decimalOfInt(it.number), true
	case it.kind == NodeKind && it.node.Kind() == tape.Number:
		return parseDecimal(it.node.Raw())
	}
	return Decimal{}, false
}

// str gives the string that the item is. A node of a primitive type other than boolean and numbers is one.
func (it *Item) str() (string, bool) {
	switch {
	case it.kind == StringKind:
		return it.text, true
	case it.kind == NodeKind && it.node.Kind() == tape.String:
		return it.node.Text(), true
	}
	return "", false
}

// temporal gives the date or time that the item is.
func (it *Item) temporal() (Temporal, bool) {
	if t, ok := it.ref.(*Temporal); ok {
		return *t, true
	}
	if it.kind != NodeKind || it.node.Kind() != tape.String {
		return Temporal{}, false
	}
	switch systemKind(it.typ) {
	case DateKind:
		return parseDate(it.node.Bytes())
	case DateTimeKind:
		return parseDateTime(it.node.Bytes())
	case TimeKind:
		return parseTime(it.node.Bytes())
	}
	return Temporal{}, false
}
