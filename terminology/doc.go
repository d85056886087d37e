// Package terminology answers what codes mean: which are in a value set, what one is called, what it stands below, what it is in another
// system (FHIR R4, 4.6 to 4.9: CodeSystem, ValueSet, ConceptMap and their operations).
//
// It owns the meaning of code systems, value sets and concept maps that a Source has: value sets are compiled once into sets that are asked
// in tens of nanoseconds. It promises three things.
//
//   - An answer has three values. A code of a system whose content is not here (SNOMED CT, LOINC) is Undecided, never No: whoever validates
//     raises no false alarm. Codes of systems that a grammar defines are judged by it: UCUM, media types (BCP 13), language tags (BCP 47).
//   - What it answers depends on the Source alone; nothing is fetched.
//   - What one question may cost is bounded (Limit* and errors of kind TooCostly).
//
// Imports: ucum, fhir/definition, fhir/tape.
package terminology
