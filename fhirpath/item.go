package fhirpath

import (
	"strconv"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Kind says what an Item is.
type Kind uint8

// The kinds: a node of a document, or one of the types of the namespace System.
const (
	NodeKind Kind = iota
	BooleanKind
	IntegerKind
	DecimalKind
	StringKind
	DateKind
	DateTimeKind
	TimeKind
	QuantityKind
	typeInfoKind // what type() gives: text is "FHIR.Patient"
)

var kindNames = [...]string{"", "Boolean", "Integer", "Decimal", "String", "Date", "DateTime", "Time", "Quantity", "ClassInfo"}

// String is the name of the type in the namespace System.
func (k Kind) String() string { return kindNames[k] }

// Item is one member of a collection: a node of a document, or a value that was computed. The zero Item is a node that is not there.
type Item struct {
	node, sibling tape.Value
	typ           *definition.Structure
	kind          Kind
	number        int64  // BooleanKind, IntegerKind
	text          string // StringKind, typeInfoKind
	ref           any    // *Decimal, *Temporal, *Quantity
}

// Node gives the item of a JSON value. Its type is found from its resourceType, or else is what the expression was compiled for.
func Node(v tape.Value) Item { return Item{node: v} }

// NodeOf gives the item of a JSON value of a known type. sibling is the value that holds the id and the extensions of a primitive, the
// member "_birthDate" beside "birthDate"; it is tape.Value{} where there is none. v may not be there if sibling is.
func NodeOf(v, sibling tape.Value, t *definition.Structure) Item {
	return Item{node: v, sibling: sibling, typ: t}
}

// Boolean gives an item of the type System.Boolean.
func Boolean(b bool) Item {
	it := Item{kind: BooleanKind}
	if b {
		it.number = 1
	}
	return it
}

// Integer gives an item of the type System.Integer. It should fit into 32 bits, as FHIRPath has it.
func Integer(n int64) Item { return Item{kind: IntegerKind, number: n} }

// String gives an item of the type System.String.
func String(s string) Item { return Item{kind: StringKind, text: s} }

// DecimalItem gives an item of the type System.Decimal.
func DecimalItem(d Decimal) Item { return decimalItem(d) }

// TemporalItem gives an item of the type System.Date, System.DateTime or System.Time, as t.Kind says.
func TemporalItem(t Temporal) Item { return temporalItem(t) }

// QuantityItem gives an item of the type System.Quantity.
func QuantityItem(q Quantity) Item { return quantityItem(q) }

func decimalItem(d Decimal) Item   { return Item{kind: DecimalKind, ref: &d} }
func temporalItem(t Temporal) Item { return Item{kind: t.Kind, ref: &t} }
func quantityItem(q Quantity) Item { return Item{kind: QuantityKind, ref: &q} }

// Kind says whether the item is a node, or which type of System it is.
func (it Item) Kind() Kind { return it.kind }

// Value is the JSON value of a node. It does not exist for a computed item, and for a primitive that has extensions only.
func (it Item) Value() tape.Value { return it.node }

// Sibling holds the id and the extensions of a primitive node, where it has any.
func (it Item) Sibling() tape.Value { return it.sibling }

// Type is the FHIR type of a node; nil where that is unknown, and for a computed item.
func (it Item) Type() *definition.Structure { return it.typ }

// TypeName is the name of the item's type: "HumanName", "Observation.component", "String".
func (it Item) TypeName() string {
	switch {
	case it.kind != NodeKind:
		return it.kind.String()
	case it.typ != nil:
		return it.typ.Name
	}
	return ""
}

// hasNode tells whether the item is a node with a value.
func (it *Item) hasNode() bool {
	return it.kind == NodeKind && it.node.Exists() && it.node.Kind() != tape.Null
}

// bare tells whether the item is a node without a value: a primitive with extensions only, or what resolve() knows the type of.
func (it *Item) bare() bool { return it.kind == NodeKind && !it.hasNode() }

// AppendText adds the item as text to b, as toString() does: numbers with their precision, dates without @. ok is false for what has no
// text: a node with elements, or without a value.
func (it Item) AppendText(b []byte) (text []byte, ok bool) {
	switch it.kind {
	case BooleanKind:
		return strconv.AppendBool(b, it.number != 0), true
	case IntegerKind:
		return strconv.AppendInt(b, it.number, 10), true
	case DecimalKind:
		return it.ref.(*Decimal).Append(b), true
	case StringKind, typeInfoKind:
		return append(b, it.text...), true
	case DateKind, DateTimeKind, TimeKind:
		return it.ref.(*Temporal).Append(b), true
	case QuantityKind:
		return it.ref.(*Quantity).Append(b), true
	}
	switch it.node.Kind() {
	case tape.String:
		return append(b, it.node.Bytes()...), true
	case tape.Number, tape.True, tape.False:
		return append(b, it.node.Raw()...), true
	}
	if q, ok := it.quantity(); ok {
		return q.Append(b), true
	}
	return b, false
}

// Text is AppendText's text; "" for what has none.
func (it Item) Text() string {
	b, _ := it.AppendText(nil)
	return string(b)
}

// Bool gives the item's truth, if it is a Boolean.
func (it Item) Bool() (value, ok bool) { return it.boolean() }

// Int gives the item's number, if it is an Integer.
func (it Item) Int() (int64, bool) { return it.integer() }

// Decimal gives the item's number, if it is a Decimal or an Integer.
func (it Item) Decimal() (Decimal, bool) { return it.decimal() }

// Temporal gives the item's date or time, if it is one.
func (it Item) Temporal() (Temporal, bool) { return it.temporal() }

// Quantity gives the item's quantity, if it is one, of System or of FHIR.
func (it Item) Quantity() (Quantity, bool) { return it.quantity() }
