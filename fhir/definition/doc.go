// Package definition knows what FHIR R4 (4.0.1) defines: the elements of every type, search parameters, value sets, code systems and
// concept maps, and those of packages that were added to it.
//
// TypeOf, ResourceTypes, SearchParameters and CompartmentOf are the ways into R4, compiled at the first use. A Registry has besides, as
// reduced JSON, profiles, extensions, value sets, code systems and concept maps: those of R4 (Base) and of packages (ReadPackage).
//
// It owns the pack, a compressed file that a generator makes from HL7's official files, whose SHA-256 it checks, and that is part of the
// program; and the form in which packages (https://hl7.org/fhir/R4/packages.html) are read beside it. It promises that nothing is ever
// fetched from a network, that what it gives is never changed once given, and that what nobody asks for is not decoded.
//
// It interprets nothing: package validation checks resources by it, fhir/search finds by it, terminology expands by it.
//
// Imports: fhir/tape.
package definition
