package definition

// Structure is a type of FHIR: a resource, a data type, a primitive type, or what is defined inside one ("Observation.component"). It is never
// changed once it was given out, so that pointers to it and to its elements may be kept and compared.
//
// A primitive type's elements are id and extension; its value is none of them.
type Structure struct {
	Name       string     // "Observation", "Quantity", "string", "Observation.component"
	URL        string     // canonical; "" for a Backbone
	Base       *Structure // nil for Element and Resource
	Kind       Kind
	Abstract   bool
	Elements   []Element   // inherited ones first, in the order of the snapshot, which is that of XML
	Invariants []Invariant // all that each value of the type keeps, inherited ones and those stated where a Backbone is defined included
	Pattern    string      // Primitive: the regular expression of its lexical form, "" for none

	names nameTable
}

// Kind is what a Structure is.
type Kind uint8

// The kinds.
const (
	Primitive Kind = iota + 1
	Complex        // a data type with elements
	Backbone       // defined inside another type
	Resource
)

// Element is one of a structure's elements.
type Element struct {
	Name       string // "status", "value" for value[x]
	Choice     bool   // value[x]: in JSON and XML its name ends in the type's
	Min        int
	Max        int // Many for *
	Types      []Type
	Binding    *Binding
	Invariants []Invariant // those stated on the element, without those of its types
	Summary    bool        // part of _summary=true
	Modifier   bool
	Attribute  bool // in XML an attribute: id, url of an extension

	json []string // Choice: its names in JSON and XML, one for each of Types
}

// Many is the Max of an element that may stand any number of times.
const Many = -1

// Type is one of the types that an element's values may have.
type Type struct {
	Code     string     // "CodeableConcept", "Reference", "string", "Resource"
	Of       *Structure // what that is; the backbone for BackboneElement and Element, Resource for any resource
	Targets  []string   // Reference, canonical: canonical URLs of what may be pointed at; none: anything
	Profiles []string   // canonical URLs of profiles of which values keep one, such as SimpleQuantity
}

// Binding ties an element's codes to a value set.
type Binding struct {
	Strength string // required, extensible, preferred, example
	ValueSet string // canonical URL, maybe with |version
	Max      string // the same, of the value set that an extensible binding may not go beyond; "" for none
}

// Invariant is a rule that every value of an element or a type keeps.
type Invariant struct {
	Key        string // "obs-7"
	Severity   string // error, warning
	Human      string
	Expression string // FHIRPath; "" for those that only people can check
}

// SearchParameter says by what resources are found.
type SearchParameter struct {
	URL, Name, Code string
	Base            []string // types that it is of; Resource and DomainResource stand for all
	Type            string   // token, reference, date, string, number, quantity, uri, composite, special
	Expression      string   // FHIRPath; "" for special ones
	Target          []string // types that a reference may point at
	Components      []Component
	Description     string
}

// Compartment says which resources are of one that they surround: a patient, an encounter, … (CompartmentDefinition).
type Compartment struct {
	Type   string              // Patient, Encounter, Practitioner, RelatedPerson, Device
	Params map[string][]string // type → codes of its search parameters that put it into the compartment; "{def}": the resource itself
}

// Component is a part of a composite parameter.
type Component struct {
	Definition string // canonical URL of the parameter
	Expression string // relative to each value of the composite's
}
