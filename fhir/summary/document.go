package summary

import (
	"cmp"
	"slices"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Profile is that of the document.
const Profile = profiles + "Bundle-uv-ips"

const (
	profiles = "http://hl7.org/fhir/uv/ips/StructureDefinition/"
	unknown  = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
)

// document is the Bundle being written.
type document struct {
	m       *Maker
	b       []byte
	made    []made // resources that the record does not have
	stamp   string
	subject string // a Reference to the patient
}

// made is a resource that was made for the document.
type made struct{ url, body string }

// Document gives the summary as a Bundle.
func (m *Maker) Document() []byte {
	m.useDevices()
	d := &document{m: m, stamp: m.Now.UTC().Format("2006-01-02T15:04:05.000Z"), subject: `{"reference":` + quoted(m.patient.url) + `}`}
	composition := d.composition()
	id := m.NewID()
	d.b = append(d.b, `{"resourceType":"Bundle","id":"`+id+`","meta":{"profile":["`+Profile+`"]},"language":"`+m.Language+`",`...)
	d.b = append(d.b, `"identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:`+id+`"},"type":"document","timestamp":"`+d.stamp+`","entry":[`...)
	d.entry("urn:uuid:"+m.NewID(), composition)
	d.entry(m.patient.url, m.patient.body)
	for _, r := range d.made {
		d.entry(r.url, []byte(r.body))
	}
	for at := range m.items {
		for _, it := range m.shown(at) {
			d.entry(it.url, it.body)
		}
	}
	for _, it := range slices.Concat(m.devices, m.referred) {
		d.entry(it.url, it.body)
	}
	return append(d.b, `]}`...)
}

// entry adds an entry.
func (d *document) entry(url string, body []byte) {
	if d.b[len(d.b)-1] == '}' {
		d.b = append(d.b, ',')
	}
	d.b = append(d.b, `{"fullUrl":`...)
	d.b = tape.AppendQuoted(d.b, url)
	d.b = append(d.b, `,"resource":`...)
	d.b = append(append(d.b, body...), '}')
}

// make adds a resource that the record does not have, and gives its URL. Such a resource has no address at this server.
func (d *document) make(body string) (url string) {
	url = "urn:uuid:" + d.m.NewID()
	d.made = append(d.made, made{url, body})
	return url
}

// composition writes the Composition.
func (d *document) composition() []byte {
	m := d.m
	author := d.make(`{"resourceType":"Device","deviceName":[{"name":"Sijil","type":"model-name"}]` + versionOf(m.Version) + `,"type":{"text":"software"}}`)
	b := append([]byte(nil), `{"resourceType":"Composition","meta":{"profile":["`+profiles+`Composition-uv-ips"]},"language":"`+m.Language+`","status":"final",`...)
	if m.Incomplete {
		b = append(b, `"text":{"status":"generated","div":`+quoted(m.warning())+`},`...)
	}
	b = append(b, `"type":{"coding":[{"system":"http://loinc.org","code":"60591-5","display":"Patient summary Document"}]},"subject":`+d.subject...)
	b = append(b, `,"date":"`+m.Now.UTC().Format(time.RFC3339)+`","author":[{"reference":"`+author+`","display":"Sijil"}],"title":`+quoted(m.word("title"))+`,"section":[`...)
	written := 0
	for at := range m.items {
		slices.SortStableFunc(m.items[at], func(a, b *item) int {
			return cmp.Or(compareBool(a.last, b.last), cmp.Compare(b.when, a.when))
		})
		entries := d.entries(at)
		if len(entries) == 0 {
			continue
		}
		if written++; written > 1 {
			b = append(b, ',')
		}
		b = d.section(b, at, entries)
	}
	return append(b, `]}`...)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// shown are the items of a section that go into the document.
func (m *Maker) shown(at int) []*item { return m.items[at][:min(len(m.items[at]), maxEntries)] }

// entries gives the URLs of a section's entries. One that has to be there and has none that keeps its profile gets one that says that there is no
// information.
func (d *document) entries(at int) (urls []string) {
	fit := false
	for _, it := range d.m.shown(at) {
		urls, fit = append(urls, it.url), fit || !it.unfit
	}
	if !fit && at < required {
		urls = append([]string{d.make(d.nothing(at, len(urls) > 0))}, urls...)
	}
	return urls
}

// section writes a section.
func (d *document) section(b []byte, at int, entries []string) []byte {
	s := &sections[at]
	b = append(b, `{"title":`+quoted(d.m.word(s.key))+`,"code":{"coding":[{"system":"http://loinc.org","code":"`+s.code+`","display":`+quoted(s.display)+`}]},`...)
	for _, it := range d.m.shown(at) {
		if about := d.m.taken[it.about]; about != nil && about.name != "" {
			it.cells[0] = about.name
		}
	}
	b = append(b, `"text":{"status":"generated","div":`+quoted(d.m.narrative(at, d.m.shown(at), len(d.m.items[at])))+`},"entry":[`...)
	for i, url := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"reference":`+quoted(url)+`}`...)
	}
	return append(b, `]}`...)
}

// nothing is a resource that says that there is no information for a section: by a code of IPS for just that. It does not say that there is nothing.
func (d *document) nothing(at int, unfit bool) string {
	text := d.m.word("none." + sections[at].key)
	if unfit {
		text = d.m.word("withoutStatus")
	}
	code := func(code, display string) string {
		return `{"coding":[{"system":"` + unknown + `","code":"` + code + `","display":"` + display + `"}],"text":` + quoted(text) + `}`
	}
	const active = `{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/`
	switch at {
	case medications:
		return `{"resourceType":"MedicationStatement","status":"unknown","medicationCodeableConcept":` + code("no-medication-info", "No information about medications") +
			`,"subject":` + d.subject + `,"_effectiveDateTime":` + absent("not-applicable") + `}`
	case allergies:
		return `{"resourceType":"AllergyIntolerance","clinicalStatus":` + active + `allergyintolerance-clinical","code":"active"}]},"code":` +
			code("no-allergy-info", "No information about allergies") + `,"patient":` + d.subject + `}`
	}
	return `{"resourceType":"Condition","clinicalStatus":` + active + `condition-clinical","code":"active"}]},"code":` +
		code("no-problem-info", "No information about problems") + `,"subject":` + d.subject + `}`
}

// useDevices makes statements of the patient's devices that no statement is about: IPS lists uses of devices, not devices.
func (m *Maker) useDevices() {
	used := map[string]bool{}
	for _, it := range m.items[devices] {
		used[it.about] = true
	}
	for _, device := range m.devices {
		if used[device.ref] || len(m.items[devices]) >= maxEntries {
			continue
		}
		m.items[devices] = append(m.items[devices], &item{
			url: "urn:uuid:" + m.NewID(), cells: []string{device.name, m.word("active"), ""},
			body: []byte(`{"resourceType":"DeviceUseStatement","status":"active","subject":{"reference":` + quoted(m.patient.url) + `},"_timingDateTime":` + absent("unknown") +
				`,"device":{"reference":` + quoted(device.url) + `}}`),
		})
	}
}

func versionOf(version string) string {
	if version == "" {
		return ""
	}
	return `,"version":[{"value":` + quoted(version) + `}]`
}

func quoted(s string) string { return string(tape.AppendQuoted(nil, s)) }
