package fhirpath

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

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

// equivalentCollections is ~ (§6.1.3): the order of items means nothing.
func (r *Run) equivalentCollections(left, right span) (bool, error) {
	if left.len() != right.len() {
		return false, nil
	}
	taken := make([]bool, right.len())
	for i := left.from; i < left.to; i++ {
		found := false
		for j := 0; j < len(taken) && !found; j++ {
			if taken[j] {
				continue
			}
			same, err := r.equivalent(&r.stack[i], &r.stack[right.from+j])
			if err != nil {
				return false, err
			}
			taken[j], found = same, same
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

func (r *Run) equivalent(a, b *Item) (bool, error) {
	if err := r.spend(1); err != nil {
		return false, err
	}
	j, k := a.scalarKind(), b.scalarKind()
	switch {
	case j == NodeKind && k == NodeKind:
		return r.equivalentValues(a.node, b.node)
	case j == StringKind && k == StringKind:
		x, _ := a.str()
		y, _ := b.str()
		return equivalentText(x, y), nil
	case isNumber(j) && isNumber(k):
		x, ok1 := a.decimal()
		y, ok2 := b.decimal()
		return ok1 && ok2 && equivalentDecimals(x, y), nil
	case j == QuantityKind && k == QuantityKind:
		x, ok1 := a.quantity()
		y, ok2 := b.quantity()
		if ok1 && ok2 {
			return equivalentQuantities(&x, &y), nil
		}
		if a.kind == NodeKind && b.kind == NodeKind {
			return r.equivalentValues(a.node, b.node)
		}
		return false, nil
	}
	t, err := r.equal(a, b)
	return t == yes, err
}

// equivalentDecimals compares at the precision of the less precise.
func equivalentDecimals(x, y Decimal) bool {
	scale := int(min(x.trim().scale, y.trim().scale))
	x, ok1 := x.rescale(scale)
	y, ok2 := y.rescale(scale)
	return ok1 && ok2 && x.Cmp(y) == 0
}

// equivalentText ignores case, and what kind of white space there is.
func equivalentText(x, y string) bool {
	for x != "" && y != "" {
		a, n := utf8.DecodeRuneInString(x)
		b, m := utf8.DecodeRuneInString(y)
		if a != b && !(unicode.IsSpace(a) && unicode.IsSpace(b)) && !strings.EqualFold(x[:n], y[:m]) {
			return false
		}
		x, y = x[n:], y[m:]
	}
	return x == y
}

// equivalentValues compares JSON values by equivalence: the order of elements means nothing, ids mean nothing.
func (r *Run) equivalentValues(a, b tape.Value) (bool, error) {
	if err := r.spend(1); err != nil {
		return false, err
	}
	if a.Kind() != b.Kind() {
		return false, nil
	}
	switch a.Kind() {
	case tape.String:
		return equivalentText(a.Text(), b.Text()), nil
	case tape.Number:
		x, ok1 := parseDecimal(a.Raw())
		y, ok2 := parseDecimal(b.Raw())
		return ok1 && ok2 && equivalentDecimals(x, y), nil
	case tape.Array:
		return r.equivalentArrays(a, b)
	case tape.Object:
		return r.equivalentObjects(a, b)
	}
	return true, nil
}

func (r *Run) equivalentObjects(a, b tape.Value) (bool, error) {
	members := 0
	for x := a.First(); x.Exists(); x = x.Next() {
		if x.Named("id") {
			continue
		}
		members++
		if err := r.spend(b.Len()); err != nil {
			return false, err
		}
		if same, err := r.equivalentValues(x, b.Get(x.Name())); !same {
			return false, err
		}
	}
	if b.Get("id").Exists() {
		members++
	}
	return members == b.Len(), nil
}

func (r *Run) equivalentArrays(a, b tape.Value) (bool, error) {
	if a.Len() != b.Len() {
		return false, nil
	}
	taken := make([]bool, b.Len())
	for x := a.First(); x.Exists(); x = x.Next() {
		found := false
		for j, y := 0, b.First(); y.Exists() && !found; j, y = j+1, y.Next() {
			if taken[j] {
				continue
			}
			same, err := r.equivalentValues(x, y)
			if err != nil {
				return false, err
			}
			taken[j], found = same, same
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
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
	from := r.top()
	for i := s.from; i < s.to; i++ {
		found, err := r.has(span{from, r.top()}, &r.stack[i])
		if err != nil {
			return err
		}
		if !found {
			r.push(r.stack[i])
		}
	}
	return nil
}
