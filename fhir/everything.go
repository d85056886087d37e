package fhir

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// everything gives all that is in the compartment of a patient or an encounter, and what that refers to (FHIR R4, Patient/id/$everything): a search of
// the whole compartment. start and end bound the dates of what has one, _since when it was last changed.
func (s *Server) everything(q *request) (*answer, error) {
	in, err := readInput(q, "$everything", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	w := &whole{path: "/" + q.typ + "/" + q.id + "/$everything"}
	asked := url.Values{"_include": {"*"}, "_count": {strconv.Itoa(maxCount)}}
	for i := range in.list {
		p := &in.list[i]
		if p.name != "_cursor" {
			w.asked = append(w.asked, pair{p.name, p.text})
		}
		switch p.name {
		case "_count", "_cursor", "_type":
			asked.Set(p.name, p.text)
		case "_since":
			if _, ok := search.ParseDate(p.text); !ok {
				return nil, fail(http.StatusBadRequest, "value", "_since must be a date or an instant, such as 2020-02-28T10:00:00Z").at(p.value)
			}
			asked.Set("_lastUpdated", "ge"+p.text)
		case "start":
			w.dates = append(w.dates, "ge"+p.text)
		case "end":
			w.dates = append(w.dates, "le"+p.text)
		default:
			if !q.prefer.lenient {
				return nil, fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known for $everything; there are _since, _type, _count, start and end", p.name)
			}
		}
	}
	head, err := s.Store.Peek(q, q.access, policy.Search, q.typ, q.id)
	if err == nil && head.Deleted {
		err = record.ErrGone
	}
	if err != nil {
		return nil, err
	}
	q.within, q.typ, q.id, q.form, q.whole = &search.Compartment{Type: q.typ, ID: q.id}, "", "", nil, w
	q.query = asked.Encode()
	return s.search(q)
}

// whole is what makes of the search of a compartment an $everything.
type whole struct {
	path  string // below the base
	asked []pair
	dates []string // that bound what is found where it has a date, each with its prefix
}

// narrow bounds the date of each type that is searched for and has one.
func (a *asked) narrow(parameters *search.Parameters, dates []string) *problem {
	for i := range a.read.Queries {
		one := &a.read.Queries[i]
		if parameters.Of(one.Type).Param("date") == nil {
			continue
		}
		for _, date := range dates {
			read, err := parameters.Parse([]string{one.Type}, []search.Pair{{Name: "date", Value: date}}, search.Options{})
			if err != nil {
				return searchProblem(err)
			}
			one.All = append(one.All, read.Queries[0].All...)
		}
	}
	a.query.All = a.read.Queries[0].All
	return nil
}
