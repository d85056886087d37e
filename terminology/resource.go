package terminology

// CodeSystem is a CodeSystem resource, as far as its codes go.
type CodeSystem struct {
	URL, Version, Name, Title, Status string
	Content                           string // complete, fragment, example, not-present, supplement
	CaseSensitive                     bool   // codes that differ in case differ
	Supplements                       string
	Origin                            string // what the Source calls the resource that says this; "" where nobody need be told
	Properties                        []PropertyDefinition
	Concepts                          []Concept // the roots
}

// PropertyDefinition is a property that concepts of a system may have.
type PropertyDefinition struct{ Code, URI, Type string }

// Concept is a concept of a code system, with those below it.
type Concept struct {
	Code, Display, Definition string
	Designations              []Designation
	Properties                []Property
	Concepts                  []Concept
}

// Designation is another name of a concept.
type Designation struct {
	Language string
	Use      Coding
	Value    string
}

// Property is something that is said of a concept. Type is the type of its value as in JSON: "Code", "String", "Boolean", "Integer",
// "DateTime", "Decimal", "Coding".
type Property struct {
	Code, Type string
	Value      string // as JSON has it, without quotes
	Coding     Coding // of Type "Coding"
}

// Coding is a code with its system.
type Coding struct{ System, Version, Code, Display string }

// ValueSet is a ValueSet resource, as far as its codes go.
type ValueSet struct {
	URL, Version, Name, Title, Status string
	NoInactive                        bool // compose.inactive is false
	Include, Exclude                  []Include
	Expansion                         []Contained // of one that has no definition, flat
	Expanded                          bool
	Origin                            string // as in CodeSystem
}

// Contained is a code of an expansion.
type Contained struct {
	Coding
	Abstract, Inactive bool
}

// Include is what a value set takes in, or leaves out.
type Include struct {
	System, Version string
	Concepts        []Listed
	Filters         []Filter
	ValueSets       []string
}

// Listed is a code that a value set names.
type Listed struct {
	Code, Display string
	Designations  []Designation
}

// Filter selects concepts by a property.
type Filter struct{ Property, Op, Value string }

// ConceptMap is a ConceptMap resource.
type ConceptMap struct {
	URL, Version, Name, Status string
	Source, Target             string // value sets, "" for none
	Groups                     []Group
	Origin                     string // as in CodeSystem
}

// Group maps codes of one system to those of another.
type Group struct {
	Source, SourceVersion, Target, TargetVersion string
	Elements                                     []Element
	Unmapped                                     Unmapped
}

// Element maps one code.
type Element struct {
	Code, Display string
	Targets       []Target
}

// Target is what a code is mapped to.
type Target struct {
	Code, Display, Equivalence, Comment string
	DependsOn, Product                  []Dependency
}

// Dependency is an element that a mapping rests on, or that it yields as well.
type Dependency struct{ Property, System, Value, Display string }

// Unmapped is what becomes of codes that a group does not name.
type Unmapped struct{ Mode, Code, Display, URL string }
