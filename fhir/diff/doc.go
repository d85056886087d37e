// Package diff says how one form of a resource differs from another, as a FHIRPath Patch (https://hl7.org/fhir/R4/fhirpatch.html): operations
// that, done one after the other on the first, make the second of it.
//
// It owns the comparison. It promises that members' order and white space make no difference and that numbers are compared by their digits:
// 1.0 is not 1.00. What the server sets (meta.versionId, meta.lastUpdated) is left out. Lists are compared from both ends; what lies between
// is compared item by item.
//
// Imports: fhir/definition, fhir/tape.
package diff
