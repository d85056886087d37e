package fhirpath

import (
	"math"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/ucum"
)

// conversionFunctions are those of FHIRPath N1, §5.5.
var conversionFunctions = map[string]*function{
	"toBoolean":          {result: alwaysBoolean, eval: convert(toBoolean)},
	"convertsToBoolean":  {result: alwaysBoolean, eval: converts(toBoolean)},
	"toInteger":          {result: alwaysInteger, eval: convert(toInteger)},
	"convertsToInteger":  {result: alwaysBoolean, eval: converts(toInteger)},
	"toDecimal":          {result: alwaysDecimal, eval: convert(toDecimal)},
	"convertsToDecimal":  {result: alwaysBoolean, eval: converts(toDecimal)},
	"toString":           {result: alwaysString, eval: convert(toString)},
	"convertsToString":   {result: alwaysBoolean, eval: converts(toString)},
	"toDate":             {result: always(DateKind), eval: convert(toDate)},
	"convertsToDate":     {result: alwaysBoolean, eval: converts(toDate)},
	"toDateTime":         {result: always(DateTimeKind), eval: convert(toDateTime)},
	"convertsToDateTime": {result: alwaysBoolean, eval: converts(toDateTime)},
	"toTime":             {result: always(TimeKind), eval: convert(toTime)},
	"convertsToTime":     {result: alwaysBoolean, eval: converts(toTime)},
	"toQuantity":         {max: 1, result: always(QuantityKind), eval: convert(toQuantity)},
	"convertsToQuantity": {max: 1, result: alwaysBoolean, eval: converts(toQuantity)},
}

func always(k Kind) func(static, []static) static {
	return func(static, []static) static { return systemType(k) }
}

// conversion gives what an item becomes, if it can be converted. unit is the argument, or "".
type conversion func(it *Item, unit string) (Item, bool)

func convert(to conversion) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		result, ok, err := r.converted(n, in, to)
		if ok {
			r.push(result)
		}
		return err
	}
}

func converts(to conversion) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		_, ok, err := r.converted(n, in, to)
		if err == nil && in.len() > 0 {
			r.push(Boolean(ok))
		}
		return err
	}
}

func (r *Run) converted(n *call, in span, to conversion) (result Item, ok bool, err error) {
	it, err := r.only(in, n.at)
	if err != nil || it == nil {
		return Item{}, false, err
	}
	one, unit := *it, ""
	if len(n.args) > 0 {
		if unit, ok, err = r.stringArgument(n, 0); err != nil || !ok {
			return Item{}, false, err
		}
	}
	result, ok = to(&one, unit)
	return result, ok, nil
}

func toBoolean(it *Item, _ string) (Item, bool) {
	if b, ok := it.boolean(); ok {
		return Boolean(b), true
	}
	if d, ok := it.decimal(); ok {
		n, whole := d.Int()
		return Boolean(n == 1), whole && (n == 0 || n == 1)
	}
	s, _ := it.str()
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1", "1.0":
		return Boolean(true), true
	case "false", "f", "no", "n", "0", "0.0":
		return Boolean(false), true
	}
	return Item{}, false
}

