package fhir

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// chartOf names the patient whose chart a resource belongs to: a Patient's own, else that of the first patient named where the
// type's table looks (the Patient compartment of R4, the patient it is about before those who took part). "" belongs to none.
func (x *indexer) chartOf(r *resource, id string) string {
	if r.typ == "Patient" {
		return "Patient/" + id
	}
	if r.typ == "Bundle" {
		return x.chartOfDocument(r)
	}
	var chart string
	for _, e := range types[r.typ].chart {
		// termsOf has reported elements of the wrong type; here they merely name nobody.
		_ = each(r.root, e.path, func(v tape.Value) *problem {
			if to := x.target(v, x.base); chart == "" && strings.HasPrefix(to, "Patient/") {
				chart = to
			}
			return nil
		})
		if chart != "" {
			break
		}
	}
	return chart
}

// chartOfDocument names the patient whom a document is about: the subject of its Composition, which is its first entry (FHIR R4, 3.3.1). What the
// subject names inside the document, or below the base that the Composition came from (2.36.4.1), is somebody at another server.
func (x *indexer) chartOfDocument(r *resource) string {
	first := r.root.Get("entry").First()
	composition := first.Get("resource")
	if r.root.Get("type").Text() != "document" || composition.Get("resourceType").Text() != "Composition" {
		return ""
	}
	to := x.target(composition.Get("subject"), x.base)
	origin, _ := restful(first.Get("fullUrl").Text())
	elsewhere := origin != "" && origin != x.base && parseReference(composition.Get("subject").Get("reference").Text()).form == literal
	if !strings.HasPrefix(to, "Patient/") || elsewhere {
		return ""
	}
	return to
}

// compartmentOf says under which of the chart's keys a resource is sealed.
func compartmentOf(r *resource) record.Compartment {
	switch r.typ {
	case "ImagingStudy", "Media":
		return record.Imaging
	case "Medication", "MedicationAdministration", "MedicationDispense", "MedicationKnowledge", "MedicationRequest", "MedicationStatement":
		return record.Medications
	case "MolecularSequence":
		return record.Genomic
	case "Specimen":
		return record.Labs
	case "Observation", "DiagnosticReport":
		return compartmentOfCategory(r.root)
	}
	return record.General
}

// categories are codes of http://terminology.hl7.org/CodeSystem/observation-category and of v2 table 0074.
var categories = func() map[string]record.Compartment {
	of := make(map[string]record.Compartment)
	for compartment, codes := range map[record.Compartment]string{
		record.Labs:    "laboratory LAB CH HM MB BLB SR SP CP TX VR IMM CG MCB MYC",
		record.Imaging: "imaging RAD RUS CT NMR NMS RX VUS CUS",
		record.Genomic: "GE",
	} {
		for code := range strings.FieldsSeq(codes) {
			of[code] = compartment
		}
	}
	return of
}()

func compartmentOfCategory(root tape.Value) record.Compartment {
	found := record.General
	_ = each(root, "category.coding.code", func(v tape.Value) *problem {
		if c, ok := categories[v.Text()]; ok && found == record.General {
			found = c
		}
		return nil
	})
	return found
}
