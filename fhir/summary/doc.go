// Package summary makes International Patient Summaries (IPS 1.1.0, http://hl7.org/fhir/uv/ips): a document of what of a record another
// clinician has to know first.
//
// It owns which resources go into which section, the text of the sections in English and Arabic, and the Bundle. It promises that the document
// keeps the profile Bundle-uv-ips as far as the resources are valid R4; that a resource is given as it is stored, but for a date, name or birth date that
// IPS demands and that is not recorded: it is marked as absent; that a section which must be there and holds nothing says that there is
// no information, never that there is nothing; and that what a text leaves out is counted in it.
//
// It finds and releases nothing: the gate hands it the resources, and tells it what more to hand over.
//
// Imports: fhir/tape.
package summary
