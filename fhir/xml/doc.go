// Package xml turns FHIR's XML into its JSON and back (FHIR R4, 2.6.1), by what the definitions say of each type.
//
// It owns the reading of XML: the well-formed documents of XML 1.0 with namespaces, in UTF-8, and of those none with a document type
// declaration, so that there are no entities but the five of XML and nothing is ever fetched or expanded; within limits on size, depth,
// nodes and attributes. A Document keeps the positions of all its nodes, comments too, so that it can be changed where it stands
// (package fhir/patch does).
//
// ToJSON and FromJSON promise that nothing is lost that FHIR gives a meaning to: decimals keep their digits, primitive elements their
// ids and extensions, narratives every byte. Comments and processing instructions outside of narratives are dropped. What FHIR does not
// define is refused with its path, line and column; an error quotes nothing of what a document says.
//
// It checks what the other form needs to be known and no more: the forms of dates, codes and the like are the gate's to check, by the JSON.
//
// Imports: fhir/definition, fhir/tape.
package xml
