package term

import "math"

// Kind is the type of a search parameter (FHIR R4, 3.1.1.4).
type Kind uint8

// The kinds of term. The numbers are stored.
const (
	Token     Kind = 1  // System, Code
	Reference Kind = 2  // Value: "Type/id", "Type/id/_history/v" or an absolute URL; and System, Code: of the identifier in it
	Date      Kind = 3  // Lo, Hi
	String    Kind = 4  // Value as it stands; Folded
	Number    Kind = 5  // Low, High
	Quantity  Kind = 6  // Low, High, System, Code, Unit; and the same in canonical units, as Canonical
	URI       Kind = 7  // Value
	Composite Kind = 8  // Parts
	Text      Kind = 9  // Folded: words, of the narrative or of all content; also what `:text` looks at in tokens and references
	Missing   Kind = 10 // the resource has no value of the parameter at all
)

// Term is one value of a parameter that a resource has.
type Term struct {
	Param  string
	Kind   Kind
	System string // "" for none
	Code   string
	Unit   string // Quantity: the unit as people write it
	Value  string
	Folded string // text without case, accents and spellings that mean the same; words are separated by single blanks
	Of     string // Token: "system|code" of an identifier's type, for :of-type; see Identifier.type

	Lo, Hi    int64   // Date: Unix milliseconds, both inclusive; Past and Future for an open end
	Low, High float64 // Number, Quantity: equal but for ranges; infinite for an open end

	Canonical *Canonical // Quantity: nil where its unit is not of UCUM
	Parts     []Term     // Composite: one of each component, in the order of the definition
}

// Canonical is a quantity in the base units of UCUM.
type Canonical struct {
	Low, High float64
	Unit      string
}

// Open ends of a period, in Unix milliseconds.
const (
	Past   int64 = math.MinInt64
	Future int64 = math.MaxInt64
)

// Size is about what a term takes in memory, in bytes.
func (t *Term) Size() int {
	n := 200 + len(t.Value) + len(t.Folded) // the others are mostly parts of texts that are there anyway
	for i := range t.Parts {
		n += t.Parts[i].Size()
	}
	return n
}
