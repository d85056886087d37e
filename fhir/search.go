package fhir

import (
	"net/http"
	"strings"
)

// search gives the current versions of one type that match (GET Type?…, POST Type/_search).
func (s *Server) search(q *request) (*answer, error) {
	if err := s.loadForm(q); err != nil {
		return nil, err
	}
	parsed, p := s.parseSearch(q, q.typ, q.query, q.prefer.lenient)
	if p != nil {
		return nil, p
	}
	parsed.query.Detail = q.access.Detail
	page, err := s.Store.Search(q, q.access, parsed.query)
	if err != nil {
		return nil, err
	}
	b := newBundle("searchset", page.Total)
	b.links(q.base+"/"+q.typ, parsed.applied, page.Next)
	for i := range page.Versions {
		v := &page.Versions[i]
		b.entry(q.base + "/" + v.Type + "/" + v.ID)
		b.member("resource", v.Body)
		b.member("search", []byte(`{"mode":"match"}`))
	}
	b.ignored(parsed.ignored)
	return &answer{status: http.StatusOK, body: b.end()}, nil
}

// ignored adds what was passed over, so that nobody needs to compare the self link.
func (b *bundleWriter) ignored(names []string) {
	if len(names) == 0 {
		return
	}
	b.entry("")
	b.member("resource", appendOutcome(nil, Issue{Severity: "warning", Code: "not-supported",
		Text: "these search parameters are not known and were passed over: " + strings.ToValidUTF8(strings.Join(names, ", "), "\uFFFD")}))
	b.member("search", []byte(`{"mode":"outcome"}`))
}

// loadForm puts the parameters of a POSTed form behind those of the address.
func (s *Server) loadForm(q *request) error {
	if q.form == nil {
		return nil
	}
	form, err := q.form(q)
	if err != nil {
		return err
	}
	q.query = strings.Trim(q.query+"&"+form, "&")
	q.access.Detail = detail(q.method, q.typ+"/_search", q.query)
	return nil
}
