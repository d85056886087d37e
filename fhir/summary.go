package fhir

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/summary"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// summary gives an International Patient Summary (IPS 1.1.0, Patient/id/$summary and Patient/$summary?identifier=): a document that is made from the record, and
// not kept. All that goes into it is one release.
func (s *Server) summary(q *request) (*answer, error) {
	in, err := readInput(q, "$summary", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	defer in.release()
	who, err := s.summarized(q, in)
	if err != nil {
		return nil, err
	}
	sm := &summarizing{s: s, q: q, who: who, maker: summary.New(summary.Options{
		Base: q.base, Language: languageOf(q.language), Version: s.Version, Now: time.Now(), NewID: func() string { return newID(time.Now()) },
		Local: func(ref string) (string, string, bool) { return term.Local(canonicalReference(ref, q.own)) }, Limits: storedLimits,
	})}
	got, err := s.Store.Gather(q, q.access, &record.Gathering{Next: sm.next})
	if err != nil {
		return nil, err
	}
	sm.maker.Incomplete = sm.maker.Incomplete || got.Missing || got.Cut
	return &answer{status: http.StatusOK, body: sm.maker.Document()}, nil
}

// summarized finds out whom a summary is asked of: the clause by which the patient is found.
func (s *Server) summarized(q *request, in *input) (c term.Clause, err error) {
	profile := in.text("profile")
	var identifier []term.Test
	for _, name := range []string{"identifier", "identifer"} { // IPS 1.1.0 spells it so
		if v := in.value(name); v.Exists() {
			identifier = append(identifier, term.Test{System: v.Get("system").Text(), Code: v.Get("value").Text()})
		}
		for _, text := range in.texts(name) {
			a, p := s.parseSearch(q, []string{"Patient"}, url.Values{"identifier": {text}}.Encode(), false)
			if p != nil {
				return c, p
			}
			for _, clause := range a.query.All {
				identifier = append(identifier, clause.Any...)
			}
		}
	}
	if err := in.refused(); err != nil {
		return c, err
	}
	if url, _, _ := strings.Cut(profile, "|"); profile != "" && url != summary.Profile {
		return c, fail(http.StatusBadRequest, "not-supported", "$summary gives documents of the profile %s alone", summary.Profile)
	}
	if q.id == "" {
		if len(identifier) != 1 {
			return c, fail(http.StatusBadRequest, "required", "$summary is about one patient: name it in the address, or give one identifier")
		}
		return term.Clause{Param: "identifier", Kind: term.Token, Any: identifier}, nil
	}
	if identifier != nil {
		return c, fail(http.StatusBadRequest, "invalid", "the address names the patient already")
	}
	head, err := s.Store.Peek(q, q.access, policy.Search, q.typ, q.id)
	if err == nil && head.Deleted {
		err = record.ErrGone
	}
	return term.Clause{Param: term.ParamID, Kind: term.Token, Any: []term.Test{{Form: term.AnySystem, Code: q.id}}}, err
}

// summarizing is one $summary under way.
type summarizing struct {
	s     *Server
	q     *request
	who   term.Clause
	maker *summary.Maker
	round int
}

// maxSummaryRounds bounds how often what resources refer to is looked for: a report's results, their performers, the organisations of those.
const maxSummaryRounds = 5

// next says what a round looks for: the patient, the compartment, then what those refer to.
func (sm *summarizing) next(found []record.Version) ([]record.Query, error) {
	defer func() { sm.round++ }()
	switch {
	case sm.round == 0:
		return []record.Query{{Type: "Patient", All: []term.Clause{sm.who}, Count: 2}}, nil
	case sm.round == 1:
		if err := sm.patient(found); err != nil {
			return nil, err
		}
		return sm.compartment(found[0].ID)
	case sm.round <= maxSummaryRounds:
		return sm.referred(), nil
	}
	return nil, nil
}

// patient takes the one patient who was found.
func (sm *summarizing) patient(found []record.Version) error {
	switch {
	case len(found) == 0:
		return fail(http.StatusNotFound, "not-found", "no patient is known by this")
	case len(found) > 1:
		return fail(http.StatusPreconditionFailed, "multiple-matches", "several patients are known by this identifier; name one in the address")
	case found[0].Damaged:
		return record.ErrDamaged
	}
	return sm.maker.Patient(found[0].ID, found[0].Body)
}

// compartment are the searches for what a patient's summary is made of.
func (sm *summarizing) compartment(id string) (list []record.Query, err error) {
	of := term.Test{Form: term.Exact, Value: "Patient/" + id}
	any := []term.Test{of}
	if sm.q.own != "" {
		any = append(any, term.Test{Form: term.Exact, Value: sm.q.own + "/" + of.Value})
	}
	for _, t := range summary.Types {
		if !sm.s.Parameters.Complete(t.Name, "patient") || !sm.s.Parameters.Complete(t.Name, "date") {
			return nil, fail(http.StatusServiceUnavailable, "transient", "a search parameter that the summary is found by is being made; SearchParameter/$status tells how far it is. Ask again later")
		}
		query := record.Query{Type: t.Name, All: []term.Clause{{Param: "patient", Kind: term.Reference, Any: any}}, Count: maxLastn, Keep: sm.keep(sm.maker.Take)}
		if t.Dated {
			query.Sort = []term.Sort{{Param: "date", Kind: term.Date, Descending: true}}
		}
		list = append(list, query)
	}
	return list, nil
}

// referred are the searches for what is referred to.
func (sm *summarizing) referred() (list []record.Query) {
	wanted := sm.maker.Wanted()
	for _, typ := range slices.Sorted(maps.Keys(wanted)) {
		for ids := range slices.Chunk(wanted[typ], term.MaxTests) {
			list = append(list, record.Query{Type: typ, All: []term.Clause{{Param: term.ParamID, Kind: term.Token, Any: byIDs(ids)}}, Count: len(ids), Keep: sm.keep(sm.maker.Referred)})
		}
	}
	return list
}

// keep asks the summary about what was found. What is damaged is not given, and the document says that it is not complete.
func (sm *summarizing) keep(takes func(typ, id string, body []byte) bool) func(*record.Version) bool {
	return func(v *record.Version) bool {
		if v.Damaged {
			sm.maker.Incomplete = true
			return true // so that its chart says so
		}
		return takes(v.Type, v.ID, v.Body)
	}
}

// languageOf tells which of the languages that texts are in a client wants (RFC 9110, 12.5.4): "ar" or, without another wish, "en".
func languageOf(accept string) string {
	best, most := "en", 0.0
	for item := range strings.SplitSeq(accept, ",") {
		tag, params, _ := strings.Cut(item, ";")
		main, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64) // what is malformed is not wanted
		}
		if (main == "en" || main == "ar") && weight > most && weight <= 1 {
			best, most = main, weight
		}
	}
	return best
}
