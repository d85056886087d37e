package search

import (
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// taker adds the terms of one value. A value of another JSON type than FHIR gives the element adds none.
type taker func(x *extraction, l *leaf, v tape.Value)

// takers by kind and the FHIR type of the values (FHIR R4, 3.1.1.4). Types that are derived from one here are taken as that.
var takers = map[term.Kind]map[string]taker{
	term.Token: {
		"Coding": takeCoding, "CodeableConcept": takeConcept, "Identifier": takeIdentifier, "ContactPoint": takeContact,
		"boolean": takePlain, "string": takePlain, "uri": takePlain, "code": takePlain, "integer": takePlain,
	},
	term.Reference: {
		"Reference": takeReference, "canonical": takeCanonical, "uri": takeURI, "Attachment": takeAttachment, "Resource": takeResource,
	},
	term.Date: {
		"date": takeDate, "dateTime": takeDate, "instant": takeDate, "Period": takePeriod, "Timing": takeTiming,
	},
	term.String: {
		"string": takeString, "markdown": takeString, "HumanName": takeName, "Address": takeAddress, "CodeableConcept": takeConceptText,
	},
	term.Number: {
		"integer": takeNumber, "decimal": takeNumber, "Range": takeRange,
	},
	term.Quantity: {
		"Quantity": takeQuantity, "Money": takeMoney, "Range": takeRange, "SampledData": takeSampled, "decimal": takeNumber,
	},
	term.URI: {
		"uri": takeURI, "canonical": takeCanonical, "url": takeURI, "oid": takeURI, "uuid": takeURI,
	},
}

// takerOf finds who takes values at a place; nil if the parameter can make nothing of them.
func takerOf(kind term.Kind, at cursor) taker {
	of := takers[kind]
	if t := of[at.code]; t != nil {
		return t
	}
	for s := at.of; s != nil; s = s.Base {
		if t := of[s.Name]; t != nil {
			return t
		}
	}
	return nil
}
