package fhir

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/record"
)

// pair is one parameter of a query string.
type pair struct{ name, value string }

// pairsOf splits a query string, keeping the order.
func pairsOf(raw string) ([]pair, *problem) {
	pairs, err := search.Pairs(raw)
	if err != nil {
		return nil, searchProblem(err)
	}
	list := make([]pair, 0, len(pairs))
	for _, p := range pairs {
		list = append(list, pair{p.Name, p.Value})
	}
	return list, nil
}

// searchProblem is what is answered to a search that is refused.
func searchProblem(err error) *problem {
	var e *search.Error
	if errors.As(err, &e) {
		status := http.StatusBadRequest
		if e.Code == "transient" {
			status = http.StatusServiceUnavailable
		}
		return fail(status, e.Code, "%s", e.Text)
	}
	return problemOf(err)
}

// oneSpelling gives a search of conditions in one form, by which those who ask the same thing at the same time are known to one another.
// One that says nothing, or that is malformed, stays as it is, to be refused.
func oneSpelling(raw string) string {
	pairs, p := pairsOf(raw)
	if p != nil {
		return raw
	}
	var parts []string
	for _, pair := range pairs {
		if pair.name != "_format" && pair.name != "_pretty" {
			parts = append(parts, url.QueryEscape(pair.name)+"="+url.QueryEscape(pair.value))
		}
	}
	if len(parts) == 0 {
		return raw
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "&")
}

// asked is a search string, read.
type asked struct {
	read    *search.Search
	query   record.Query // of one type: all of it; of several, what is the same for all
	applied []pair       // what was understood, without the cursor: the self link
	at      trail        // where the page begins
	ignored []string     // names of parameters passed over, with handling=lenient
	control bool         // there was a parameter that shapes the answer rather than selects
	several bool         // what was asked may not be true of all that is found
}

// parseSearch reads a search string. Strictly read, what is not known is an error (400), so that nobody takes the answer to half
// of a question for the answer to all of it; leniently, it is passed over and named.
func (s *Server) parseSearch(q *request, types []string, raw string, lenient bool) (*asked, *problem) {
	out, err := s.readSearch(q, types, raw, lenient)
	if err != nil {
		return nil, searchProblem(err)
	}
	return out, nil
}

// ownSearch reads the search that a request is. It is the client's to say how strictly, which it is told.
func (s *Server) ownSearch(q *request, types []string, raw string) (*asked, *problem) {
	out, err := s.readSearch(q, types, raw, q.prefer.lenient)
	if err == nil {
		return out, nil
	}
	p := searchProblem(err)
	if e := (*search.Error)(nil); errors.As(err, &e) && e.Unknown {
		p.issues[0].Text += ", Prefer: handling=lenient passes over others"
	}
	return nil, p
}

func (s *Server) readSearch(q *request, types []string, raw string, lenient bool) (*asked, error) {
	pairs, err := search.Pairs(raw)
	if err != nil {
		return nil, err
	}
	read, err := s.Parameters.Parse(types, pairs, search.Options{Base: q.own, Lenient: lenient, Now: time.Now(), Terminology: s.codes(q), Compartment: q.within})
	if err != nil {
		return nil, err
	}
	out := &asked{read: read, at: parseTrail(read.Result.Cursor), ignored: read.Ignored, control: read.Shaped, several: read.Partly}
	for _, p := range read.Applied {
		out.applied = append(out.applied, pair{p.Name, p.Value})
		if p.Name == "_format" || p.Name == "_pretty" {
			out.several = out.several || !isControl(pair{p.Name, p.Value})
		}
	}
	first := read.Queries[0]
	out.query = record.Query{Type: first.Type, All: first.All, Sort: first.Sort, Count: defaultCount, After: out.at.here(), Exact: read.Result.Total == "accurate",
		Stale: func() bool { return s.Parameters.Number() != read.Number }}
	if n := read.Result.Count; n >= 0 {
		out.query.Count = min(n, maxCount) // more is not refused: the server may always give less (FHIR R4, 3.1.1.5.7)
	}
	if read.Result.Summary == "count" {
		out.query.Count = 0
	}
	return out, nil
}

// isControl tells whether _format or _pretty has one of its own values, and not anything at all.
func isControl(p pair) bool {
	return p.value == "true" || p.value == "false" || jsonTypes[strings.ReplaceAll(p.value, " ", "+")]
}

// page reads _count and _cursor of what is no search.
func (out *asked) page(name, value string) *problem {
	if name == "_cursor" {
		out.at = parseTrail(value)
		out.query.After = out.at.here()
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return fail(http.StatusBadRequest, "value", "_count must be a whole number from 0")
	}
	out.query.Count = min(n, maxCount)
	return nil
}

// onlyControl refuses parameters of an interaction that selects nothing, except those that shape the answer.
func onlyControl(q *request) error {
	pairs, p := pairsOf(q.query)
	if p != nil {
		return p
	}
	for _, pair := range pairs {
		if pair.name != "_format" && pair.name != "_pretty" && !q.prefer.lenient {
			return fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known here", pair.name)
		}
	}
	return nil
}
