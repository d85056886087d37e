package main

import (
	"strings"
	"time"
)

// person is a record being made: who it is of, and the visit that resources belong to.
type person struct {
	*bundler
	at                        *founded
	born                      time.Time
	subject, encounter, where string
	when                      time.Time
	labs                      []string
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05+00:00") }

// visit adds an Encounter with four results; one in two brings a Condition, and some more.
func (p *person) visit() {
	r := p.rng
	p.when = time.Date(2012+r.IntN(14), time.Month(1+r.IntN(12)), 1+r.IntN(28), 7+r.IntN(11), r.IntN(60), r.IntN(60), 0, time.UTC)
	why := pick(r, visits)
	p.where = pick(r, p.at.Hospitals)
	p.encounter = p.add("Encounter", `"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"type":[{"coding":[{"system":"%s","code":"%s","display":"%s"}],"text":"%s"}],"subject":{"reference":"%s"},"participant":[{"individual":{"reference":"%s"}}],"period":{"start":"%s","end":"%s"},"serviceProvider":{"reference":"%s"}`,
		snomed, why.code, why.display, why.display, p.subject, pick(r, p.at.Doctors), stamp(p.when), stamp(p.when.Add(15*time.Minute)), p.where)
	for range 3 {
		p.result(pick(r, results))
	}
	p.pressure()
}

func (p *person) result(m measured) {
	category := "laboratory"
	if m.unit != "%" && !strings.HasSuffix(m.unit, "/dL") {
		category = "vital-signs"
	}
	p.labs = append(p.labs, p.add("Observation", `%s,"code":{"coding":[{"system":"%s","code":"%s","display":"%s"}],"text":"%s"},%s,"valueQuantity":{"value":%.4f,"unit":"%s","system":"%s","code":"%s"}`,
		categorized(category), loinc, m.code, m.display, m.display, p.taken(), m.low+p.rng.Float64()*(m.high-m.low), m.unit, ucumSystem, m.unit))
}

func (p *person) pressure() {
	const part = `{"code":{"coding":[{"system":"http://loinc.org","code":"%s","display":"%s"}],"text":"%s"},"valueQuantity":{"value":%d,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}`
	p.add("Observation", `%s,"code":{"coding":[{"system":"%s","code":"%s","display":"%s"}],"text":"%s"},%s,"component":[`+part+`,`+part+`]`,
		categorized("vital-signs"), loinc, pressure.code, pressure.display, pressure.display, p.taken(),
		"8462-4", "Diastolic Blood Pressure", "Diastolic Blood Pressure", 55+p.rng.IntN(50), "8480-6", "Systolic Blood Pressure", "Systolic Blood Pressure", 95+p.rng.IntN(95))
}

func categorized(category string) string {
	return `"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"` + category + `","display":"` + category + `"}]}]`
}

func (p *person) taken() string {
	return `"subject":{"reference":"` + p.subject + `"},"encounter":{"reference":"` + p.encounter + `"},"effectiveDateTime":"` + stamp(p.when) + `","issued":"` + p.when.Format("2006-01-02T15:04:05.000+00:00") + `"`
}

// rest adds what belongs to the last visit: with a Patient, six Encounters and 24 Observations they are perPerson.
func (p *person) rest() {
	r, at := p.rng, stamp(p.when)
	const about = `"subject":{"reference":"%s"},"encounter":{"reference":"%s"}`
	for range 4 {
		c := pick(r, conditions)
		state := pick(r, []string{"active", "resolved"})
		p.add("Condition", `"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"%s"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},"code":{"coding":[{"system":"%s","code":"%s","display":"%s"}],"text":"%s"},`+about+`,"onsetDateTime":"%s","recordedDate":"%s"`,
			state, snomed, c.code, c.display, c.display, p.subject, p.encounter, at, at)
	}
	for range 3 {
		d := pick(r, drugs)
		p.add("MedicationRequest", `"status":"%s","intent":"order","medicationCodeableConcept":{"coding":[{"system":"%s","code":"%s","display":"%s"}],"text":"%s"},`+about+`,"authoredOn":"%s","requester":{"reference":"%s"},"dosageInstruction":[{"sequence":1,"asNeededBoolean":true}]`,
			pick(r, []string{"active", "stopped", "completed"}), rxnorm, d.code, d.display, d.display, p.subject, p.encounter, at, pick(r, p.at.Doctors))
	}
	for range 3 {
		d := pick(r, procedures)
		p.add("Procedure", `"status":"completed","code":{"coding":[{"system":"%s","code":"%s","display":"%s"}],"text":"%s"},`+about+`,"performedPeriod":{"start":"%s","end":"%s"}`,
			snomed, d.code, d.display, d.display, p.subject, p.encounter, at, stamp(p.when.Add(15*time.Minute)))
	}
	for range 3 {
		v := pick(r, vaccines)
		p.add("Immunization", `"status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"%s","display":"%s"}],"text":"%s"},"patient":{"reference":"%s"},"encounter":{"reference":"%s"},"occurrenceDateTime":"%s","primarySource":true`,
			v.code, v.display, v.display, p.subject, p.encounter, at)
	}
	for i := range 2 {
		p.add("DiagnosticReport", `"status":"final","code":{"coding":[{"system":"%s","code":"51990-0","display":"Basic Metabolic Panel"}],"text":"Basic Metabolic Panel"},%s,"result":[{"reference":"%s"},{"reference":"%s"}]`,
			loinc, p.taken(), p.labs[2*i], p.labs[2*i+1])
	}
}
