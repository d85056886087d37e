package fhir

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// maxLastn bounds the observations that one $lastn looks at, and their groups.
const maxLastn = 10_000

// lastn gives the latest observations of each kind, the latest first (FHIR R4, Observation/$lastn): a search whose answer has, of those
// with the same code, max alone. What is left out is not released.
func (s *Server) lastn(q *request) (*answer, error) {
	in, err := readInput(q, "$lastn", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	most, asked := 1, url.Values{"_sort": {"-date"}, "_total": {"none"}}
	for i := range in.list {
		p := &in.list[i]
		if p.name != "max" {
			asked.Add(p.name, p.text)
			continue
		}
		if most, err = strconv.Atoi(p.text); err != nil || most < 1 {
			return nil, fail(http.StatusBadRequest, "value", "max is a whole number from 1")
		}
	}
	if !asked.Has("patient") && !asked.Has("subject") {
		return nil, fail(http.StatusBadRequest, "required", "$lastn is about somebody: give patient or subject")
	}
	a, p := s.ownSearch(q, []string{"Observation"}, asked.Encode())
	if p != nil {
		return nil, p
	}
	groups := latest{most: most, seen: map[string]int{}}
	a.query.Count, a.query.Detail = maxCount, q.access.Detail
	a.query.Keep = groups.keep
	b := newBundle("searchset", -1)
	var found []record.Version
	missing := false
	for looked := 0; ; {
		page, err := s.Store.Search(q, q.access, a.query)
		if err != nil {
			return nil, err
		}
		found, missing = append(found, page.Versions...), missing || page.Missing
		if looked += maxCount; page.Next == "" || looked >= maxLastn {
			break
		}
		a.query.After = page.Next
	}
	b.grow(found)
	b.links(q.base+"/Observation/$lastn", pairsIn(in), nil, "", "")
	notes := append(passedOver(a.ignored), a.notes(&record.Page{Versions: found, Total: -1, Missing: missing})...)
	b.outcome(append(notes, b.found(q.base, "match", found, &a.read.Result)...))
	return &answer{status: http.StatusOK, body: b.end()}, nil
}

// pairsIn gives the parameters of an operation as those of an address.
func pairsIn(in *input) (list []pair) {
	for i := range in.list {
		list = append(list, pair{in.list[i].name, in.list[i].text})
	}
	return list
}

// latest counts observations by their codes.
type latest struct {
	most int
	seen map[string]int // by each coding, and by the text of a code without any
}

// keep tells whether an observation is one of the latest of its kind. One that shares a coding with others is of their kind.
func (k *latest) keep(v *record.Version) bool {
	t := tape.Get()
	defer t.Release()
	if v.Damaged || t.Parse(v.Body, storedLimits) != nil {
		return true // it is told of
	}
	code := t.Root().Get("code")
	var names []string
	for c := code.Get("coding").First(); c.Exists(); c = c.Next() {
		names = append(names, c.Get("system").Text()+"|"+c.Get("code").Text())
	}
	if names == nil {
		names = []string{code.Get("text").Text()}
	}
	count := 0
	for _, name := range names {
		count = max(count, k.seen[name])
	}
	if count >= k.most {
		return false
	}
	for _, name := range names {
		k.seen[name] = count + 1
	}
	return true
}
