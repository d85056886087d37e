// Package validation tells whether a document is a valid FHIR R4 (4.0.1) resource, and whether it keeps profiles.
//
// It owns the question. Checked are: the form (no unknown elements, the right JSON types, primitive values of their lexical form, one type of
// a choice, nothing empty), what is required and how often things may stand, codes against the value sets that are required for them,
// invariants, what references point at, contained resources, narratives, extensions' URLs, Bundles; and of profiles (StructureDefinitions with
// a snapshot) cardinality, types, fixed values and patterns, slices, bindings, invariants, profiles of values and of what is referred to. What
// is wrong is an Issue: the element as FHIRPath names it, line and column, and a text that quotes no content.
//
// It promises no false alarm: what cannot be told from the document and from what is known here is no error. Such are codes of code systems
// that are not at hand, profiles that are not known, references that lead elsewhere, an invariant without a result.
//
// A type is made ready (plan) when it is first met, its invariants are compiled when the first value has to keep them. Those that every
// element keeps, ele-1, ext-1, ref-1, dom-2 to dom-5, are written out here (rules.go), all others are the FHIRPath that FHIR publishes, but for
// errata. A resource in order costs few allocations, whatever its size.
//
// Imports: fhir/definition (what R4 defines), fhirpath, terminology, fhir/tape.
package validation
