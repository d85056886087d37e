// Package patch changes resources as patches say: JSON Patch (RFC 6902), FHIRPath Patch (FHIR R4, 3.1.0.8) and XML Patch (RFC 5261).
//
// It owns the rules of the three, and a document that is changed where it stands: what a patch does not touch keeps its bytes, the digits of
// decimals among them. Each patch is applied as a whole or not at all. It promises to end: operations, the size of the result and the work
// that it takes are bounded.
//
// Errors are an *Error of one of three kinds: the patch is malformed, it cannot be applied to this resource, or a test that it asks for
// failed. They name the operation and repeat nothing of the resource. That what comes out is a valid resource is the gate's to check.
//
// Imports: fhir/definition, fhir/tape, fhir/xml, fhirpath.
package patch
