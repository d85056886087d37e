package fhirpath

import (
	"math"
	"math/big"
	"time"

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
	left, right, base, err := r.both(&n.operands)
	if err != nil {
		return err
	}
	a, err := r.only(left, n.at)
	if err != nil {
		return err
	}
	b, err := r.only(right, n.at)
	if err != nil {
		return err
	}
	if a == nil || b == nil {
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

// shift moves a date or time by a duration (§6.7). Parts finer than its precision are not moved to.
func shift(t Temporal, q *Quantity) (Item, bool, string) {
	unit := q.Unit
	if !q.Calendar {
		if unit = calendarUnit(q.Unit); unit == "" {
			for name, code := range calendarUnits {
				if code == q.Unit && q.System == "" {
					unit = name
				}
			}
		}
	}
	if q.System != "" || unit == "" {
		return Item{}, false, "this unit is no duration that can be added to a date or time"
	}
	if t.Kind == TimeKind && (unit == "year" || unit == "month" || unit == "week" || unit == "day") {
		return Item{}, false, "this unit cannot be added to a time of day"
	}
	moved, ok := t.shifted(q.Value, unit)
	return temporalItem(moved), ok, ""
}

// seconds of the units that have as many always, in nanoseconds.
var nanoseconds = map[string]int64{
	"week": int64(7 * 24 * time.Hour), "day": int64(24 * time.Hour), "hour": int64(time.Hour), "minute": int64(time.Minute),
	"second": int64(time.Second), "millisecond": int64(time.Millisecond),
}

// unitPrecision is what a value must know to be moved by less than its own precision.
var unitPrecision = map[string]Precision{
	"year": Year, "month": Month, "week": Day, "day": Day, "hour": Hour, "minute": Minute, "second": Second, "millisecond": Second,
}

func (t Temporal) shifted(by Decimal, unit string) (Temporal, bool) {
	if unit != "second" && unit != "millisecond" {
		by = by.truncate() // decimals are ignored above seconds
	}
	if unit == "year" || unit == "month" {
		n, ok := by.Int()
		if !ok || n > 1e6 || n < -1e6 {
			return t, false
		}
		return t.addMonths(n * map[string]int64{"year": 12, "month": 1}[unit])
	}
	if t.Precision < unitPrecision[unit] { // a coarser value moves by whole units of its own: years of 365 days, months of 30
		return t.shiftedCoarse(by, unit)
	}
	ns, ok := by.mul(decimalOfInt(nanoseconds[unit]))
	n, ok2 := ns.truncate().Int()
	if !ok || !ok2 {
		return t, false
	}
	days := n / int64(24*time.Hour)
	m := t.time()
	if unit == "week" || unit == "day" {
		if days > 4e6 || days < -4e6 {
			return t, false
		}
		m = m.AddDate(0, 0, int(days))
	} else {
		m = m.Add(time.Duration(n))
	}
	if m.Year() < 1 || m.Year() > 9999 {
		if t.Kind != TimeKind {
			return t, false
		}
	}
	t.setTime(m)
	if t.Digits < 9 { // keep the written precision, unless the sum needs more
		for unit := int(math.Pow10(9 - t.Digits)); t.Precision == Second && t.Nanosecond%unit != 0; unit /= 10 {
			t.Digits++
		}
	}
	return t, true
}

// addMonths keeps the day, or takes the month's last one.
func (t Temporal) addMonths(n int64) (Temporal, bool) {
	if t.Precision == Year {
		n = n / 12 * 12
	}
	total := int64(t.Year)*12 + int64(max(t.Month, 1)-1) + n
	if total < 12 || total >= 12*10000 {
		return t, false
	}
	t.Year = int(total / 12)
	if t.Precision >= Month {
		t.Month = int(total%12) + 1
	}
	if t.Precision >= Day {
		t.Day = min(t.Day, daysIn(t.Year, t.Month))
	}
	return t, true
}

// shiftedCoarse moves a value that is less precise than the unit: by as many whole parts of its precision as the duration has (§6.7).
func (t Temporal) shiftedCoarse(by Decimal, unit string) (Temporal, bool) {
	part := map[Precision]int64{Year: 365 * int64(24*time.Hour), Month: 30 * int64(24*time.Hour), Day: int64(24 * time.Hour),
		Hour: int64(time.Hour), Minute: int64(time.Minute)}[t.Precision]
	ns, ok := by.mul(decimalOfInt(nanoseconds[unit]))
	if !ok {
		return t, false
	}
	whole, _, ok := ns.divMod(decimalOfInt(part))
	if !ok {
		return t, false
	}
	name := map[Precision]string{Year: "year", Month: "month", Day: "day", Hour: "hour", Minute: "minute"}[t.Precision]
	return t.shifted(whole, name)
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
