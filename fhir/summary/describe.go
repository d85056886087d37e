package summary

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// describe fills the cells of an item's row, and marks as absent what IPS demands and is not recorded. It tells whether there is anything to show.
func (m *Maker) describe(at int, it *item, root tape.Value) bool {
	switch at {
	case medications:
		m.medication(it, root)
	case allergies:
		m.allergy(it, root)
	case problems, pastIllness:
		m.problem(at, it, root)
	case immunizations:
		date := m.dated(it, root, "occurrence", true)
		it.cells = []string{m.concept(root.Get("vaccineCode")), date}
	case procedures:
		date := m.dated(it, root, "performed", true)
		it.cells = []string{m.concept(root.Get("code")), m.word(root.Get("status").Text()), date}
	case devices:
		since := m.dated(it, root, "timing", true)
		it.about = m.refOf(root.Get("device"))
		it.cells = []string{root.Get("device").Get("display").Text(), m.word(root.Get("status").Text()), since}
		return true
	case functionalStatus:
		date := m.dated(it, root, "effective", false)
		text := first(root.Get("summary").Text(), root.Get("description").Text(), m.concept(root.Get("code")))
		it.cells = []string{text, date}
	case planOfCare:
		since, until := span(root.Get("period"))
		it.when = since
		text := first(root.Get("title").Text(), root.Get("description").Text(), m.concepts(root.Get("category")))
		it.cells = []string{text, m.word(root.Get("status").Text()), since, until}
		if text == "" {
			it.cells[0] = m.word("planOfCare")
		}
	case advanceDirectives:
		it.when = day(root.Get("dateTime").Text())
		it.cells = []string{first(m.concepts(root.Get("category")), m.concept(root.Get("scope"))), m.word(root.Get("status").Text()), it.when}
	default:
		m.observation(it, root)
	}
	return it.cells[0] != "" || it.about != ""
}

func (m *Maker) medication(it *item, root tape.Value) {
	var since string
	dosage := root.Get("dosage")
	if root.Get("resourceType").Is("MedicationRequest") {
		since, dosage = day(root.Get("authoredOn").Text()), root.Get("dosageInstruction")
		it.when = since
	} else {
		since = m.dated(it, root, "effective", true)
	}
	name := m.concept(root.Get("medicationCodeableConcept"))
	if ref := root.Get("medicationReference"); ref.Exists() {
		it.about, name = m.refOf(ref), ref.Get("display").Text()
		if id, local := strings.CutPrefix(ref.Get("reference").Text(), "#"); local {
			name = first(m.concept(contained(root, id).Get("code")), name)
		}
	}
	it.last = !root.Get("status").Is("active")
	it.cells = []string{name, m.dosage(dosage), m.word(root.Get("status").Text()), since}
}

// dosage says how something is taken.
func (m *Maker) dosage(list tape.Value) string {
	var all []string
	for d := list.First(); d.Exists(); d = d.Next() {
		text := first(d.Get("text").Text(), d.Get("patientInstruction").Text())
		if text == "" {
			dose, _ := choice(d.Get("doseAndRate").At(0), "dose")
			text = join(" ", m.value(dose), m.concept(d.Get("timing").Get("code")), m.concept(d.Get("route")))
		}
		all = append(all, text)
	}
	return join("; ", all...)
}

func (m *Maker) allergy(it *item, root tape.Value) {
	since := m.dated(it, root, "onset", false)
	if since == "" {
		since = day(root.Get("recordedDate").Text())
		it.when = since
	}
	var reactions []string
	for r := root.Get("reaction").First(); r.Exists(); r = r.Next() {
		reactions = append(reactions, join(", ", m.concepts(r.Get("manifestation")), m.word(r.Get("severity").Text())))
	}
	status := root.Get("clinicalStatus")
	it.last = coded(status, "inactive", "resolved")
	it.cells = []string{m.concept(root.Get("code")), join("; ", reactions...), m.word(root.Get("criticality").Text()),
		join(", ", m.status(status), m.status(root.Get("verificationStatus"))), since}
}

func (m *Maker) problem(at int, it *item, root tape.Value) {
	since := m.dated(it, root, "onset", false)
	if since == "" {
		since = day(root.Get("recordedDate").Text())
		it.when = since
	}
	status := root.Get("clinicalStatus")
	it.unfit = !status.Exists()
	text := m.status(status)
	if it.unfit {
		text = m.word("notRecorded")
	}
	name := m.concept(root.Get("code"))
	if at == problems {
		it.cells = []string{name, m.concept(root.Get("severity")), join(", ", text, m.status(root.Get("verificationStatus"))), since}
		return
	}
	end, _ := choice(root, "abatement")
	until, _ := span(end)
	if end.Kind() == tape.Object && until == "" {
		until = m.value(end)
	}
	it.cells = []string{name, text, since, until}
}

func (m *Maker) observation(it *item, root tape.Value) {
	date := m.dated(it, root, "effective", root.Get("resourceType").Is("DiagnosticReport"))
	if date == "" {
		date = day(root.Get("issued").Text())
		it.when = date
	}
	if root.Get("resourceType").Is("DiagnosticReport") {
		it.cells = []string{m.concept(root.Get("code")), first(root.Get("conclusion").Text(), m.concepts(root.Get("conclusionCode")), m.word(root.Get("status").Text())), date}
		return
	}
	it.cells = []string{m.concept(root.Get("code")), m.observed(root), date}
}

// observed is what an observation found, with those of its components.
func (m *Maker) observed(o tape.Value) string {
	v, _ := choice(o, "value")
	text := m.value(v)
	if text == "" && o.Get("dataAbsentReason").Exists() {
		text = m.concept(o.Get("dataAbsentReason"))
	}
	parts := []string{join(" ", text, bracketed(m.concepts(o.Get("interpretation"))))}
	for c := o.Get("component").First(); c.Exists(); c = c.Next() {
		v, _ := choice(c, "value")
		if text := first(m.value(v), m.concept(c.Get("dataAbsentReason"))); text != "" {
			parts = append(parts, m.concept(c.Get("code"))+": "+text)
		}
	}
	return join("; ", parts...)
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// deviceName says what a device is.
func (m *Maker) deviceName(root tape.Value) string {
	return first(root.Get("deviceName").At(0).Get("name").Text(), m.concept(root.Get("type")), root.Get("distinctIdentifier").Text(), root.Get("modelNumber").Text(),
		root.Get("manufacturer").Text())
}

// refOf gives the resource of the record that a Reference names: "Type/id", or "".
func (m *Maker) refOf(v tape.Value) string {
	typ, id, ok := m.Local(v.Get("reference").Text())
	if !ok {
		return ""
	}
	return typ + "/" + id
}

// contained finds a contained resource.
func contained(root tape.Value, id string) tape.Value {
	for c := root.Get("contained").First(); c.Exists(); c = c.Next() {
		if c.Get("id").Is(id) {
			return c
		}
	}
	return tape.Value{}
}
