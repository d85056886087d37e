package fhir

import (
	"net/http"
	"strconv"

	"github.com/sijil-health/sijil/record"
)

// history gives the versions of one resource, newest first (GET Type/id/_history).
func (s *Server) history(q *request) (*answer, error) {
	pairs, p := pairsOf(q.query)
	if p != nil {
		return nil, p
	}
	var page search // for its _count and _cursor
	page.query.Count = defaultCount
	for _, pair := range pairs {
		switch pair.name {
		case "_format", "_pretty":
		case "_count", "_cursor":
			if p := page.page(pair.name, pair.value); p != nil {
				return nil, p
			}
		default:
			if !q.prefer.lenient {
				return nil, fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known for a history", pair.name)
			}
			continue
		}
		if pair.name != "_cursor" {
			page.applied = append(page.applied, pair)
		}
	}
	before := uint64(0)
	if page.query.After != "" {
		var err error
		if before, err = strconv.ParseUint(page.query.After, 10, 64); err != nil {
			return nil, record.ErrCursor
		}
	}
	found, err := s.Store.History(q, q.access, q.typ, q.id, page.query.Count, before)
	if err != nil {
		return nil, err
	}
	b := newBundle("history", found.Total)
	b.grow(found.Versions)
	b.links(q.base+"/"+q.typ+"/"+q.id+"/_history", page.applied, found.Next)
	for i := range found.Versions {
		b.version(q.base, &found.Versions[i])
	}
	return &answer{status: http.StatusOK, body: b.end()}, nil
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
