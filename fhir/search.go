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
	parsed.query.Detail, parsed.query.Whole = q.access.Detail, !parsed.several
	page, err := s.Store.Search(q, q.access, parsed.query)
	if err != nil {
		return nil, err
	}
	b := newBundle("searchset", page.Total)
	b.grow(page.Versions)
	b.links(q.base+"/"+q.typ, parsed.applied, page.Next)
	notes := passedOver(parsed.ignored)
	if parsed.query.Count == 0 && page.Total < 0 {
		notes = append(notes, Issue{Severity: "warning", Code: "too-costly", Text: "so many match, or had to be looked at, that they were not counted; narrow the search"})
	}
	if page.Next != "" && len(page.Versions) < parsed.query.Count {
		notes = append(notes, Issue{Severity: "information", Code: "informational",
			Text: "the page ends before it has as many as asked for, because of what it holds or what had to be looked through; the next link goes on"})
	}
	if page.Missing {
		notes = append(notes, Issue{Severity: "warning", Code: "incomplete",
			Text: "some resources of this type could not be read, so that this search may miss them; they are read again from time to time. Whoever operates the node finds and mends damage with `sijil scrub`; then ask again"})
	}
	for i := range page.Versions {
		v := &page.Versions[i]
		if v.Damaged {
			notes = append(notes, damaged(v.Type+"/"+v.ID, "version "+formatUint(v.Version)))
			continue
		}
		b.entry(q.base + "/" + v.Type + "/" + v.ID)
		b.member("resource", v.Body)
		v.Body = nil // it stands twice in memory until here
		b.member("search", []byte(`{"mode":"match"}`))
	}
	b.outcome(notes)
	return &answer{status: http.StatusOK, body: b.end()}, nil
}

// passedOver names the parameters that were passed over, so that nobody needs to compare the self link.
func passedOver(names []string) []Issue {
	if len(names) == 0 {
		return nil
	}
	return []Issue{{Severity: "warning", Code: "not-supported",
		Text: "these search parameters are not known and were passed over: " + strings.ToValidUTF8(strings.Join(names, ", "), "\uFFFD")}}
}

// damaged says that something belongs into an answer and could not be given. It is a warning because what a successful search says of itself
// must hold no error (FHIR R4, 3.1.0.9).
func damaged(ref, which string) Issue {
	return Issue{Severity: "warning", Code: "incomplete",
		Text: ref + ", " + which + ", is damaged here and no custodian could give it whole: it is not in this answer. Whoever operates the node finds and mends damage with `sijil scrub`; then ask again"}
}

// outcome adds what the search says of itself.
func (b *bundleWriter) outcome(notes []Issue) {
	if len(notes) == 0 {
		return
	}
	b.entry("")
	b.member("resource", appendOutcome(nil, notes...))
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
