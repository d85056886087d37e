// Package canonical finds what resources of the node define under their canonical URLs: code systems, value sets, concept maps and profiles (FHIR R4, 2.1.0.5).
//
// It owns which of them counts. What R4 and packages define comes first: a resource of the node stands under a URL that they do not have, or gives the content
// of a code system that they know by name alone, so that nobody weakens a check by writing a resource. Of the node's own those are used that are active or, where
// none is, draft; of several, the one of the highest version, then the one written last.
//
// It promises three things.
//
//   - What was written is heeded by whoever asks after Tell.
//   - What is kept of definitions is bounded, in number and in bytes (Limit*). Beyond, a definition is as if it were not known: then codes are undecided.
//   - Each answer can say which resources it rests on, by their origins, see Head.
//
// Imports: record, terminology, fhir/validation, fhir/definition, fhir/tape.
package canonical
