package fhir

import (
	"net/http"
	"slices"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/record"
)

// history gives versions, newest first: of one resource (GET Type/id/_history), of a type (GET Type/_history) or of everything (GET _history;
// FHIR R4, 3.1.0.9).
func (s *Server) history(q *request) (*answer, error) {
	asked, p := s.historyQuery(q)
	if p != nil {
		return nil, p
	}
	found, err := s.Store.History(q, q.access, asked.HistoryQuery)
	if err != nil {
		return nil, err
	}
	address := q.base
	for _, part := range []string{q.typ, q.id, "_history"} {
		if part != "" {
			address += "/" + part
		}
	}
	b := newBundle("history", found.Total)
	b.grow(found.Versions)
	b.links(address, asked.applied, asked.at, found.Next, "")
	for i := range found.Versions {
		b.version(q.base, &found.Versions[i])
	}
	return &answer{status: http.StatusOK, body: b.end()}, nil
}

// historyQuery is a HistoryQuery while it is read from a URL.
type historyQuery struct {
	record.HistoryQuery
	applied []pair // without the cursor: the self link
	at      trail
}

func (s *Server) historyQuery(q *request) (*historyQuery, *problem) {
	pairs, p := pairsOf(q.query)
	if p != nil {
		return nil, p
	}
	h := &historyQuery{HistoryQuery: record.HistoryQuery{Types: []string{q.typ}, ID: q.id, Count: defaultCount}}
	if q.typ == "" {
		h.Types = s.kept()
	}
	for _, pair := range pairs {
		known, p := h.parameter(pair)
		if p != nil {
			return nil, p
		}
		switch {
		case !known && !q.prefer.lenient:
			return nil, fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known for a history; known are _since, _at and _count", pair.name)
		case known && pair.name != "_cursor":
			h.applied = append(h.applied, pair)
		}
	}
	return h, nil
}

// kept are the types whose resources have versions.
func (s *Server) kept() []string {
	return slices.DeleteFunc(slices.Clone(definition.ResourceTypes()), func(typ string) bool {
		return !slices.ContainsFunc(s.tableOf(typ), func(r route) bool { return r.says == "vread" })
	})
}

func (h *historyQuery) parameter(pair pair) (known bool, p *problem) {
	switch pair.name {
	case "_format", "_pretty":
	case "_count", "_cursor":
		var page asked
		p = page.page(pair.name, pair.value)
		if pair.name == "_cursor" {
			h.After, h.at = page.query.After, page.at
		} else {
			h.Count = page.query.Count
		}
	case "_since", "_at":
		date, ok := search.ParseDate(pair.value)
		if !ok {
			return true, fail(http.StatusBadRequest, "value", "%s must be a date or an instant, such as 2020-05-17T10:00:00Z; write + in it as %%2B", pair.name)
		}
		if pair.name == "_since" {
			h.Since = date.Lo
		} else {
			h.At = &record.Period{From: date.Lo, To: date.Hi}
		}
	default:
		return false, nil
	}
	return true, p
}

// version adds one version to a history.
func (b *bundleWriter) version(base string, v *record.Version) {
	b.entry(base + "/" + v.Type + "/" + v.ID)
	method, address, status := "PUT", v.Type+"/"+v.ID, "200 OK"
	switch v.Op {
	case record.OpCreate:
		status = "201 Created"
		if v.Version == 1 {
			method, address = "POST", v.Type
		}
	case record.OpDelete:
		method, status = "DELETE", "204 No Content"
	}
	outcome := ""
	switch {
	case v.Damaged: // a history has no entries of search.mode=outcome
		status = "500 Internal Server Error"
		outcome = `,"outcome":` + string(appendOutcome(nil, damaged(v.Type+"/"+v.ID, "version "+formatUint(v.Version))))
	case v.Op != record.OpDelete:
		b.member("resource", v.Body)
		v.Body = nil
	}
	b.member("request", []byte(`{"method":"`+method+`","url":"`+address+`"}`))
	b.member("response", []byte(`{"status":"`+status+`","etag":"W/\"`+formatUint(v.Version)+`\"","lastModified":"`+
		v.Updated.UTC().Format(instantFormat)+`"`+outcome+`}`))
}
