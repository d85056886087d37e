// Package match tells whether two descriptions of a patient are of one person, as master patient indexes do (FHIR R4, Patient/$match).
//
// It owns what is compared, the weights, the grades, and the searches by which candidates are found. It promises that a comparison depends on the two
// descriptions alone and is the same both ways; that names are compared as they are written in Arabic and in Latin letters, in four parts or fewer, in any order;
// that a grade of certain needs more than a name and a birth date that agree, and that nothing contradicts it; and that the number of
// searches, and what each may find, is bounded whatever is asked.
//
// It finds and releases nothing: the gate asks the record, under the caller's policy.
//
// Imports: fhir/search for how names are folded and keyed, fhir/tape, index/term.
package match
