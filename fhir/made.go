package fhir

import (
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// withMade makes of what was found for conditional references what they find once the transaction's other parts are done, which is when they are
// resolved (FHIR R4, 3.1.0.11.2, step 5): what it creates and updates is as its entries say.
func (s *Server) withMade(q *request, list []entry, found map[string][]record.Head) (map[string][]record.Head, error) {
	wanted := map[string]*term.Query{}
	for i := range list {
		for _, c := range list[i].refers {
			if wanted[c.text] != nil {
				continue
			}
			typ, raw, _ := strings.Cut(c.text, "?")
			parsed, p := s.parseSearch(q, []string{typ}, raw, false)
			if p != nil {
				return nil, p.at(c.at)
			}
			wanted[c.text] = &term.Query{Type: typ, All: parsed.query.All}
		}
	}
	if len(wanted) == 0 {
		return found, nil
	}
	made := s.made(list, wanted)
	is := make(map[string]bool, len(made))
	for i := range made {
		is[made[i].Type+"/"+made[i].ID] = true
	}
	for text, query := range wanted {
		heads := slices.DeleteFunc(slices.Clone(found[text]), func(h record.Head) bool { return is[h.Type+"/"+h.ID] })
		for _, i := range term.Find(query, made) {
			heads = append(heads, record.Head{Type: made[i].Type, ID: made[i].ID})
		}
		found[text] = heads
	}
	return found, nil
}

// made are the resources that a transaction stores, of the types that are asked for, as a search sees them.
func (s *Server) made(list []entry, wanted map[string]*term.Query) (made []term.Resource) {
	all, types := false, map[string]bool{}
	for _, query := range wanted {
		types[query.Type] = true
		all = all || slices.ContainsFunc(query.All, func(c term.Clause) bool { return c.Chain != nil || c.Has != nil })
	}
	now := time.Now().UnixMilli()
	for i := range list {
		e := &list[i]
		if e.resource == nil || e.answer != nil || !all && !types[e.typ] {
			continue
		}
		terms := s.Parameters.Of(e.typ).Terms(nil, e.resource.root, nil)
		made = append(made, term.Resource{Type: e.typ, ID: e.id, Updated: now, Terms: terms})
	}
	return made
}
