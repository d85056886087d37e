package fhir

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/sijil-health/sijil/fhir/match"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// Limits of $match.
const (
	defaultMatches = 10
	maxMatches     = 100
	maxCandidates  = 1500 // that are looked at
)

// matchPatient finds the patients who may be the one that is described (FHIR R4, Patient/$match), the most likely first. It names and gives no other.
func (s *Server) matchPatient(q *request) (*answer, error) {
	m := &matching{most: defaultMatches}
	if err := m.read(s, q); err != nil {
		return nil, err
	}
	got, err := s.candidates(q, m)
	if err != nil {
		return nil, err
	}
	b := newBundle("searchset", len(got.Versions))
	b.grow(got.Versions)
	notes := m.notes(got)
	slices.SortStableFunc(got.Versions, func(x, y record.Version) int { return cmp.Compare(m.of[y.ID].Score, m.of[x.ID].Score) })
	for i := range got.Versions {
		v := &got.Versions[i]
		r := m.of[v.ID]
		b.entry(q.base + "/Patient/" + v.ID)
		b.member("resource", v.Body)
		b.member("search", []byte(`{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":"`+string(r.Grade)+
			`"}],"mode":"match","score":`+strconv.FormatFloat(r.Score, 'f', -1, 64)+`}`))
	}
	b.outcome(notes)
	return &answer{status: http.StatusOK, body: b.end()}, nil
}

// matching is one search for who may be somebody.
type matching struct {
	person   *match.Person
	certain  bool // only what is certain
	most     int
	of       map[string]match.Result // by id: what is at least possible
	given    map[string]bool
	refusing bool // all who are certain, though there may be several
	several  bool // more than one is certain, and only one was wanted
}

// read reads what is asked: a Patient, alone or in Parameters.
func (m *matching) read(s *Server, q *request) error {
	if q.empty {
		return fail(http.StatusBadRequest, "required", "$match needs a Patient, as the parameter resource or as the body")
	}
	if err := q.load(q, s.Limits.Resource, resourceNodes); err != nil {
		return err
	}
	resource := q.body
	q.load = nil // it is read
	in, err := readInput(q, "$match", 0)
	if err != nil {
		return err
	}
	if !resource.Get("resourceType").Is("Patient") {
		if err := in.readBody(resource); err != nil {
			return err
		}
		resource = in.value("resource")
	}
	m.certain, m.most = in.flag("onlyCertainMatches"), in.number("count", defaultMatches)
	if err := in.refused(); err != nil {
		return err
	}
	if !resource.Get("resourceType").Is("Patient") {
		return fail(http.StatusBadRequest, "required", "$match needs a Patient as its parameter resource").at(resource)
	}
	m.most = min(max(m.most, 1), maxMatches)
	m.person = match.Read(resource)
	if m.person.Empty() {
		return fail(http.StatusBadRequest, "required", "$match needs a name, an identifier or a telecom of the patient").at(resource)
	}
	return nil
}

// candidates finds and releases those who are at least possible, or the one who is certain.
func (s *Server) candidates(q *request, m *matching) (*record.Gathered, error) {
	m.of = map[string]match.Result{}
	done := false
	return s.Store.Gather(q, q.access, &record.Gathering{
		Once: true, Most: maxCandidates,
		Next: func([]record.Version) (list []record.Query, _ error) {
			if done {
				m.choose()
				return nil, nil
			}
			done = true
			for _, one := range m.person.Searches() {
				list = append(list, record.Query{Type: "Patient", All: one.All, Count: one.Most, Keep: m.keep})
			}
			return list, nil
		},
		Give: func(v *record.Version) bool { return m.given[v.ID] },
	})
}

// keep compares a candidate. What is damaged cannot be compared, and is not named.
func (m *matching) keep(v *record.Version) bool {
	t := tape.Get()
	defer t.Release()
	if v.Damaged || t.Parse(v.Body, storedLimits) != nil {
		return false
	}
	r := match.Compare(m.person, match.Read(t.Root()))
	if r.Grade == match.CertainlyNot || (m.certain || m.refusing) && r.Grade != match.Certain {
		return false
	}
	m.of[v.ID] = r
	return true
}

// choose decides who is given: the most likely ones. Where only a certain one is wanted, several are none (FHIR R4, Patient/$match, onlyCertainMatches).
func (m *matching) choose() {
	var ids []string
	for id := range m.of {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y string) int { return cmp.Or(cmp.Compare(m.of[y].Score, m.of[x].Score), cmp.Compare(x, y)) })
	if m.several = m.certain && len(ids) > 1; m.several {
		ids = nil
	}
	m.given = map[string]bool{}
	for _, id := range ids[:min(len(ids), m.most)] {
		m.given[id] = true
	}
}

// notes says what of an answer is not as it might be taken.
func (m *matching) notes(got *record.Gathered) (notes []Issue) {
	switch {
	case m.several:
		notes = append(notes, Issue{Severity: "warning", Code: "multiple-matches", Text: "more than one patient matches with certainty, so that none is given; ask without onlyCertainMatches"})
	case len(m.of) > m.most:
		notes = append(notes, Issue{Severity: "information", Code: "informational", Text: "more patients may match than were asked for"})
	}
	if got.Missing {
		notes = append(notes, Issue{Severity: "warning", Code: "incomplete", Text: "some patients could not be read, so that this may miss them; they are read again from time to time"})
	}
	return notes
}

// nobodyYet refuses a patient who is known for certain, on Prefer: duplicates=refuse. That somebody is known is told, so that the chart has its entry; who
// it is $match says.
func (s *Server) nobodyYet(q *request, root tape.Value) error {
	m := &matching{person: match.Read(root), most: maxMatches, refusing: true}
	if m.person.Empty() {
		return nil
	}
	got, err := s.candidates(q, m)
	switch {
	case err != nil:
		return err
	case len(got.Versions) > 0:
		return fail(http.StatusConflict, "duplicate", "this patient is known here already; POST Patient/$match says as whom")
	}
	return nil
}
