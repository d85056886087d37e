package fhir

import (
	"net/http"
	"strings"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// search gives the current versions that match: of one type (GET Type?…, POST Type/_search), in a compartment (GET Patient/ID/Type?…,
// GET Patient/ID/*), or of the types that _type names (GET ?_type=…).
func (s *Server) search(q *request) (*answer, error) {
	if err := s.loadForm(q); err != nil {
		return nil, err
	}
	var types []string
	if q.typ != "" {
		types = []string{q.typ}
	}
	a, p := s.ownSearch(q, types, q.query)
	if p != nil {
		return nil, p
	}
	if q.whole != nil {
		if p := a.narrow(s.Parameters, q.whole.dates); p != nil {
			return nil, p
		}
	}
	if n := len(a.read.Queries); n > maxTypes && q.within == nil {
		return nil, fail(http.StatusBadRequest, "too-costly", "a search looks through at most %d types at once; name them with _type", maxTypes)
	}
	a.query.Detail, a.query.Whole = q.access.Detail, !a.several
	page, err := s.pageOf(q, a)
	if err != nil {
		return nil, err
	}
	if a.read.Result.Total == "none" {
		page.Total = -1
	}
	with, notes, err := s.includes(q, a, page.Versions)
	if err != nil {
		return nil, err
	}
	notes = append(append(passedOver(a.ignored), a.notes(page)...), notes...)
	b := newBundle("searchset", page.Total)
	b.grow(page.Versions)
	if q.whole != nil {
		b.links(q.base+q.whole.path, q.whole.asked, a.at, page.Next, page.First)
	} else {
		b.links(q.base+q.searched(), a.applied, a.at, page.Next, page.First)
	}
	notes = append(notes, b.found(q.base, "match", page.Versions, &a.read.Result)...)
	notes = append(notes, b.found(q.base, "include", with, &a.read.Result)...)
	b.outcome(notes)
	return &answer{status: http.StatusOK, body: b.end()}, nil
}

// searchWithin searches the compartment of a resource (FHIR R4, 3.1.1.2): one type of it, or with "*" all that it has.
func (s *Server) searchWithin(q *request) (*answer, error) {
	form := strings.HasSuffix(q.path, "/_search")
	if q.part != "*" && !isType(q.part) || strings.Count(strings.Trim(q.path, "/"), "/") > 2 && !form {
		return unknownPath(s, q)
	}
	switch {
	case form && q.method != http.MethodPost:
		return notAllowed(http.MethodPost)(s, q)
	case !form && q.method != http.MethodGet && q.method != http.MethodHead:
		return notAllowed(http.MethodGet, http.MethodHead)(s, q)
	}
	if q.part == "AuditEvent" {
		return async(policy.Audit, (*Server).auditWithin)(s, q)
	}
	return async(policy.Search, (*Server).searchCompartment)(s, q)
}

func (s *Server) searchCompartment(q *request) (*answer, error) {
	q.within = &search.Compartment{Type: q.typ, ID: q.id}
	if q.typ = q.part; q.part == "*" {
		q.typ = ""
	}
	return s.search(q)
}

// maxTypes bounds the types of one search, but for a compartment's, of which each is in one chart.
const maxTypes = 16

// pageOf finds one page. Several types are gone through one after the other.
func (s *Server) pageOf(q *request, a *asked) (*record.Page, error) {
	if len(a.read.Queries) == 1 {
		return s.Store.Search(q, q.access, a.query)
	}
	queries := make([]record.Query, len(a.read.Queries))
	for i, one := range a.read.Queries {
		queries[i] = record.Query{Type: one.Type, All: one.All, Sort: one.Sort, Stale: a.query.Stale}
	}
	if a.query.Count > 0 {
		queries[0].Exact = a.query.Exact
		return s.Store.SearchSeveral(q, q.access, queries, a.query.Count, a.query.After, a.query.Detail)
	}
	out := &record.Page{}
	for i := range queries {
		queries[i].Detail, queries[i].Exact = a.query.Detail, a.query.Exact
		page, err := s.Store.Search(q, q.access, queries[i])
		if err != nil {
			return nil, err
		}
		out.Missing = out.Missing || page.Missing
		if out.Total += page.Total; page.Total < 0 {
			out.Total = -1
			break
		}
	}
	return out, nil
}

// notes says what of a page is not as it might be taken.
func (a *asked) notes(page *record.Page) (notes []Issue) {
	if a.query.Count == 0 && page.Total < 0 {
		notes = append(notes, Issue{Severity: "warning", Code: "too-costly", Text: "so many match, or had to be looked at, that they were not counted; narrow the search"})
	}
	if page.Next != "" && len(page.Versions) < a.query.Count {
		notes = append(notes, Issue{Severity: "information", Code: "informational",
			Text: "the page ends before it has as many as asked for, because of what it holds or what had to be looked through; the next link goes on"})
	}
	if page.Missing {
		notes = append(notes, Issue{Severity: "warning", Code: "incomplete",
			Text: "some resources of this type could not be read, so that this search may miss them; they are read again from time to time. Whoever operates the node finds and mends damage with `sijil scrub`; then ask again"})
	}
	return notes
}

// found adds the entries of what was found or included, in part where that was asked for. What is damaged is named instead.
func (b *bundleWriter) found(base, mode string, versions []record.Version, as *search.Result) (notes []Issue) {
	for i := range versions {
		v := &versions[i]
		if v.Damaged {
			notes = append(notes, damaged(v.Type+"/"+v.ID, "version "+formatUint(v.Version)))
			continue
		}
		b.entry(base + "/" + v.Type + "/" + v.ID)
		b.member("resource", partOf(v.Body, as))
		v.Body = nil // it stands twice in memory until here
		b.member("search", []byte(`{"mode":"`+mode+`"}`))
	}
	return notes
}

// partOf gives what of a resource was asked for.
func partOf(body []byte, as *search.Result) []byte {
	if !as.Cut() {
		return body
	}
	t := tape.Get()
	defer t.Release()
	if t.Parse(body, storedLimits) != nil {
		return body // it was read before it was stored
	}
	return as.AppendPart(nil, t.Root())
}

// storedLimits are those of what is stored, whatever it is.
var storedLimits = tape.Limits{Bytes: record.MaxSource + 1<<20, Nodes: bundleNodes}

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
