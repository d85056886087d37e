package term

// Query asks for the current resources of a type that fulfil all clauses.
type Query struct {
	Type string
	All  []Clause
	Sort []Sort // beyond these, and without any, in the order in which resources came
}

// Clause holds when any of its tests does, for any of the resource's terms of that parameter (FHIR R4, 3.1.1.3: the values that commas
// separate). Negated, it holds when none does, a resource without the parameter included.
type Clause struct {
	Param string
	Or    []string // further parameters whose terms do as well
	Kind  Kind
	Not   bool
	Any   []Test

	Chain []Query // the resource holds a reference under Param to one that any of these finds, each of another type: Any is empty
	Has   *Has    // one that refers to the resource is found: Param and Any are empty
	Here  string  // with Chain or Has: own URL of the server, by which references may name what is here too; "" when it is not known

	Canonical bool // with Chain or Has: references may be by canonical URL, see ParamCanonical
}

// MaxTests bounds the tests of a clause. A search that has more is refused as too costly; whoever has more to look for does it in parts.
const MaxTests = 500

// Has is a reverse chain: a resource found by Query refers to the one looked for under Param.
type Has struct {
	Param string
	Query Query
}

// The parameters that need no term: every resource has them.
const (
	ParamID      = "_id"          // Token, without system
	ParamUpdated = "_lastUpdated" // Date
)

// ParamCanonical is what a resource with a canonical URL has under its names, of Kind Reference: "url|", and "url|version" if it has a version. A reference by
// canonical URL has the one that it means: any version, or this one (FHIR R4, 2.1.0.5).
const ParamCanonical = "_canonical"

// Test is one value asked for.
type Test struct {
	Form   Form
	System string
	Code   string
	Value  string
	Folded string
	Of     string
	Prefix Prefix // Date, Number, Quantity
	Lo, Hi int64
	Low    float64
	High   float64

	Canonical *Canonical
	Parts     []Test // Composite
	Kind      Kind   // of a composite's part; 0 for whatever it may be, which takes longer
}

// Form tells what of a term is compared, and how.
type Form uint8

// The forms. Which go with a kind is said there; others hold for nothing.
const (
	Exact      Form = iota // Token: System and Code, "" meaning none; Quantity: the same of its unit, both "" for any; Reference, URI: Value; String: Value, as it stands
	AnySystem              // Token: Code alone; Reference: of the identifier in it; Quantity: Code, or Unit
	AnyCode                // Token: System alone; Reference: of the identifier in it
	Begins                 // String: Folded begins so; Text: there are words that begin so, each (see TextLength)
	Contains               // String: Folded contains it
	Above                  // URI: the term is a path to Value, or Value itself
	Below                  // URI: Value is a path to the term, or the term itself
	Identifier             // Reference: System and Code of the identifier in it
	OfType                 // Token: Of and Code
	IDOnly                 // Reference: Value is the id alone, whatever the type, of a resource here
	Absent                 // Missing: there is no value
)

// Prefix compares what is asked for with what a resource has (FHIR R4, 3.1.1.4.6), by its two letters.
type Prefix string

// The prefixes. The zero Prefix is Equal.
const (
	Equal          Prefix = "eq"
	NotEqual       Prefix = "ne"
	Greater        Prefix = "gt"
	Less           Prefix = "lt"
	GreaterOrEqual Prefix = "ge"
	LessOrEqual    Prefix = "le"
	StartsAfter    Prefix = "sa"
	EndsBefore     Prefix = "eb"
	Approximate    Prefix = "ap" // whoever asks has widened Lo, Hi, Low and High already
)

// Sort orders by a parameter: by its least value ascending, its greatest descending; resources without it come last.
type Sort struct {
	Param      string
	Kind       Kind
	Descending bool
}
