package fhir

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// Limits of what a page of a search takes along.
const (
	maxIncluded = 1000 // resources
	maxRounds   = 5    // of _include:iterate
)

// includes gives what the page's matches refer to and what refers to them, as far as it was asked for (FHIR R4, 3.1.1.5.5). Each of them is found by a
// search of its own under the same access: what may not be searched for, or is in a chart that may not be seen, is not there, and each
// release has its entry.
func (s *Server) includes(q *request, a *asked, matches []record.Version) (with []record.Version, notes []Issue, err error) {
	list := a.read.Result.Include
	if len(list) == 0 {
		return nil, nil, nil
	}
	in := including{s: s, q: q, a: a, seen: map[string]bool{}, left: maxIncluded}
	for i := range matches {
		in.seen[matches[i].Type+"/"+matches[i].ID] = true
	}
	for round, next := 0, matches; len(next) > 0 && round < maxRounds; round++ {
		if next, err = in.round(list, next); err != nil {
			return nil, nil, err
		}
		with = append(with, next...)
		list = slices.DeleteFunc(slices.Clone(list), func(i search.Include) bool { return !i.Iterate })
	}
	if in.cut {
		notes = append(notes, Issue{Severity: "warning", Code: "too-costly",
			Text: "more would be included than one page takes along; ask for a smaller page, or for the rest by itself"})
	}
	return with, notes, nil
}

// including gathers what a page includes.
type including struct {
	s    *Server
	q    *request
	a    *asked
	seen map[string]bool // "Type/id" of matches, of what is included, and of what was looked for
	want int             // of those, what was looked for by its id
	left int             // resources that may yet be taken along
	cut  bool            // there is more
}

// round gives what some resources include.
func (in *including) round(list []search.Include, from []record.Version) (with []record.Version, err error) {
	wanted, names := map[string][]string{}, map[string][]string{}
	for i := range list {
		if !list[i].Reverse {
			in.forward(&list[i], from, wanted, names)
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(wanted)) {
		found, err := in.find(typ, term.Clause{Param: term.ParamID, Kind: term.Token, Any: byIDs(wanted[typ])})
		if err != nil {
			return nil, err
		}
		with = append(with, found...)
	}
	for _, typ := range slices.Sorted(maps.Keys(names)) {
		found, err := in.find(typ, term.Clause{Param: term.ParamCanonical, Kind: term.Reference, Any: exactly(names[typ])})
		if err != nil {
			return nil, err
		}
		with = append(with, found...)
	}
	for i := range list {
		if c, ok := in.backward(&list[i], from); ok {
			found, err := in.find(list[i].Type, c)
			if err != nil {
				return nil, err
			}
			with = append(with, found...)
		}
	}
	return with, nil
}

// byIDs makes tests for resources that have one of these ids.
func byIDs(ids []string) (list []term.Test) {
	for _, id := range ids {
		list = append(list, term.Test{Form: term.AnySystem, Code: id})
	}
	return list
}

// exactly makes tests for references that say one of these.
func exactly(refs []string) (list []term.Test) {
	for _, ref := range refs {
		list = append(list, term.Test{Form: term.Exact, Value: ref})
	}
	return list
}

// forward adds what resources refer to under the parameter of an include: ids by type, and of canonical URLs the names by each type that they may be of.
func (in *including) forward(i *search.Include, from []record.Version, wanted, names map[string][]string) {
	t := tape.Get()
	defer t.Release()
	var terms []term.Term
	for j := range from {
		v := &from[j]
		if i.Type != "" && i.Type != v.Type || v.Damaged || t.Parse(v.Body, storedLimits) != nil {
			continue
		}
		of := in.s.Parameters.Of(v.Type)
		terms = of.Terms(terms[:0], t.Root(), nil)
		for k := range terms {
			if terms[k].Kind != term.Reference || terms[k].Param == term.ParamCanonical || i.Param != "" && i.Param != terms[k].Param {
				continue
			}
			if p := of.Param(terms[k].Param); p.Canonical && strings.Contains(terms[k].Value, "|") {
				for _, typ := range p.Targets {
					if (i.Target == "" || i.Target == typ) && !slices.Contains(names[typ], terms[k].Value) && len(names[typ]) < maxIncluded {
						names[typ] = append(names[typ], terms[k].Value)
					}
				}
				continue
			}
			typ, id, local := term.Local(canonicalReference(terms[k].Value, in.q.own))
			if !local || i.Target != "" && i.Target != typ || in.seen[typ+"/"+id] {
				continue
			}
			if in.want == maxIncluded {
				in.cut = true
				return
			}
			in.want++
			in.seen[typ+"/"+id] = true
			wanted[typ] = append(wanted[typ], id)
		}
	}
}

// backward makes the clause that finds what refers to resources under the parameter of a reverse include.
func (in *including) backward(i *search.Include, from []record.Version) (c term.Clause, ok bool) {
	if !i.Reverse {
		return c, false
	}
	params := []string{i.Param}
	if i.Param == "" {
		params = nil
		for _, p := range in.s.Parameters.Of(i.Type).Params {
			if p.Kind == term.Reference {
				params = append(params, p.Code)
			}
		}
	}
	if len(params) == 0 {
		return c, false
	}
	c = term.Clause{Param: params[0], Or: params[1:], Kind: term.Reference}
	for j := range from {
		ref := from[j].Type + "/" + from[j].ID
		if i.Target != "" && i.Target != from[j].Type {
			continue
		}
		refs := append(in.names(&from[j]), ref)
		if in.q.own != "" {
			refs = append(refs, in.q.own+"/"+ref)
		}
		c.Any = append(c.Any, exactly(refs)...)
	}
	return c, len(c.Any) > 0
}

// names are those by which a resource may be referred to, if it has a canonical URL.
func (in *including) names(v *record.Version) []string {
	of := in.s.Parameters.Of(v.Type)
	if v.Damaged || of.Param("url") == nil {
		return nil
	}
	t := tape.Get()
	defer t.Release()
	if t.Parse(v.Body, storedLimits) != nil {
		return nil
	}
	return of.Names(t.Root())
}

// find releases what one clause finds and is not there yet, in parts where it has many tests.
func (in *including) find(typ string, c term.Clause) (with []record.Version, err error) {
	for tests := range slices.Chunk(c.Any, term.MaxTests) {
		c.Any = tests
		found, err := in.part(typ, c)
		if err != nil {
			return nil, err
		}
		with = append(with, found...)
	}
	return with, nil
}

func (in *including) part(typ string, c term.Clause) (with []record.Version, err error) {
	if in.left == 0 {
		in.cut = true
		return nil, nil
	}
	query := record.Query{Type: typ, All: []term.Clause{c}, Count: in.left, Detail: in.a.query.Detail, Stale: in.a.query.Stale}
	page, err := in.s.Store.Search(in.q, in.q.access, query)
	if errors.Is(err, record.ErrForbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	in.cut = in.cut || page.Next != ""
	for _, v := range page.Versions {
		ref := v.Type + "/" + v.ID
		if c.Param != term.ParamID && in.seen[ref] {
			continue
		}
		in.seen[ref] = true
		with = append(with, v)
	}
	in.left -= len(with)
	return with, nil
}

// searched is the path that a search was made at, below the base.
func (q *request) searched() string {
	switch {
	case q.within == nil && q.typ == "":
		return ""
	case q.within == nil:
		return "/" + q.typ
	case q.typ == "":
		return "/" + strings.Join([]string{q.within.Type, q.within.ID, "*"}, "/")
	}
	return "/" + strings.Join([]string{q.within.Type, q.within.ID, q.typ}, "/")
}
