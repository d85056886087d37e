package match

import (
	"slices"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/index/term"
)

// Search is one search for candidates: all clauses hold, and no more than Most of what it finds is looked at.
type Search struct {
	All  []term.Clause
	Most int
}

// Limits of the search for candidates.
const (
	maxKeys     = 5   // words of a name
	mostFew     = 200 // of what few share
	mostMany    = 60  // of what many may share
	birthYears  = 2   // before and after, for names that many bear
	maxSearches = 40
)

// Searches gives the searches for candidates, the most telling first. Each asks what the index keeps lists for; none goes through all patients.
func (p *Person) Searches() (list []Search) {
	add := func(most int, all ...term.Clause) {
		if len(list) < maxSearches {
			list = append(list, Search{all, most})
		}
	}
	if c := p.byIdentifier(); c.Any != nil {
		add(mostFew, c)
	}
	if c := p.byTelecom(); c.Any != nil {
		add(mostFew, c)
	}
	keys := p.keys()
	if p.birth.full() && len(keys) > 0 {
		add(mostFew, sounds(keys...), born(p.birth.variants()...))
	}
	for i := range keys { // three words of the name
		for j := i + 1; j < len(keys); j++ {
			for k := j + 1; k < len(keys); k++ {
				add(mostMany, sounds(keys[i]), sounds(keys[j]), sounds(keys[k]))
			}
		}
	}
	for i := range keys {
		for j := i + 1; j < len(keys); j++ {
			if p.birth.year > 0 {
				add(mostMany, sounds(keys[i]), sounds(keys[j]), p.bornAbout())
			}
			if len(keys) == 2 || p.birth.year == 0 {
				add(mostMany, sounds(keys[i]), sounds(keys[j]))
			}
		}
	}
	if len(keys) == 1 && p.birth.year > 0 && !p.birth.full() {
		add(mostMany, sounds(keys[0]), born(p.birth))
	}
	return list
}

// keys are those of the words of all names, each once, the longest name first.
func (p *Person) keys() (keys []string) {
	names := slices.Clone(p.names)
	slices.SortStableFunc(names, func(a, b []search.Word) int { return len(b) - len(a) })
	for _, name := range names {
		for _, w := range name {
			if len(w.Key) > 1 && !slices.Contains(keys, w.Key) && len(keys) < maxKeys {
				keys = append(keys, w.Key)
			}
		}
	}
	return keys
}

func (p *Person) byIdentifier() term.Clause {
	c := term.Clause{Param: "identifier", Kind: term.Token}
	for _, i := range p.identifiers {
		t := term.Test{Form: term.AnySystem, Code: i.value}
		if i.system != "" {
			t = term.Test{System: i.system, Code: i.value}
		}
		c.Any = append(c.Any, t)
	}
	return c
}

func (p *Person) byTelecom() term.Clause {
	c := term.Clause{Param: "telecom", Kind: term.Token}
	for i, raw := range p.raw {
		c.Any = append(c.Any, term.Test{Form: term.AnySystem, Code: raw})
		if p.telecoms[i] != raw {
			c.Any = append(c.Any, term.Test{Form: term.AnySystem, Code: p.telecoms[i]})
		}
	}
	return c
}

// sounds is that a name has a word with any of some keys.
func sounds(keys ...string) term.Clause {
	c := term.Clause{Param: "phonetic", Kind: term.String}
	for _, k := range keys {
		c.Any = append(c.Any, term.Test{Form: term.Exact, Value: k})
	}
	return c
}

// born is that the birth date is any of some.
func born(dates ...date) term.Clause {
	c := term.Clause{Param: "birthdate", Kind: term.Date}
	for _, d := range dates {
		lo, hi := d.span()
		c.Any = append(c.Any, term.Test{Prefix: term.Equal, Lo: lo, Hi: hi})
	}
	return c
}

// bornAbout is that the birth date is within some years.
func (p *Person) bornAbout() term.Clause {
	lo, _ := date{year: max(1, p.birth.year-birthYears)}.span()
	_, hi := date{year: p.birth.year + birthYears}.span()
	return term.Clause{Param: "birthdate", Kind: term.Date, Any: []term.Test{{Prefix: term.Equal, Lo: lo, Hi: hi}}}
}
