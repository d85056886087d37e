package fhir

import (
	"maps"
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
	var chart string
	switch r.typ {
	case "Bundle":
		return x.chartOfDocument(r)
	case "Binary": // it is as sensitive as what it is the content of (FHIR R4, 2.31.3)
		if to := x.target(r.root.Get("securityContext"), x.base); strings.HasPrefix(to, "Patient/") {
			chart = to
		}
		return chart
	}
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

// compartmentOf says under which of the chart's keys a resource is sealed: by its sensitivity labels, else by its type, and results by their
// category. A stored Bundle is as sensitive as what it holds.
func compartmentOf(r *resource) record.Compartment {
	c := sensitivityOf(r.root.Get("meta"))
	if r.typ == "Bundle" {
		_ = each(r.root, "entry.resource.meta", func(meta tape.Value) *problem {
			c = graver(c, sensitivityOf(meta))
			return nil
		})
	}
	if c != record.General {
		return c
	}
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
		return firstOf(r.root, "category.coding", categories)
	}
	return record.General
}

// sensitivityOf says which compartment the labels of a resource ask for (meta.security; FHIR R4, 6.1.1): if several, always the same one of them,
// whatever their order. A degree of confidentiality, such as R, names none.
func sensitivityOf(meta tape.Value) record.Compartment {
	c := record.General
	_ = each(meta, "security", func(label tape.Value) *problem {
		c = graver(c, sensitivities[codedOf(label)])
		return nil
	})
	return c
}

// graver gives the compartment that comes first of those that labels ask for. The zero one is none.
func graver(a, b record.Compartment) record.Compartment {
	for _, c := range []record.Compartment{record.Mental, record.Sexual, record.Genomic} {
		if a == c || b == c {
			return c
		}
	}
	return record.General
}

// coded is a code and the system that gives it its meaning: without that, or in another, it is somebody else's code.
type coded struct{ system, code string }

func codedOf(v tape.Value) coded { return coded{v.Get("system").Text(), v.Get("code").Text()} }

func firstOf(root tape.Value, path string, of map[coded]record.Compartment) record.Compartment {
	found := record.General
	_ = each(root, path, func(v tape.Value) *problem {
		if c, ok := of[codedOf(v)]; ok && found == record.General {
			found = c
		}
		return nil
	})
	return found
}

// codings are the codes of some systems, with the compartment that they put a resource into.
func codings(systems string, codes map[record.Compartment]string) map[coded]record.Compartment {
	of := make(map[coded]record.Compartment)
	for system := range strings.FieldsSeq(systems) {
		for compartment, list := range codes {
			for code := range strings.FieldsSeq(list) {
				of[coded{system, code}] = compartment
			}
		}
	}
	return of
}

// categories are those of results, by the systems that R4 names for them and the names these had before.
var categories = func() map[coded]record.Compartment {
	of := codings("http://terminology.hl7.org/CodeSystem/v2-0074 http://hl7.org/fhir/v2/0074", map[record.Compartment]string{
		record.Labs:    "LAB CH HM MB BLB SR SP CP TX VR IMM CG MCB MYC",
		record.Imaging: "RAD RUS CT NMR NMS RX VUS CUS",
		record.Genomic: "GE",
	})
	maps.Copy(of, codings("http://terminology.hl7.org/CodeSystem/observation-category http://hl7.org/fhir/observation-category", map[record.Compartment]string{
		record.Labs: "laboratory", record.Imaging: "imaging",
	}))
	return of
}()

// sensitivities are the labels of v3-ActCode, InformationSensitivityPolicy, that have a compartment: behavioural health with addiction and
// disability; sexuality, pregnancy, what is transmitted or done to somebody that way; what is inherited.
var sensitivities = codings("http://terminology.hl7.org/CodeSystem/v3-ActCode http://hl7.org/fhir/v3/ActCode", map[record.Compartment]string{
	record.Mental:  "BH MH PSY PSYTHPN COGN DVD EMOTDIS SUD ETH ETHUD OPIOIDUD",
	record.Sexual:  "SEX HIV STD SDV MST PREGNANT",
	record.Genomic: "GDIS SCA SICKLE",
})
