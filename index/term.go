package index

import "math"

// Kind is the type of a search parameter (FHIR R4, 3.1.1.4).
type Kind uint8

// The kinds of term. The numbers are stored.
const (
	Token     Kind = 1 // Value is "system|code", "|code" when it has no system
	Reference Kind = 2 // Value is "Type/id" or an absolute URL
	Date      Kind = 3 // Lo and Hi bound the period
	String    Kind = 4
)

// Term is one thing by which a resource can be found.
type Term struct {
	Param  string
	Kind   Kind
	Value  string
	Lo, Hi int64 // Date: Unix milliseconds, both inclusive; Past and Future for an open end
}

// Open ends of a period, in Unix milliseconds.
const (
	Past   int64 = math.MinInt64
	Future int64 = math.MaxInt64
)

// Filter holds when any of its tests does, for any of the resource's terms of that parameter. ParamID (Token, without system) and
// ParamUpdated (Date) need no terms.
type Filter struct {
	Param string
	Or    []string // further parameters whose terms do as well; not for dates
	Kind  Kind
	Any   []Test
}

// The parameters that need no term.
const (
	ParamID      = "_id"
	ParamUpdated = "_lastUpdated"
)

// Test is one value asked for. For dates, Holds says what it means.
type Test struct {
	Form   Form
	Value  string // as in Term; a code alone for AnySystem, a system alone for AnyCode
	Prefix Prefix // Date
	Lo, Hi int64  // Date, as in Term
}

// Form tells how a Test's Value is compared.
type Form uint8

// The forms.
const (
	Exact     Form = 0 // with the whole of Term.Value
	AnySystem Form = 1 // token "code"
	AnyCode   Form = 2 // token "system|"
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

// Holds tells whether the resource's period from lo to hi passes a Date test. Equal means that the period asked for contains it
// whole, and NotEqual that it does not.
func (t *Test) Holds(lo, hi int64) bool {
	inside := t.Lo <= lo && hi <= t.Hi
	switch t.Prefix {
	case Equal:
		return inside
	case NotEqual:
		return !inside
	case Greater:
		return hi > t.Hi
	case Less:
		return lo < t.Lo
	case GreaterOrEqual:
		return hi > t.Hi || inside
	case LessOrEqual:
		return lo < t.Lo || inside
	case StartsAfter:
		return lo > t.Hi
	case EndsBefore:
		return hi < t.Lo
	default: // Approximate: the periods meet; whoever asks has already widened theirs
		return lo <= t.Hi && t.Lo <= hi
	}
}
