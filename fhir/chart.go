package fhir

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// chartOf names the patient whose chart a resource belongs to: a Patient's own, else that of the first patient named where the
// type's table looks (the Patient compartment of R4, the patient it is about before those who took part). "" belongs to none.
func (x *indexer) chartOf(r *resource, id string) string {
	if r.typ == "Patient" {
		return "Patient/" + id
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

// compartmentOf says under which of the chart's keys a resource is sealed.
func compartmentOf(r *resource) Compartment {
	switch r.typ {
	case "ImagingStudy", "Media":
		return Imaging
	case "Medication", "MedicationAdministration", "MedicationDispense", "MedicationKnowledge", "MedicationRequest", "MedicationStatement":
		return Medications
	case "MolecularSequence":
		return Genomic
	case "Specimen":
		return Labs
	case "Observation", "DiagnosticReport":
		return compartmentOfCategory(r.root)
	}
	return General
}

// categories are codes of http://terminology.hl7.org/CodeSystem/observation-category and of v2 table 0074.
var categories = map[string]Compartment{
	"laboratory": Labs,
	"LAB":        Labs, "CH": Labs, "HM": Labs, "MB": Labs, "BLB": Labs, "SR": Labs, "SP": Labs, "CP": Labs, "TX": Labs, "VR": Labs, "IMM": Labs, "CG": Labs, "MCB": Labs, "MYC": Labs,
	"imaging": Imaging,
	"RAD":     Imaging, "RUS": Imaging, "CT": Imaging, "NMR": Imaging, "NMS": Imaging, "RX": Imaging, "VUS": Imaging, "CUS": Imaging,
	"GE": Genomic,
}

func compartmentOfCategory(root tape.Value) Compartment {
	found := General
	_ = each(root, "category.coding.code", func(v tape.Value) *problem {
		if c, ok := categories[v.Text()]; ok && found == General {
			found = c
		}
		return nil
	})
	return found
}
