package fhir

import "math"

// Open ends of a period, in Unix milliseconds.
const (
	Past   int64 = math.MinInt64
	Future int64 = math.MaxInt64
)

// Prefix compares a date asked for with a resource's (FHIR R4, 3.1.1.4.6), by its two letters.
type Prefix string

// The prefixes.
const (
	Equal          Prefix = "eq"
	NotEqual       Prefix = "ne"
	Greater        Prefix = "gt"
	Less           Prefix = "lt"
	GreaterOrEqual Prefix = "ge"
	LessOrEqual    Prefix = "le"
	StartsAfter    Prefix = "sa"
	EndsBefore     Prefix = "eb"
	Approximate    Prefix = "ap"
)

// Holds tells whether the resource's period from lo to hi passes a Date test. Equal means that the period asked for contains
// it whole, and NotEqual that it does not.
func (t *Test) Holds(lo, hi int64) bool {
	switch t.Prefix {
	case Equal:
		return t.Lo <= lo && hi <= t.Hi
	case NotEqual:
		return t.Lo > lo || hi > t.Hi
	case Greater:
		return hi > t.Hi
	case Less:
		return lo < t.Lo
	case GreaterOrEqual:
		return hi > t.Hi || (t.Lo <= lo && hi <= t.Hi)
	case LessOrEqual:
		return lo < t.Lo || (t.Lo <= lo && hi <= t.Hi)
	case StartsAfter:
		return lo > t.Hi
	case EndsBefore:
		return hi < t.Lo
	default: // Approximate: the periods meet; the gate has already widened the one asked for
		return lo <= t.Hi && t.Lo <= hi
	}
}