func toInteger(it *Item, _ string) (Item, bool) {
	if n, ok := it.integer(); ok {
		return Integer(n), true
	}
	if b, ok := it.boolean(); ok {
		return Boolean(b).asInteger(), true
	}
	s, ok := it.str()
	if !ok {
		return Item{}, false
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return Integer(n), err == nil
}

// asInteger is 1 for true, 0 for false.
func (it Item) asInteger() Item { return Integer(it.number) }

func toDecimal(it *Item, _ string) (Item, bool) {
	if d, ok := it.decimal(); ok {
		return decimalItem(d), true
	}
	if b, ok := it.boolean(); ok {
		d, _ := decimalOfInt(Boolean(b).number).rescale(1)
		return decimalItem(d), true
	}
	if s, ok := it.str(); ok && !strings.ContainsAny(s, "eE") {
		d, ok := parseDecimal(s)
		return decimalItem(d), ok
	}
	return Item{}, false
}

func toString(it *Item, _ string) (Item, bool) {
	if it.kind == typeInfoKind {
		return Item{}, false
	}
	b, ok := it.AppendText(nil)
	return String(string(b)), ok
}

// moment is the date or the time on a date that an item is, or that its text says.
func moment(it *Item) (t Temporal, ok bool) {
	if t, ok = it.temporal(); !ok {
		if s, isText := it.str(); isText {
			t, ok = parseDateTime(s)
		}
	}
	return t, ok && t.Kind != TimeKind
}

func toDate(it *Item, _ string) (Item, bool) {
	t, ok := moment(it)
	if !ok {
		return Item{}, false
	}
	t.cut(min(t.Precision, Day))
	t.Kind = DateKind
	return temporalItem(t), true
}

func toDateTime(it *Item, _ string) (Item, bool) {
	t, ok := moment(it)
	if !ok {
		return Item{}, false
	}
	t.Kind = DateTimeKind
	return temporalItem(t), true
}

func toTime(it *Item, _ string) (Item, bool) {
	t, ok := it.temporal()
	if !ok {
		if s, isText := it.str(); isText {
			t, ok = parseTime(strings.TrimPrefix(s, "T"))
		}
	}
	return temporalItem(t), ok && t.Kind == TimeKind
}

func toQuantity(it *Item, unit string) (Item, bool) {
	q, ok := it.asQuantity()
	if !ok {
		if b, isBool := it.boolean(); isBool {
			q, ok = Quantity{Value: decimalOfInt(Boolean(b).number), Unit: "1"}, true
		} else if s, isText := it.str(); isText {
			q, ok = parseQuantity(s)
		}
	}
	if !ok {
		return Item{}, false
	}
	if unit != "" {
		if q, ok = q.in(unit); !ok {
			return Item{}, false
		}
	}
	return quantityItem(q), true
}

// parseQuantity reads a quantity as toString() writes it: 4 days, 4.0 'mg', 5.
func parseQuantity(s string) (Quantity, bool) {
	end := 0
	for end < len(s) && (isDigit(s[end]) || strings.IndexByte("+-.", s[end]) >= 0) {
		end++
	}
	value, ok := parseDecimal(s[:end])
	if !ok {
		return Quantity{}, false
	}
	unit := strings.TrimLeft(s[end:], " \t\r\n")
	switch n := len(unit); {
	case n == 0:
		return Quantity{Value: value, Unit: "1"}, end == len(s)
	case n > 2 && unit[0] == '\'' && unit[n-1] == '\'':
		return Quantity{Value: value, Unit: unit[1 : n-1]}, true
	}
	word := calendarUnit(unit)
	return Quantity{Value: value, Unit: word, Calendar: true}, word != "" && len(unit) < len(s[end:])
}

// in gives q in another unit: of UCUM, or a word of the calendar.
func (q Quantity) in(unit string) (Quantity, bool) {
	to := Quantity{Unit: unit}
	if word := calendarUnit(unit); word != "" {
		to.Unit, to.Calendar = word, true
	}
	if q.Unit == to.Unit && q.Calendar == to.Calendar && q.System == "" {
		return q, true
	}
	a, ok1 := q.ucumUnit()
	b, ok2 := to.ucumUnit()
	if !ok1 || !ok2 {
		return q, false
	}
	v, err := ucum.Convert(q.Value.Rat(), a, b)
	if err != nil {
		return q, false
	}
	var ok bool
	to.Value, ok = decimalOfRat(v, divisionScale)
	return to, ok
}

// whole gives an integer, if it fits.
func whole(d Decimal) (Item, bool) {
	n, ok := d.Int()
	return Integer(n), ok && n >= math.MinInt32 && n <= math.MaxInt32
}
