// Package search is FHIR's search (FHIR R4, 3.1.1): by what a resource is found, and what a search string asks for.
//
// It owns the search parameters, compiled for one type of resource when that is first met; the terms that a resource gives (Type.Terms);
// and the reading of search strings (Parse), which gives queries in the vocabulary of package term, and what the gate does besides: pages,
// includes, summaries. It promises that the same resource always gives the same terms, that an element of the wrong type gives none and
// ends nothing, that what it does not know of a search is an error that names it and quotes no value, and that what a search may cost is bounded.
//
// It neither stores nor finds anything: the index keeps terms and answers queries.
//
// Imports: fhirpath for expressions that are no plain paths, fhir/definition, ucum, fhir/tape, index/term.
package search
