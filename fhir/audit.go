package fhir

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// auditActions are the kinds of entry behind each AuditEvent.action.
var auditActions = map[string][]verify.Kind{
	"C": {verify.KindCreate},
	"R": {verify.KindRead, verify.KindHistory},
	"U": {verify.KindUpdate},
	"D": {verify.KindDelete},
	"E": {verify.KindSearch, verify.KindRefuse, verify.KindExport, verify.KindSystem},
}

// auditSearch gives the entries of a chart, or without a patient all of the organisation, as AuditEvents, newest
// first (GET AuditEvent?patient=Patient/ID). That it was asked is an entry too.
func (s *Server) auditSearch(q *request) (*answer, error) {
	if err := s.loadForm(q); err != nil {
		return nil, err
	}
	pairs, p := pairsOf(q.query)
	if p != nil {
		return nil, p
	}
	page, query := asked{query: record.Query{Count: defaultCount}}, auditQuery{record.AuditQuery{Detail: q.access.Detail}}
	for _, pair := range pairs {
		known, p := query.parameter(&page, pair, q.own)
		if p != nil {
			return nil, p
		}
		switch {
		case !known && !q.prefer.lenient:
			return nil, fail(http.StatusBadRequest, "not-supported",
				"the search parameter %.60q is not known for AuditEvent; known are patient, date, agent, entity, action and _count", pair.name)
		case !known:
			page.ignored = append(page.ignored, pair.name)
		case pair.name != "_cursor":
			page.applied = append(page.applied, pair)
		}
	}
	query.Count, query.After = page.query.Count, page.query.After
	events, next, err := s.Store.AuditEvents(q, q.access, query.AuditQuery)
	if err != nil {
		return nil, err
	}
	if query.Count == 0 {
		next = "" // it would lead here again
	}
	b := newBundle("searchset", -1)
	b.links(q.base+"/AuditEvent", page.applied, page.at, next, "")
	notes := passedOver(page.ignored)
	for i := range events {
		if events[i].Entry == nil {
			notes = append(notes, damaged("AuditEvent/"+events[i].ID, "an entry that may be among those asked for"))
			continue
		}
		b.entry(q.base + "/AuditEvent/" + events[i].ID)
		b.member("resource", auditEvent(&events[i], q.own))
		b.member("search", []byte(`{"mode":"match"}`))
	}
	b.outcome(notes)
	return &answer{status: http.StatusOK, body: b.end()}, nil
}

// auditWithin is auditSearch of a patient's compartment (GET Patient/id/AuditEvent).
func (s *Server) auditWithin(q *request) (*answer, error) {
	if q.typ != "Patient" {
		return nil, fail(http.StatusBadRequest, "not-supported", "AuditEvents are searched for by chart: in the compartment of a Patient, or all of them")
	}
	q.query = strings.Trim("patient=Patient/"+q.id+"&"+q.query, "&")
	q.typ, q.id = "AuditEvent", ""
	return s.auditSearch(q)
}

// auditQuery is an AuditQuery while it is read from a URL.
type auditQuery struct{ record.AuditQuery }

// parameter reads one parameter of a search for AuditEvents.
func (query *auditQuery) parameter(page *asked, pair pair, base string) (known bool, p *problem) {
	switch pair.name {
	case "_format", "_pretty":
	case "_count", "_cursor":
		return true, page.page(pair.name, pair.value)
	case "patient", "patient:Patient":
		list, p := auditTests(pair, base)
		if p == nil && (strings.Contains(pair.value, ",") || query.Chart != "" || !strings.HasPrefix(list[0].Value, "Patient/")) {
			p = fail(http.StatusBadRequest, "value", "patient must be one Patient/id: each chart has its own record")
		}
		if p != nil {
			return true, p
		}
		query.Chart = list[0].Value
	case "date":
		list, p := auditTests(pair, base)
		if p == nil && len(list) > 1 {
			p = fail(http.StatusBadRequest, "value", "date takes one value; write it twice for a period")
		}
		query.Dates = append(query.Dates, list...)
		return true, p
	case "agent", "entity", "action":
		list, err := search.Values(pair.name, pair.value)
		if err != nil {
			return true, searchProblem(err)
		}
		for _, value := range list {
			if p := query.choice(pair.name, value, base); p != nil {
				return true, p
			}
		}
	default:
		return false, nil
	}
	return true, nil
}

// auditTests reads the values of one of R4's parameters of AuditEvents.
func auditTests(pair pair, base string) ([]term.Test, *problem) {
	read, err := parameters().Parse([]string{"AuditEvent"}, []search.Pair{{Name: pair.name, Value: pair.value}}, search.Options{Base: base, Now: time.Now()})
	if err != nil {
		return nil, searchProblem(err)
	}
	return read.Queries[0].All[0].Any, nil
}

func (query *auditQuery) choice(name, value, base string) *problem {
	switch name {
	case "agent":
		query.Agents = append(query.Agents, value)
	case "entity":
		ref := canonicalReference(value, base)
		if ref == "" {
			return fail(http.StatusBadRequest, "value", "entity must be Type/id")
		}
		query.Entities = append(query.Entities, ref)
	default:
		kinds, ok := auditActions[strings.TrimPrefix(value, "http://hl7.org/fhir/audit-event-action|")]
		if !ok {
			return fail(http.StatusBadRequest, "value", "action must be C, R, U, D or E")
		}
		query.Kinds = append(query.Kinds, kinds...)
	}
	return nil
}

// auditRead gives one entry as AuditEvent (GET AuditEvent/id).
func (s *Server) auditRead(q *request) (*answer, error) {
	if err := onlyControl(q); err != nil {
		return nil, err
	}
	e, err := s.Store.AuditEvent(q, q.access, q.id)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: auditEvent(e, q.own)}, nil
}

// actionOf is the AuditEvent.action of a kind of entry.
func actionOf(kind verify.Kind) string {
	for _, action := range []string{"C", "R", "U", "D"} {
		if slices.Contains(auditActions[action], kind) {
			return action
		}
	}
	return "E"
}
