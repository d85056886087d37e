// Package shape knows what FHIR R4 (4.0.1) resources look like: which elements each type has, of which types these are, and how often they
// may stand there.
//
// It owns the question whether a JSON document has the form of a resource: no unknown elements, the right JSON type everywhere, primitive
// values of their lexical form (https://hl7.org/fhir/R4/datatypes.html, https://hl7.org/fhir/R4/json.html), one type of a choice element,
// nothing empty. It goes into contained resources, those of Bundles, extensions, and the companions of primitive elements ("_birthDate").
// It says nothing of what is required, bound to a value set or constrained by a profile: that builds upon it.
//
// What it knows stands in r4.txt, generated from the official definitions and read at the first use. Each line is a type, its base, and its
// own elements:
//
//	Observation<DomainResource … status:code value[x]:Quantity|string … component*Observation.component
//
// with ":" before the type of an element that stands once and "*" for a list. A check of a document in order allocates nothing.
//
// Imports: fhir/tape.
package shape
