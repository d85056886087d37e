package fhirpath

import "time"

// Environment is what an evaluation can see beside its focus. The zero Environment will do.
type Environment struct {
	// Resource is %resource, RootResource %rootResource: the resource that the focus is in, and the one that contains that. Where they
	// are not set they are the focus, and Resource.
	Resource, RootResource Item

	// Variables are further environment variables by their names, without %.
	Variables map[string][]Item

	// Resolve gives what a reference points at; the zero Item if it is not to be had. References to contained resources do not get here.
	// Without it, and for what it does not find, resolve() gives an item that has a type, as far as the reference tells, and no content:
	// enough for "resolve() is Patient".
	Resolve func(reference string) (Item, error)

	// MemberOf says whether a code, Coding or CodeableConcept is in a value set; known is false where that cannot be told. Without it
	// memberOf() gives nothing.
	MemberOf func(item Item, valueSet string) (is, known bool, err error)

	// Subsumes says whether a code or Coding is the other, or more general. Without it subsumes() and subsumedBy() give nothing.
	Subsumes func(general, special Item) (does, known bool, err error)

	// ConformsTo says whether an item conforms to a profile. It is asked for what is no type of FHIR itself.
	ConformsTo func(item Item, profile string) (does, known bool, err error)

	// Trace is called by trace() with the name and the items, which it must not keep.
	Trace func(name string, items []Item)

	// Now is what now() and today() give; the time of the evaluation if it is zero.
	Now time.Time

	// Limits bound the evaluation.
	Limits Limits
}

// Limits bound what an evaluation may cost. A field that is 0 has its value from DefaultLimits.
type Limits struct {
	Steps int // items visited and compared
	Items int // that are in hand at one time
	Bytes int // of one computed string
}

// DefaultLimits allow what resources of some megabytes need.
var DefaultLimits = Limits{Steps: 8 << 20, Items: 1 << 20, Bytes: 4 << 20}
