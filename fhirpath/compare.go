package fhirpath

import "strings"

// compare orders two items (FHIRPath N1, §6.2). known is false where the order cannot be told, fit where the types have none.
func compare(a, b *Item) (cmp int, known, fit bool) {
	j, k := a.scalarKind(), b.scalarKind()
	switch {
	case j == StringKind && k == StringKind:
		x, _ := a.str()
		y, _ := b.str()
		return strings.Compare(x, y), true, true
	case isNumber(j) && isNumber(k):
		x, ok1 := a.decimal()
		y, ok2 := b.decimal()
		return x.Cmp(y), ok1 && ok2, true
	case isTemporal(j) && isTemporal(k):
		x, ok1 := a.temporal()
		y, ok2 := b.temporal()
		if !ok1 || !ok2 {
			return 0, false, true
		}
		cmp, known = x.order(y)
		return cmp, known, (j == TimeKind) == (k == TimeKind)
	case (isNumber(j) || j == QuantityKind) && (isNumber(k) || k == QuantityKind):
		x, ok1 := a.asQuantity()
		y, ok2 := b.asQuantity()
		if !ok1 || !ok2 {
			return 0, false, true
		}
		cmp, known = compareQuantities(&x, &y)
		return cmp, known, true
	case a.bare() || b.bare():
		return 0, false, true
	}
	return 0, false, false
}

// comparable tells whether items of these types can have an order.
func comparable(a, b static) bool {
	for _, group := range [...][]Kind{{StringKind}, {IntegerKind, DecimalKind, QuantityKind}, {DateKind, DateTimeKind}, {TimeKind}} {
		if a.mayBe(group...) && b.mayBe(group...) {
			return true
		}
	}
	return false
}
