// Package term is the vocabulary of searches: by what a resource is found (Term), and what is asked for (Query).
//
// It owns what it means that a resource's terms pass a test (Test.Holds), a clause (Clause.Holds) and a query (Find), and how resources are
// ordered (Sort.Key): the specification that every index is held to. It knows nothing of FHIR's JSON, of URLs or of how terms are stored: the gate
// makes terms and queries, the index answers them.
//
// Imports: nothing of ours.
package term
