package term

import (
	"cmp"
	"slices"
	"strings"
)

// Resource is what a search looks at: a resource's current version with its terms.
type Resource struct {
	Type, ID string
	Updated  int64 // Unix milliseconds
	Terms    []Term
}

// Holds tells whether a clause without Chain and Has holds for a resource. The Text terms of a parameter count as one text.
func (c *Clause) Holds(r *Resource) bool { return c.Not != c.any(r) }

func (c *Clause) any(r *Resource) bool {
	switch c.Param {
	case ParamID:
		return c.passes(&Term{Kind: Token, Code: r.ID})
	case ParamUpdated:
		return c.passes(&Term{Kind: Date, Lo: r.Updated, Hi: r.Updated})
	}
	var text []string
	for i := range r.Terms {
		t := &r.Terms[i]
		switch {
		case t.Kind != c.Kind || t.Param != c.Param && !slices.Contains(c.Or, t.Param):
		case t.Kind == Text:
			text = append(text, t.Folded)
		case c.passes(t):
			return true
		}
	}
	return text != nil && c.passes(&Term{Kind: Text, Folded: strings.Join(text, " ")})
}

func (c *Clause) passes(t *Term) bool {
	return slices.ContainsFunc(c.Any, func(q Test) bool { return q.Holds(t) })
}

// Key gives that by which a resource is sorted, in a form whose bytes are ordered as the values are; false if it has none.
func (s *Sort) Key(r *Resource) (key string, ok bool) {
	switch s.Param {
	case ParamID:
		return r.ID, true
	case ParamUpdated:
		return integerKey(r.Updated), true
	}
	for i := range r.Terms {
		t := &r.Terms[i]
		if t.Param != s.Param || t.Kind != s.Kind {
			continue
		}
		if k, has := t.key(s.Descending); has && (!ok || s.Descending && k > key || !s.Descending && k < key) {
			key, ok = k, true
		}
	}
	return key, ok
}

// SortLength is how much of a text decides where it is sorted, in bytes.
const SortLength = 64

func (t *Term) key(greatest bool) (string, bool) {
	switch t.Kind {
	case Token:
		return beginning(t.Code), true
	case Reference, URI:
		return beginning(t.Value), t.Value != ""
	case String:
		return beginning(t.Folded), true
	case Date:
		if greatest {
			return integerKey(t.Hi), true
		}
		return integerKey(t.Lo), true
	case Number, Quantity:
		low, high := t.Low, t.High
		if t.Canonical != nil {
			low, high = t.Canonical.Low, t.Canonical.High
		}
		if greatest {
			return numberKey(high), true
		}
		return numberKey(low), true
	}
	return "", false
}

func beginning(s string) string { return s[:min(len(s), SortLength)] }

// Find gives the places of the resources that a query finds, in its order. It goes through everything as often as it takes: it says what is
// right, not how to get there.
func Find(q *Query, all []Resource) []int {
	var found []int
	for i := range all {
		if all[i].Type == q.Type && !slices.ContainsFunc(q.All, func(c Clause) bool { return !holds(&c, &all[i], all) }) {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b int) int { return q.compare(&all[a], &all[b]) })
	return found
}

func (q *Query) compare(a, b *Resource) int {
	for i := range q.Sort {
		s := &q.Sort[i]
		x, okX := s.Key(a)
		y, okY := s.Key(b)
		switch {
		case okX != okY && okX:
			return -1
		case okX != okY:
			return 1
		case x == y:
		case s.Descending:
			return cmp.Compare(y, x)
		default:
			return cmp.Compare(x, y)
		}
	}
	return 0
}

func holds(c *Clause, r *Resource, all []Resource) bool {
	switch {
	case c.Has != nil:
		refers := func(i int) bool { return refersTo(&all[i], []string{c.Has.Param}, r, c) }
		return c.Not != slices.ContainsFunc(Find(&c.Has.Query, all), refers)
	case c.Chain != nil:
		refers := func(i int) bool {
			return refersTo(r, append([]string{c.Param}, c.Or...), &all[i], c)
		}
		return c.Not != slices.ContainsFunc(c.Chain, func(q Query) bool { return slices.ContainsFunc(Find(&q, all), refers) })
	}
	return c.Holds(r)
}

func refersTo(r *Resource, params []string, to *Resource, c *Clause) bool {
	return slices.ContainsFunc(r.Terms, func(t Term) bool {
		if t.Kind != Reference || !slices.Contains(params, t.Param) {
			return false
		}
		named := func(name Term) bool {
			return name.Param == ParamCanonical && name.Kind == Reference && name.Value == t.Value
		}
		return Versionless(Relative(t.Value, c.Here)) == to.Type+"/"+to.ID || c.Canonical && t.Value != "" && slices.ContainsFunc(to.Terms, named)
	})
}
