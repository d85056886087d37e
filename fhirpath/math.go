package fhirpath

import "math"

// mathFunctions are those of FHIRPath N1, §5.7.
var mathFunctions = map[string]*function{
	"abs":      {input: numeric, result: scalarOfInput, eval: rounding(absolute, false)},
	"ceiling":  {input: numeric, result: alwaysInteger, eval: rounding(func(d Decimal) (Decimal, bool) { return d.ceilTo(0) }, true)},
	"floor":    {input: numeric, result: alwaysInteger, eval: rounding(func(d Decimal) (Decimal, bool) { return d.floorTo(0) }, true)},
	"truncate": {input: numeric, result: alwaysInteger, eval: rounding(func(d Decimal) (Decimal, bool) { return d.truncate(), true }, true)},
	"round":    {max: 1, input: numeric, result: alwaysDecimal, eval: round},
	"exp":      {input: numeric, result: alwaysDecimal, eval: float(math.Exp)},
	"ln":       {input: numeric, result: alwaysDecimal, eval: float(math.Log)},
	"sqrt":     {input: numeric, result: alwaysDecimal, eval: float(math.Sqrt)},
	"log":      {min: 1, max: 1, input: numeric, result: alwaysDecimal, eval: logarithm},
	"power":    {min: 1, max: 1, input: numeric, eval: power},
}

var numeric = []Kind{IntegerKind, DecimalKind, QuantityKind}

func scalarOfInput(in static, _ []static) static {
	if in.any {
		return in
	}
	var out static
	for _, t := range in.types {
		k, _ := t.scalar()
		out = out.union(systemType(k))
	}
	return out
}

func absolute(d Decimal) (Decimal, bool) {
	if d.Sign() < 0 {
		d = d.neg()
	}
	return d, true
}

// numberInput gives the one item that a function is applied to, if there is one.
func (r *Run) numberInput(n *call, in span) (it Item, ok bool, err error) {
	one, err := r.only(in, n.at)
	if err != nil || one == nil || one.bare() {
		return Item{}, false, err
	}
	if k := one.scalarKind(); !isNumber(k) && k != QuantityKind {
		return Item{}, false, n.fail("the function is for numbers")
	}
	return *one, true, nil
}

// rounding gives integers for integers, and for decimals if toInteger says so.
func rounding(by func(Decimal) (Decimal, bool), toInteger bool) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		it, ok, err := r.numberInput(n, in)
		if err != nil || !ok {
			return err
		}
		if q, isQuantity := it.quantity(); isQuantity {
			if q.Value, ok = by(q.Value); ok {
				r.push(quantityItem(q))
			}
			return nil
		}
		d, ok := it.decimal()
		if ok {
			d, ok = by(d)
		}
		if !ok {
			return nil
		}
		if !toInteger && it.scalarKind() == DecimalKind {
			r.push(decimalItem(d))
		} else if i, fits := whole(d); fits {
			r.push(i)
		}
		return nil
	}
}

func round(r *Run, n *call, in span) error {
	it, ok, err := r.numberInput(n, in)
	if err != nil || !ok {
		return err
	}
	var places int64
	if len(n.args) > 0 {
		if places, ok, err = r.integerArgument(n, 0); err != nil || !ok {
			return err
		}
	}
	if places < 0 || places > maxDigits {
		return n.fail("a number is rounded to 0 or more places")
	}
	d, ok := it.decimal()
	if !ok {
		return n.fail("the function is for numbers")
	}
	if d.scale > int32(places) {
		d, ok = d.rescale(int(places))
	}
	if ok {
		r.push(decimalItem(d))
	}
	return nil
}

// float computes in float64, to 15 digits.
func float(by func(float64) float64) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		it, ok, err := r.numberInput(n, in)
		if err != nil || !ok {
			return err
		}
		d, ok := it.decimal()
		if !ok {
			return n.fail("the function is for numbers")
		}
		r.pushFloat(by(d.Float()))
		return nil
	}
}

func (r *Run) pushFloat(f float64) {
	if d, ok := decimalOfFloat(f); ok {
		r.push(decimalItem(d))
	}
}

// operandsOf gives the input and the argument of a function of two numbers.
func (r *Run) operandsOf(n *call, in span) (a, b Item, ok bool, err error) {
	if a, ok, err = r.numberInput(n, in); err != nil || !ok {
		return a, b, false, err
	}
	if b, ok, err = r.argument(n, 0); err != nil || !ok {
		return a, b, false, err
	}
	if !isNumber(a.scalarKind()) || !isNumber(b.scalarKind()) {
		return a, b, false, n.fail("the function is for numbers")
	}
	return a, b, true, nil
}

func logarithm(r *Run, n *call, in span) error {
	a, b, ok, err := r.operandsOf(n, in)
	if err != nil || !ok {
		return err
	}
	x, _ := a.decimal()
	base, _ := b.decimal()
	switch f := x.Float(); base.Float() {
	case 2:
		r.pushFloat(math.Log2(f))
	case 10:
		r.pushFloat(math.Log10(f))
	default:
		r.pushFloat(math.Log(f) / math.Log(base.Float()))
	}
	return nil
}

// power is exact for small whole exponents that are not negative.
func power(r *Run, n *call, in span) error {
	a, b, ok, err := r.operandsOf(n, in)
	if err != nil || !ok {
		return err
	}
	x, _ := a.decimal()
	y, _ := b.decimal()
	exponent, isWhole := y.Int()
	if !isWhole || exponent < 0 || exponent > maxDigits {
		r.pushFloat(math.Pow(x.Float(), y.Float()))
		return nil
	}
	result := decimalOfInt(1)
	for range exponent {
		if result, ok = result.mul(x); !ok {
			return nil
		}
	}
	if err := r.spend(int(exponent)); err != nil {
		return err
	}
	if _, isInt := a.integer(); isInt && b.scalarKind() == IntegerKind {
		if i, fits := whole(result); fits {
			r.push(i)
		}
		return nil
	}
	r.push(decimalItem(result))
	return nil
}
