package fhirpath

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/tape"
)

// equalCollections is = (FHIRPath N1, §6.1.1).
func (r *Run) equalCollections(left, right span) (truth, error) {
	if left.len() == 0 || right.len() == 0 {
		return unknown, nil
	}
	if left.len() != right.len() {
		return no, nil
	}
	result := yes
	for i := range left.len() {
		t, err := r.equal(&r.stack[left.from+i], &r.stack[right.from+i])
		if err != nil || t == no {
			return no, err
		}
		if t == unknown {
			result = unknown
		}
	}
	return result, nil
}

// equal compares two items.
func (r *Run) equal(a, b *Item) (truth, error) {
	if err := r.spend(1); err != nil {
		return unknown, err
	}
	if a.kind == NodeKind && b.kind == NodeKind && a.node.Exists() && a.node == b.node {
		return yes, nil
	}
	j, k := a.scalarKind(), b.scalarKind()
	switch {
	case j == NodeKind || k == NodeKind:
		if j != k {
			return no, nil
		}
		return r.equalNodes(a, b)
	case j == StringKind && k == StringKind:
		r.spent += (len(a.text) + len(a.node.Raw())) / 256
		return truthFrom(equalText(a, b)), nil
	case j == BooleanKind && k == BooleanKind:
		x, _ := a.boolean()
		y, _ := b.boolean()
		return truthFrom(x == y), nil
	case isNumber(j) && isNumber(k):
		x, ok1 := a.decimal()
		y, ok2 := b.decimal()
		return truthFrom(ok1 && ok2 && x.Cmp(y) == 0), nil
	case isTemporal(j) && isTemporal(k):
		x, ok1 := a.temporal()
		y, ok2 := b.temporal()
		if !ok1 || !ok2 {
			return truthFrom(equalText(a, b)), nil // FHIR's primitives may hold what is no date; it equals itself
		}
		if (j == TimeKind) != (k == TimeKind) {
			return no, nil
		}
		if cmp, ok := x.order(y); ok {
			return truthFrom(cmp == 0), nil
		}
		return unknown, nil
	case (j == QuantityKind || k == QuantityKind) && (isNumber(j) || j == QuantityKind) && (isNumber(k) || k == QuantityKind):
		return r.equalQuantities(a, b)
	case j == typeInfoKind && k == typeInfoKind:
		return truthFrom(a.text == b.text), nil
	}
	return no, nil
}

func (r *Run) equalQuantities(a, b *Item) (truth, error) {
	x, ok1 := a.asQuantity()
	y, ok2 := b.asQuantity()
	if !ok1 || !ok2 {
		if a.kind == NodeKind && b.kind == NodeKind {
			return r.equalNodes(a, b)
		}
		return no, nil
	}
	if cmp, ok := compareQuantities(&x, &y); ok {
		return truthFrom(cmp == 0), nil
	}
	return unknown, nil
}

// asQuantity converts numbers, too.
func (it *Item) asQuantity() (Quantity, bool) {
	if q, ok := it.quantity(); ok {
		return q, true
	}
	d, ok := it.decimal()
	return Quantity{Value: d, Unit: "1"}, ok
}

func isNumber(k Kind) bool   { return k == IntegerKind || k == DecimalKind }
func isTemporal(k Kind) bool { return k == DateKind || k == DateTimeKind || k == TimeKind }

// equalText compares two strings, without a copy.
func equalText(a, b *Item) bool {
	switch {
	case a.kind == NodeKind && b.kind == NodeKind:
		return bytes.Equal(a.node.Bytes(), b.node.Bytes())
	case a.kind == NodeKind:
		return a.node.Is(b.text)
	case b.kind == NodeKind:
		return b.node.Is(a.text)
	}
	return a.text == b.text
}

// equalNodes compares nodes with all that is in them.
func (r *Run) equalNodes(a, b *Item) (truth, error) {
	same, err := r.equalValues(a.node, b.node)
	if err == nil && same {
		same, err = r.equalValues(a.sibling, b.sibling)
	}
	return truthFrom(same), err
}

// equalValues compares JSON values: the order of members means nothing, that of elements does, and 1.0 is 1.
func (r *Run) equalValues(a, b tape.Value) (bool, error) {
	if err := r.spend(1); err != nil {
		return false, err
	}
	if a == b {
		return true, nil
	}
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false, nil
	}
	switch a.Kind() {
	case tape.String:
		r.spent += len(a.Raw()) / 256
		return bytes.Equal(a.Bytes(), b.Bytes()), nil
	case tape.Number:
		return equalNumbers(a, b), nil
	case tape.Array:
		for x, y := a.First(), b.First(); x.Exists(); x, y = x.Next(), y.Next() {
			if same, err := r.equalValues(x, y); !same {
				return false, err
			}
		}
	case tape.Object:
		y := b.First()
		for x := a.First(); x.Exists(); x, y = x.Next(), y.Next() {
			other := y // members mostly stand in the same order
			if !bytes.Equal(x.NameBytes(), y.NameBytes()) {
				if err := r.spend(b.Len()); err != nil {
					return false, err
				}
				other = b.Get(x.Name())
			}
			if same, err := r.equalValues(x, other); !same {
				return false, err
			}
		}
	}
	return true, nil
}

func equalNumbers(a, b tape.Value) bool {
	if bytes.Equal(a.Raw(), b.Raw()) {
		return true
	}
	x, ok1 := parseDecimal(a.Raw())
	y, ok2 := parseDecimal(b.Raw())
	return ok1 && ok2 && x.Cmp(y) == 0
}

// has tells whether a collection has an item that equals it.
func (r *Run) has(s span, it *Item) (bool, error) {
	for i := s.from; i < s.to; i++ {
		t, err := r.equal(&r.stack[i], it)
		if err != nil || t == yes {
			return t == yes, err
		}
	}
	return false, nil
}

// unique adds the items of s, without those that equal an earlier one, on top of the stack.
func (r *Run) unique(s span) error {
	kept := r.setOf(span{r.top(), r.top()})
	for i := s.from; i < s.to; i++ {
		kept.s.to = r.top()
		found, err := kept.has(&r.stack[i])
		if err != nil {
			return err
		}
		if !found {
			r.push(r.stack[i])
		}
	}
	return nil
}
