package fhirpath

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sijil-health/sijil/fhir/tape"
)

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
