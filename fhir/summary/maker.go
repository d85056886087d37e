package summary

import (
	"errors"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Options say how a summary is made.
type Options struct {
	Base     string // URL that the resources are served below
	Language string // "en" or "ar"
	Version  string // of the software
	Now      time.Time
	NewID    func() string                              // gives a UUID
	Local    func(ref string) (typ, id string, ok bool) // whether a reference is to a resource of the record, and to which
	Limits   tape.Limits                                // of what is stored
}

// Maker makes one summary. Its methods are called in the order in which they stand here.
type Maker struct {
	Options
	patient  *item
	items    [sectionCount][]*item
	taken    map[string]*item // by "Type/id": everything but the patient
	referred []*item          // what others refer to, in the order in which it came
	devices  []*item          // that no statement is known to be about
	kinds    map[string]bool  // of observations and reports that are taken: "Type section coding"
	left     [sectionCount]int
	wanted   map[string]bool // references that were looked for

	Incomplete bool // what was handed over is not all that there is: the document says so
}

// New begins a summary.
func New(o Options) *Maker {
	return &Maker{Options: o, taken: map[string]*item{}, kinds: map[string]bool{}, wanted: map[string]bool{}}
}

// errForm is what a resource fails with that is not what was asked for.
var errForm = errors.New("not a resource of that type")

// Patient takes the patient whom the summary is about.
func (m *Maker) Patient(id string, body []byte) error {
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(body, m.Limits); err != nil {
		return err
	}
	root := t.Root()
	if !root.Get("resourceType").Is("Patient") {
		return errForm
	}
	m.patient = m.item("Patient", id, body, root)
	if !root.Get("name").First().Exists() {
		m.patient.insert(`"name":[{"_text":` + absent("unknown") + `}]`)
	}
	if b, more := root.GetBoth("birthDate"); !b.Exists() && !more.Exists() {
		m.patient.insert(`"_birthDate":` + absent("unknown"))
	}
	return nil
}

// Take looks at a resource of the patient's compartment and tells whether it goes into the summary.
func (m *Maker) Take(typ, id string, body []byte) bool {
	t := tape.Get()
	defer t.Release()
	if t.Parse(body, m.Limits) != nil || !t.Root().Get("resourceType").Is(typ) || m.taken[typ+"/"+id] != nil {
		return false
	}
	root := t.Root()
	at, ok := m.place(typ, root)
	if !ok {
		return false
	}
	it := m.item(typ, id, body, root)
	if typ == "Device" {
		it.name = m.deviceName(root)
		m.devices = append(m.devices, it)
		m.taken[it.ref] = it
		return true
	}
	if !m.describe(at, it, root) {
		m.left[at]++
		return false
	}
	m.items[at] = append(m.items[at], it)
	m.taken[it.ref] = it
	return true
}

// Wanted gives the ids of what the resources taken so far refer to and is not there yet, by their types. Each is asked for once.
func (m *Maker) Wanted() map[string][]string {
	list := map[string][]string{}
	add := func(it *item) {
		for _, r := range it.refs {
			if ref := r.typ + "/" + r.id; m.taken[ref] == nil && !m.wanted[ref] && len(m.wanted) < maxReferred {
				m.wanted[ref] = true
				list[r.typ] = append(list[r.typ], r.id)
			}
		}
		it.refs = nil
	}
	add(m.patient)
	for i := range m.items {
		for _, it := range m.items[i] {
			add(it)
		}
	}
	for _, it := range m.referred {
		add(it)
	}
	return list
}

// maxReferred bounds what comes along because others refer to it.
const maxReferred = 1000

// Referred looks at a resource that others refer to, and tells whether it goes into the summary: it does if it keeps its profile of IPS, for the
// profiles of those that refer to it demand that.
func (m *Maker) Referred(typ, id string, body []byte) bool {
	t := tape.Get()
	defer t.Release()
	if t.Parse(body, m.Limits) != nil || !t.Root().Get("resourceType").Is(typ) || m.taken[typ+"/"+id] != nil {
		return false
	}
	root := t.Root()
	for _, name := range demanded[typ] {
		if v := root.Get(name); !v.Exists() || v.Kind() == tape.Array && v.Len() == 0 {
			return false
		}
	}
	it := m.item(typ, id, body, root)
	switch typ {
	case "Medication":
		it.name = m.concept(root.Get("code"))
	case "Device":
		it.name = m.deviceName(root)
	case "Observation":
		if wrong(root, "entered-in-error", "cancelled") {
			return false
		}
	}
	m.referred = append(m.referred, it)
	m.taken[it.ref] = it
	return true
}

// demanded are the elements that IPS demands of what others refer to, by types; those types alone come along.
var demanded = map[string][]string{
	"Medication": {"code"}, "Practitioner": {"name"}, "PractitionerRole": {}, "Organization": {"name"}, "Specimen": {"type", "subject"}, "Device": {"patient"},
	"Observation": {"code"},
}
