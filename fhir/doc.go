// Package fhir is the FHIR R4 (4.0.1) gate: HTTP and JSON outside, Store calls inside.
//
// It owns the wire: routes, headers, what is checked before a write, Bundles, search strings, OperationOutcome, the AuditEvent view of the
// ledger's entries. It decides nothing about access (Authorizer) and keeps nothing (Store). It promises:
//
//   - What is stored is what was received, byte for byte; what is served differs from it only in id, meta.versionId,
//     meta.lastUpdated and references that had to be resolved, each spliced in at its place (edits.go).
//   - A write is answered only once it is durable, and says by the header Sijil-Ack whether it is in a block already.
//   - Every request that is refused leaves an entry (Store.Refuse) and is answered with an OperationOutcome that names the
//     element, and the line and column where they are known. Its texts quote no content.
//   - Sizes, depth, counts and waiting are bounded (Limits).
//
// Imports: record (what it answers and with which errors; store.go says which of it the gate needs), index (the vocabulary of searches), verify,
// fhir/tape, fhir/validation, terminology with fhir/definition (codes). The policy reaches it through Authorizer.
package fhir
