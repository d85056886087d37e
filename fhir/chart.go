package fhir

import (
	"maps"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// charted are the parameters that say whose chart a resource belongs to before any other of its compartment does: the patient whom an observation
// is about comes before one who made it.
var charted = []string{"patient", "subject", "beneficiary", "individual"}

// chartParams are the parameters by which a type's resources belong to a chart, in their order: those of the Patient compartment of R4. The
// compartment leaves out types such as Task and Device, which are about a patient all the same; a Group and an AuditEvent belong to none.
func chartParams(typ string) (codes []string) {
	if typ == "Group" || typ == "AuditEvent" {
		return nil
	}
	of := definition.CompartmentOf("Patient").Params[typ]
	for _, code := range charted {
		if slices.Contains(of, code) || len(of) == 0 && parameters().Of(typ).Param(code) != nil {
			codes = append(codes, code)
		}
	}
	for _, code := range of {
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

// chartOf names the patient whose chart a resource belongs to: a Patient's own, else that of the first patient whom its terms name, in the order of
// chartParams. "" belongs to none.
func (v *resolver) chartOf(r *resource, id string, terms []term.Term, to *replacement) string {
	switch r.typ {
	case "Patient":
		return "Patient/" + id
	case "Bundle":
		return v.chartOfDocument(r, to)
	case "Binary": // it is as sensitive as what it is the content of (FHIR R4, 2.31.3)
		if of := v.target(r.root.Get("securityContext"), to); strings.HasPrefix(of, "Patient/") {
			return of
		}
		return ""
	}
	for _, code := range chartParams(r.typ) {
		for i := range terms {
			if t := &terms[i]; t.Param == code && t.Kind == term.Reference {
				if to := canonicalReference(t.Value, v.base); strings.HasPrefix(to, "Patient/") {
					return to
				}
			}
		}
	}
	return ""
}

// target is what a Reference points at, once resolved, in canonical form; this server's own URL is stripped from it.
func (v *resolver) target(at tape.Value, to *replacement) string {
	ref := at.Get("reference")
	if !ref.Exists() {
		return ""
	}
	text, ok := to.texts[ref.Start()]
	if !ok {
		text = ref.Text()
	}
	return canonicalReference(text, v.base)
}

// chartOfDocument names the patient whom a document is about: the subject of its Composition, which is its first entry (FHIR R4, 3.3.1). What the
// subject names inside the document, or below the base that the Composition came from (2.36.4.1), is somebody at another server.
func (v *resolver) chartOfDocument(r *resource, by *replacement) string {
	first := r.root.Get("entry").First()
	composition := first.Get("resource")
	if r.root.Get("type").Text() != "document" || composition.Get("resourceType").Text() != "Composition" {
		return ""
	}
	to := v.target(composition.Get("subject"), by)
	origin, _ := restful(first.Get("fullUrl").Text())
	elsewhere := origin != "" && origin != v.base && parseReference(composition.Get("subject").Get("reference").Text()).form == literal
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
