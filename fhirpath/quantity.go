package fhirpath

import (
	"math/big"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/ucum"
)

// Quantity is a number with a unit.
type Quantity struct {
	Value    Decimal
	Unit     string // a code of UCUM, "1" for none; or with Calendar one of year, month, week, day, hour, minute, second, millisecond
	Calendar bool
	System   string // "" for UCUM; the unit of another system compares with itself only
}

const ucumSystem = "http://unitsofmeasure.org"

// calendarUnits gives, for each duration of the calendar, the unit of UCUM that takes as long; months and years have none.
var calendarUnits = map[string]string{
	"year": "", "month": "", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}

// calendarUnit gives the singular of a calendar duration; "" for another word.
func calendarUnit(word string) string {
	if _, ok := calendarUnits[word]; ok {
		return word
	}
	if n := len(word) - 1; n > 0 && word[n] == 's' {
		if _, ok := calendarUnits[word[:n]]; ok {
			return word[:n]
		}
	}
	return ""
}

// Append adds the quantity as a literal to b: 4 days, 4.0 'mg'.
func (q Quantity) Append(b []byte) []byte {
	b = append(q.Value.Append(b), ' ')
	if !q.Calendar {
		return append(append(append(b, '\''), q.Unit...), '\'')
	}
	b = append(b, q.Unit...)
	if q.Value.Cmp(decimalOfInt(1)) != 0 {
		b = append(b, 's')
	}
	return b
}

// String is Append as a string.
func (q Quantity) String() string { return string(q.Append(nil)) }

// quantity gives the quantity that the item is. One of FHIR without a value, or with a comparator, is none that can be computed with
// (FHIR R4, FHIRPath, §2.1.9.1.5.1).
func (it *Item) quantity() (Quantity, bool) {
	if q, ok := it.ref.(*Quantity); ok {
		return *q, true
	}
	if it.kind != NodeKind || it.node.Kind() != tape.Object || systemKind(it.typ) != QuantityKind {
		return Quantity{}, false
	}
	var value, system, code, unit tape.Value
	for c := it.node.First(); c.Exists(); c = c.Next() {
		switch string(c.NameBytes()) {
		case "value":
			value = c
		case "system":
			system = c
		case "code":
			code = c
		case "unit":
			unit = c
		case "comparator":
			return Quantity{}, false
		}
	}
	n, ok := parseDecimal(value.Raw())
	if !ok {
		return Quantity{}, false
	}
	q := Quantity{Value: n, Unit: "1"}
	switch {
	case system.Is(ucumSystem) && code.Exists():
		q.Unit = code.Text()
		if q.Unit == "a" || q.Unit == "mo" {
			q.Unit, q.Calendar = map[string]string{"a": "year", "mo": "month"}[q.Unit], true
		}
	case code.Exists():
		q.Unit, q.System = code.Text(), system.Text()
		if q.System == "" {
			q.System = "unknown"
		}
	case unit.Exists():
		q.Unit, q.System = unit.Text(), "unknown"
	}
	return q, true
}

// ucumUnit gives the unit of UCUM that q can be compared in.
func (q *Quantity) ucumUnit() (string, bool) {
	if q.System != "" {
		return "", false
	}
	if q.Calendar {
		u := calendarUnits[q.Unit]
		return u, u != ""
	}
	if u := calendarUnit(q.Unit); u != "" { // 1 'day' is what people write
		u = calendarUnits[u]
		return u, u != ""
	}
	return q.Unit, true
}

// months gives how many months of a calendar q's unit has; 0 for another unit.
func (q *Quantity) months() int64 {
	switch {
	case !q.Calendar:
		return 0
	case q.Unit == "year":
		return 12
	case q.Unit == "month":
		return 1
	}
	return 0
}

// sameUnits gives both values in one unit. ok is false where they have none in common. precision is the least one of both, in digits after
// the point in that unit.
func sameUnits(q, r *Quantity) (x, y *big.Rat, precision int, ok bool) {
	scale := int(min(q.Value.scale, r.Value.scale))
	if q.Unit == r.Unit && q.Calendar == r.Calendar && q.System == r.System {
		return q.Value.Rat(), r.Value.Rat(), scale, true
	}
	if a, b := q.months(), r.months(); a > 0 && b > 0 {
		x, y = q.Value.Rat(), r.Value.Rat()
		return x.Mul(x, big.NewRat(a, 1)), y.Mul(y, big.NewRat(b, 1)), scale, true
	}
	a, ok1 := q.ucumUnit()
	b, ok2 := r.ucumUnit()
	if !ok1 || !ok2 {
		return nil, nil, 0, false
	}
	if q.Value.scale <= r.Value.scale { // into the unit of the less precise
		y, err := ucum.Convert(r.Value.Rat(), b, a)
		return q.Value.Rat(), y, scale, err == nil
	}
	x, err := ucum.Convert(q.Value.Rat(), a, b)
	return x, r.Value.Rat(), scale, err == nil
}

// compareQuantities orders two quantities. ok is false where they have no unit in common.
func compareQuantities(q, r *Quantity) (cmp int, ok bool) {
	x, y, _, ok := sameUnits(q, r)
	if !ok {
		return 0, false
	}
	return x.Cmp(y), true
}

// equivalentQuantities compares at the precision of the less precise.
func equivalentQuantities(q, r *Quantity) bool {
	x, y, precision, ok := sameUnits(q, r)
	if !ok {
		return false
	}
	a, ok1 := decimalOfRat(x, precision)
	b, ok2 := decimalOfRat(y, precision)
	return ok1 && ok2 && a.Cmp(b) == 0
}

// product gives the unit of a product or a quotient.
func product(a *Quantity, operator string, b *Quantity) (unit string, ok bool) {
	u, ok1 := a.ucumUnit()
	v, ok2 := b.ucumUnit()
	switch {
	case !ok1 || !ok2:
		return "", false
	case v == "1":
		return u, true
	case u == "1" && operator == ".":
		return v, true
	case u == v && operator == "/":
		return "1", true
	}
	return "(" + u + ")" + operator + "(" + v + ")", true
}
