package fhirpath

import (
	"math"
	"math/big"

	"github.com/sijil-health/sijil/ucum"
)

// arithmetic is +, -, *, /, div and mod (FHIRPath N1, §6.6).
type arithmetic struct {
	operands
	op string
}

func (c *compiler) arithmetic(op string, o operands, left, right static) (node, static, error) {
	numbers := []Kind{IntegerKind, DecimalKind, QuantityKind}
	fit := left.mayBe(numbers...) && right.mayBe(numbers...)
	if op == "+" || op == "-" {
		fit = fit || left.mayBe(DateKind, DateTimeKind, TimeKind) && right.mayBe(QuantityKind)
	}
	if op == "+" {
		fit = fit || left.mayBe(StringKind) && right.mayBe(StringKind)
	}
	if !fit {
		return nil, static{}, c.fail(o.at, "this cannot be computed with values of these types")
	}
	out := anything
	switch {
	case op == "div":
		out = systemType(IntegerKind)
	case left.any || right.any:
	case len(left.types) == 1 && op != "/":
		if k, open := left.types[0].scalar(); !open && k != IntegerKind {
			out = systemType(k)
		}
	}
	return &arithmetic{o, op}, out, nil
}

func (n *arithmetic) eval(r *Run) error {
	a, b, base, err := r.onlyBoth(&n.operands)
	if err != nil {
		return err
	}
	if a == nil || b == nil || a.bare() || b.bare() {
		r.drop(base)
		return nil
	}
	result, ok, reason := compute(n.op, a, b)
	if reason != "" {
		return &Error{Stage: Execution, Offset: n.at, Reason: reason}
	}
	r.drop(base)
	if !ok {
		return nil
	}
	r.push(result)
	return r.checkText(len(result.text))
}

const unfit = "this cannot be computed with values of these types"

// compute gives a result, or none: for a division by zero, and what is too large. reason says why it is an error.
func compute(op string, a, b *Item) (result Item, ok bool, reason string) {
	j, k := a.scalarKind(), b.scalarKind()
	switch {
	case j == IntegerKind && k == IntegerKind && op != "/":
		x, _ := a.integer()
		y, _ := b.integer()
		result, ok = computeIntegers(op, x, y)
	case isNumber(j) && isNumber(k):
		x, ok1 := a.decimal()
		y, ok2 := b.decimal()
		if ok1 && ok2 {
			result, ok = computeDecimals(op, x, y)
		}
	case j == StringKind && k == StringKind && op == "+":
		x, _ := a.str()
		y, _ := b.str()
		return String(x + y), true, ""
	case isTemporal(j) && k == QuantityKind && (op == "+" || op == "-"):
		t, ok1 := a.temporal()
		q, ok2 := b.quantity()
		if !ok1 || !ok2 {
			return Item{}, false, ""
		}
		if op == "-" {
			q.Value = q.Value.neg()
		}
		return shift(t, &q)
	case (j == QuantityKind || k == QuantityKind) && (isNumber(j) || j == QuantityKind) && (isNumber(k) || k == QuantityKind):
		x, ok1 := a.asQuantity()
		y, ok2 := b.asQuantity()
		if ok1 && ok2 {
			result, ok = computeQuantities(op, &x, &y)
		}
	default:
		return Item{}, false, unfit
	}
	return result, ok, ""
}

func integerItem(n int64) (Item, bool) { return Integer(n), n >= math.MinInt32 && n <= math.MaxInt32 }

func computeIntegers(op string, x, y int64) (Item, bool) {
	if x != int64(int32(x)) || y != int64(int32(y)) {
		return Item{}, false
	}
	switch op {
	case "+":
		return integerItem(x + y)
	case "-":
		return integerItem(x - y)
	case "*":
		return integerItem(x * y)
	}
	if y == 0 {
		return Item{}, false
	}
	if op == "div" {
		return integerItem(x / y)
	}
	return integerItem(x % y)
}

func computeDecimals(op string, x, y Decimal) (Item, bool) {
	var d Decimal
	var ok bool
	switch op {
	case "+":
		d, ok = x.add(y)
	case "-":
		d, ok = x.add(y.neg())
	case "*":
		d, ok = x.mul(y)
	default:
		if y.Sign() == 0 {
			return Item{}, false
		}
		if op == "/" {
			d, ok = x.div(y)
			break
		}
		q, m, fits := x.divMod(y)
		if op == "div" {
			n, whole := q.Int()
			if !whole {
				return Item{}, false
			}
			return integerItem(n)
		}
		d, ok = m, fits
	}
	return decimalItem(d), ok
}

func computeQuantities(op string, x, y *Quantity) (Item, bool) {
	switch op {
	case "*", "/":
		unit, ok := product(x, map[string]string{"*": ".", "/": "/"}[op], y)
		if !ok {
			return Item{}, false
		}
		v, ok := computeDecimals(op, x.Value, y.Value)
		if !ok {
			return Item{}, false
		}
		return quantityItem(Quantity{Value: *v.ref.(*Decimal), Unit: unit}), true
	case "+", "-":
		if x.Unit == y.Unit && x.Calendar == y.Calendar && x.System == y.System {
			v, ok := computeDecimals(op, x.Value, y.Value)
			if !ok {
				return Item{}, false
			}
			return quantityItem(Quantity{*v.ref.(*Decimal), x.Unit, x.Calendar, x.System}), true
		}
		a, ok1 := x.ucumUnit()
		b, ok2 := y.ucumUnit()
		if !ok1 || !ok2 {
			return Item{}, false
		}
		v, err := ucum.Convert(y.Value.Rat(), b, a)
		if err != nil {
			return Item{}, false
		}
		if op == "-" {
			v = new(big.Rat).Neg(v)
		}
		sum, ok := decimalOfRat(v.Add(v, x.Value.Rat()), divisionScale)
		return quantityItem(Quantity{sum, x.Unit, x.Calendar, x.System}), ok
	}
	return Item{}, false
}

// sign is + or - before an operand.
type signed struct {
	x        node
	negative bool
	at       int
}

func (c *compiler) unary(e *unary) (node, static, error) {
	x, t, err := c.compile(e.x)
	if err != nil {
		return nil, t, err
	}
	if !t.mayBe(IntegerKind, DecimalKind, QuantityKind) {
		return nil, t, c.fail(e.offset(), "a sign stands before a number or a quantity")
	}
	return &signed{x, e.op == "-", e.offset()}, scalarOfInput(t, nil), nil
}

func (n *signed) eval(r *Run) error {
	base := r.top()
	it, err := r.single(n.x, n.at)
	if err != nil || it == nil {
		return err
	}
	var result Item
	if it.bare() {
		r.drop(base)
		return nil
	}
	if i, ok := it.integer(); ok && it.scalarKind() == IntegerKind {
		result = Integer(i)
		if n.negative {
			result = Integer(-i)
		}
	} else if d, ok := it.decimal(); ok {
		if n.negative {
			d = d.neg()
		}
		result = decimalItem(d)
	} else if q, ok := it.quantity(); ok {
		if n.negative {
			q.Value = q.Value.neg()
		}
		result = quantityItem(q)
	} else {
		return &Error{Stage: Execution, Offset: n.at, Reason: "a sign stands before a number or a quantity"}
	}
	r.drop(base)
	r.push(result)
	return nil
}
