package fhirpath

// boundaryFunctions are those of FHIRPath 2.1 that deal with precision.
var boundaryFunctions = map[string]*function{
	"lowBoundary":  {max: 1, result: scalarOfInput, eval: boundary(false)},
	"highBoundary": {max: 1, result: scalarOfInput, eval: boundary(true)},
	"precision":    {result: alwaysInteger, eval: precision},
	"comparable":   {min: 1, max: 1, input: []Kind{QuantityKind}, result: alwaysBoolean, eval: comparableTo},
}

const maxBoundary = 31 // digits after the point that a boundary can be asked for

// boundary gives the least or the greatest value that the input can stand for, with a number of digits.
func boundary(high bool) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		one, err := r.only(in, n.at)
		if err != nil || one == nil {
			return err
		}
		it, digits := *one, int64(-1)
		if len(n.args) > 0 {
			var ok bool
			if digits, ok, err = r.integerArgument(n, 0); err != nil || !ok || digits < 0 || digits > maxBoundary {
				return err
			}
		}
		if t, ok := it.temporal(); ok {
			if t, ok = t.boundary(high, int(digits)); ok {
				r.push(temporalItem(t))
			}
			return nil
		}
		if digits < 0 {
			digits = 8
		}
		if q, ok := it.quantity(); ok {
			if q.Value, ok = q.Value.boundary(high, int(digits)); ok {
				r.push(quantityItem(q))
			}
			return nil
		}
		if d, ok := it.decimal(); ok {
			if d, ok = d.boundary(high, int(digits)); ok {
				r.push(decimalItem(d))
			}
			return nil
		}
		if it.bare() {
			return nil
		}
		return n.fail("the function is for numbers, dates and quantities")
	}
}

// boundary moves d by half of its last digit.
func (d Decimal) boundary(high bool, digits int) (Decimal, bool) {
	half := Decimal{small: 5, scale: d.scale + 1}
	if !high {
		half = half.neg()
	}
	d, ok := d.add(half)
	if !ok {
		return d, false
	}
	if high {
		return d.ceilTo(digits)
	}
	return d.floorTo(digits)
}

// Digits of dates and times, by precision, as precision() counts them; with the fraction of a second, 17 and 9.
var (
	dateDigits = map[int]Precision{4: Year, 6: Month, 8: Day, 10: Hour, 12: Minute, 14: Second, 17: Second}
	timeDigits = map[int]Precision{2: Hour, 4: Minute, 6: Second, 9: Second}
)

// boundary fills what t does not know with the least or the greatest, and cuts it to a number of digits; all there are for -1. A time
// without a zone can be in any: +14:00 has it first, -12:00 last.
func (t Temporal) boundary(high bool, digits int) (Temporal, bool) {
	most, by := 17, dateDigits
	switch t.Kind {
	case DateKind:
		most = 8
	case TimeKind:
		most, by = 9, timeDigits
	}
	if digits < 0 {
		digits = most
	}
	to, ok := by[digits]
	if !ok || digits > most {
		return t, false
	}
	known := t.Precision
	for _, part := range [...]struct {
		precision Precision
		value     *int
		low, high int
	}{{Month, &t.Month, 1, 12}, {Day, &t.Day, 1, 0}, {Hour, &t.Hour, 0, 23}, {Minute, &t.Minute, 0, 59}, {Second, &t.Second, 0, 59}} {
		switch {
		case part.precision <= known || t.Kind == TimeKind && part.precision < Hour:
		case !high:
			*part.value = part.low
		case part.precision == Day:
			t.Day = daysIn(t.Year, t.Month)
		default:
			*part.value = part.high
		}
	}
	if high && t.Digits < 3 && (known < Second || t.Digits == 0) {
		t.Nanosecond = 999_000_000
	}
	t.Digits, t.Precision = 3, Second
	if t.Kind == DateTimeKind && !t.Zoned {
		t.Zoned, t.Offset = true, 14*60
		if high {
			t.Offset = -12 * 60
		}
	}
	t.cut(to)
	if digits != 17 && digits != 9 {
		t.Nanosecond, t.Digits = 0, 0
	}
	return t, true
}

func precision(r *Run, n *call, in span) error {
	it, err := r.only(in, n.at)
	if err != nil || it == nil {
		return err
	}
	if t, ok := it.temporal(); ok {
		r.push(Integer(int64(t.countDigits())))
	} else if d, ok := it.decimal(); ok {
		r.push(Integer(int64(d.scale)))
	} else {
		return n.fail("the function is for numbers and dates")
	}
	return nil
}

func (t *Temporal) countDigits() int {
	digits := t.Digits
	if t.Kind == TimeKind {
		return digits + 2*int(t.Precision-Day)
	}
	return digits + 2 + 2*int(t.Precision)
}

func comparableTo(r *Run, n *call, in span) error {
	one, err := r.only(in, n.at)
	if err != nil || one == nil {
		return err
	}
	it := *one
	other, ok, err := r.argument(n, 0)
	if err != nil || !ok {
		return err
	}
	x, ok1 := it.asQuantity()
	y, ok2 := other.asQuantity()
	if !ok1 || !ok2 {
		return n.fail("the function is for quantities")
	}
	_, fits := compareQuantities(&x, &y)
	r.push(Boolean(fits))
	return nil
}
