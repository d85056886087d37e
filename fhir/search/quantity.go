package search

import (
	"math"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// takeNumber adds a number as itself: how exactly it is meant counts on the side of what is asked.
func takeNumber(x *extraction, l *leaf, v tape.Value) {
	if n, ok := x.number(v); ok {
		x.add(l, term.Term{Low: n, High: n})
	}
}

func (x *extraction) number(v tape.Value) (float64, bool) {
	if v.Kind() != tape.Number {
		return 0, false
	}
	n, err := strconv.ParseFloat(x.lexeme(v), 64)
	return n, err == nil
}

// takeQuantity adds a Quantity. One with a comparator stands for all that it may be.
func takeQuantity(x *extraction, l *leaf, v tape.Value) {
	m := x.measureOf(v)
	if !m.known {
		return
	}
	low, high := m.value, m.value
	switch m.comparator {
	case "<", "<=":
		low = math.Inf(-1)
	case ">", ">=":
		high = math.Inf(1)
	}
	x.measured(l, low, high, &m)
}

// measure is a Quantity's members.
type measure struct {
	value                          float64
	known                          bool // there is a value
	comparator, system, code, unit string
}

func (x *extraction) measureOf(v tape.Value) (q measure) {
	if v.Kind() != tape.Object {
		return q
	}
	for m := v.First(); m.Exists(); m = m.Next() {
		switch string(m.NameBytes()) {
		case "value":
			q.value, q.known = x.number(m)
		case "comparator":
			q.comparator = x.text(m)
		case "system":
			q.system = x.text(m)
		case "code":
			q.code = x.text(m)
		case "unit":
			q.unit = x.text(m)
		}
	}
	return q
}

// measured adds a range with the unit that a Quantity has, and the same in base units.
func (x *extraction) measured(l *leaf, low, high float64, of *measure) {
	t := x.next(l.param.Code, l.param.Kind)
	t.Low, t.High, t.System, t.Code, t.Unit = low, high, of.system, of.code, of.unit
	t.Canonical = x.canonical(quantity{of.system, of.code, low, high})
}

// takeRange adds a Range; an end that is missing is open. Its ends have the same unit (FHIR R4, rng-2).
func takeRange(x *extraction, l *leaf, v tape.Value) {
	low, high := x.measureOf(v.Get("low")), x.measureOf(v.Get("high"))
	from, to, of := low.value, high.value, &low
	if !low.known {
		from, of = math.Inf(-1), &high
	}
	if !high.known {
		to = math.Inf(1)
	}
	if !low.known && !high.known || from > to {
		return
	}
	if l.param.Kind == term.Number {
		x.add(l, term.Term{Low: from, High: to})
		return
	}
	x.measured(l, from, to, of)
}

// takeMoney adds an amount; its currency is the code (FHIR R4, 3.1.1.4.11).
func takeMoney(x *extraction, l *leaf, v tape.Value) {
	if n, ok := x.number(v.Get("value")); ok {
		t := term.Term{Low: n, High: n}
		if currency := x.text(v.Get("currency")); currency != "" {
			t.System, t.Code = "urn:iso:std:iso:4217", currency
		}
		x.add(l, t)
	}
}

// takeSampled adds the range that sampled data go through: each of the numbers is multiplied by the factor and added to the origin.
// E, U and L stand for an error and for what was above or below the limits.
func takeSampled(x *extraction, l *leaf, v tape.Value) {
	origin := x.measureOf(v.Get("origin"))
	if !origin.known {
		return
	}
	factor, ok := x.number(v.Get("factor"))
	if !ok {
		factor = 1
	}
	low, high := math.Inf(1), math.Inf(-1)
	for field := range strings.FieldsSeq(x.text(v.Get("data"))) {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			continue
		}
		n = n*factor + origin.value
		low, high = min(low, n), max(high, n)
	}
	if low <= high {
		x.measured(l, low, high, &origin)
	}
}
