// Package fhirpath evaluates FHIRPath (http://hl7.org/fhirpath/N1/) on FHIR R4 resources as they stand on a tape: compiled once, evaluated
// without a copy of the document.
//
//	name := fhirpath.MustCompile("name.where(use = 'official').family", fhirpath.Of(definition.TypeOf("Patient")))
//	var run fhirpath.Run // working memory; keep it
//	items, err := name.Evaluate(&run, fhirpath.Node(document.Root()))
//
// An [Item] of the result is a node of the document, with its value, its place in the source and its FHIR type; or a value that was
// computed, of one of the types of the namespace System.
//
// It owns the language: its syntax, types and functions, with those that FHIR R4 adds (https://hl7.org/fhir/R4/fhirpath.html), and
// trim, split, join, encode, escape, sort, lowBoundary, matchesFull, defineVariable and their kind from later versions. It promises:
//
//   - Numbers are decimals with the precision that they are written in, never floating point, but for exp, ln, log, sqrt and power with a
//     broken exponent. Dates are compared as far as both are known, and are otherwise neither equal nor unequal.
//   - An expression that can be seen to be wrong is refused when it is compiled: unknown functions and types, wrong numbers of arguments,
//     operations on types that never fit; with [Strict] also names that are no elements.
//   - Whatever the expression and the document are, an evaluation ends within [Limits]. Regular expressions take linear time.
//   - No error quotes the document or the expression.
//   - An [Expression] is never changed and may be shared; a [Run] serves one evaluation at a time.
//
// What R4 leaves open is decided thus. is() follows the hierarchy of types; as() and ofType() do for complex types, and want primitives to be
// of the very type, as the official tests do. A name that is a type in both namespaces (Quantity) means either. A FHIR Quantity with a unit
// that is not of UCUM compares with its own unit only; one with a comparator is not computed with. Weeks, days, hours, minutes and seconds
// of the calendar equal those of UCUM; months and years do not.
//
// Nothing is fetched: resolve(), memberOf(), subsumes() and conformsTo() ask the functions in [Environment]. Without them resolve() tells at
// least the type that a reference says, so that "resolve() is Patient" works, and conformsTo() knows the types of FHIR itself. There are no
// elementDefinition() and slice(), which need a profile.
//
// Imports: fhir/definition, fhir/tape, ucum.
package fhirpath
