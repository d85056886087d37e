package index

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/sijil-health/sijil/index/term"
)

// guess turns a clause on a resource's own terms into what marks say of it.
func (r *run) guess(typ string, c *term.Clause) guess {
	g := guess{none{}, none{}}
	switch {
	case c.Param == term.ParamUpdated:
		z := &zones{typ: typ, tests: c.Any}
		g = guess{zoned{z, true}, zoned{z, false}}
	case c.Kind == term.Text:
		g = exactly(r.text(typ, c))
	default:
		var list []guess
		for _, param := range append([]string{c.Param}, c.Or...) {
			f := &field{typ: typ, param: param, kind: c.Kind}
			for i := range c.Any {
				list = append(list, r.test(f, &c.Any[i]))
			}
		}
		if len(list) > 0 {
			g = anyOf(list)
		}
	}
	if c.Not {
		return g.not()
	}
	return g
}

// test is what marks say of one value asked for.
func (r *run) test(f *field, q *term.Test) guess {
	switch f.kind {
	case term.Token:
		return r.token(f, q)
	case term.Reference:
		return r.reference(f, q)
	case term.String:
		return r.string(f, q)
	case term.URI:
		return r.uri(f, q)
	case term.Date:
		return r.within(f, q.Prefix, r.times(f, q.Lo, q.Hi), marked(r.m.mark(f, markAny)))
	case term.Number:
		return r.within(f, q.Prefix, r.numbers(f, markBucket, "", q.Low, q.High), marked(r.m.mark(f, markAny)))
	case term.Quantity:
		return r.quantity(f, q)
	case term.Composite:
		return r.composite(f, q)
	case term.Missing:
		if q.Form == term.Absent {
			return exactly(marked(r.m.mark(f, markExact)))
		}
	}
	return guess{none{}, none{}}
}

func (r *run) token(f *field, q *term.Test) guess {
	switch q.Form {
	case term.Exact:
		return exactly(marked(r.m.mark(f, markExact, q.System, q.Code)))
	case term.AnySystem:
		return exactly(marked(r.m.mark(f, markCode, q.Code)))
	case term.AnyCode:
		return exactly(marked(r.m.mark(f, markSystem, q.System)))
	case term.OfType:
		return exactly(marked(r.m.mark(f, markOfType, q.Of, q.Code)))
	}
	return guess{none{}, none{}}
}

func (r *run) reference(f *field, q *term.Test) guess {
	switch q.Form {
	case term.Exact:
		return exactly(marked(r.m.mark(f, markExact, q.Value)))
	case term.IDOnly:
		return exactly(marked(r.m.mark(f, markID, q.Value)))
	case term.Identifier:
		return exactly(marked(r.m.mark(f, markPair, q.System, q.Code)))
	case term.AnySystem:
		return exactly(marked(r.m.mark(f, markCode, q.Code)))
	case term.AnyCode:
		return exactly(marked(r.m.mark(f, markSystem, q.System)))
	}
	return guess{none{}, none{}}
}

func (r *run) string(f *field, q *term.Test) guess {
	there := marked(r.m.mark(f, markAny))
	n := utf8.RuneCountInString(q.Folded)
	switch {
	case q.Form == term.Exact:
		return exactly(marked(r.m.mark(f, markExact, q.Value)))
	case q.Form != term.Begins && q.Form != term.Contains:
		return guess{none{}, none{}}
	case n == 0:
		return exactly(there)
	case q.Form == term.Contains && n < gram:
		return guess{none{}, there}
	}
	if q.Form == term.Begins {
		at := 0
		for at+1 < len(prefixes) && prefixes[at+1] <= n {
			at++
		}
		begins := marked(r.m.mark(f, markBegins, term.Beginning(q.Folded, prefixes[at])))
		if prefixes[at] == n {
			return exactly(begins)
		}
		return guess{none{}, begins}
	}
	var found meet
	grams(q.Folded, func(g string) {
		if len(found) < maxGrams {
			found = append(found, marked(r.m.mark(f, markGram, g)))
		}
	})
	long := marked(r.m.mark(f, markLong))
	if n == gram {
		return guess{found[0], join{found[0], long}}
	}
	return guess{none{}, join{found, long}}
}

func (r *run) uri(f *field, q *term.Test) guess {
	switch q.Form {
	case term.Exact:
		return exactly(marked(r.m.mark(f, markExact, q.Value)))
	case term.Below:
		return exactly(marked(r.m.mark(f, markBegins, q.Value)))
	case term.Above:
		var marks []mark
		term.Paths(q.Value, func(path string) { marks = append(marks, r.m.mark(f, markExact, path)) })
		return exactly(marked(marks...))
	}
	return guess{none{}, none{}}
}

// text is the documents in whose texts each of the words stands.
func (r *run) text(typ string, c *term.Clause) node {
	var found join
	for i := range c.Any {
		q := &c.Any[i]
		var words meet
		for w := range strings.SplitSeq(q.Folded, " ") {
			if w == "" {
				continue
			}
			var marks []mark
			for _, param := range append([]string{c.Param}, c.Or...) {
				marks = append(marks, r.m.mark(&field{typ: typ, param: param, kind: term.Text}, markExact, term.Beginning(w, term.TextLength)))
			}
			words = append(words, marked(marks...))
		}
		if words != nil && q.Form == term.Begins {
			found = append(found, words)
		}
	}
	if found == nil {
		return none{}
	}
	return found
}

// ends gives the documents of which the lower or the upper end of a range lies from one place of an axis to another.
type ends struct {
	r      *run
	f      *field
	axis   *axis
	form   byte
	unit   string
	lo, hi uint64 // what is asked for
	last   uint64 // of the axis
	// after and before are the places next to what is asked for; false where there is none.
	after, before func() (uint64, bool)
}

func (r *run) times(f *field, lo, hi int64) ends {
	return ends{r: r, f: f, axis: &times, form: markBucket, lo: onTimes(lo), hi: onTimes(hi), last: endOfTimes,
		after:  func() (uint64, bool) { return onTimes(hi + 1), hi < term.Future },
		before: func() (uint64, bool) { return onTimes(lo - 1), lo > term.Past }}
}

func (r *run) numbers(f *field, form byte, unit string, low, high float64) ends {
	e := ends{r: r, f: f, axis: &numbers, form: form, unit: unit, lo: onNumbers(low), hi: onNumbers(high), last: math.MaxUint64}
	e.after = func() (uint64, bool) { return e.hi + 1, e.hi < math.MaxUint64 }
	e.before = func() (uint64, bool) { return e.lo - 1, e.lo > 0 }
	return e
}

// of is the documents with the end of a range in a stretch.
func (e *ends) of(end byte, s stretch) guess {
	if s.from > s.to {
		return guess{none{}, none{}}
	}
	var whole, part []mark
	add := func(list *[]mark) func(level int, n uint64) {
		return func(level int, n uint64) {
			for _, which := range [...]byte{bothEnds, end} {
				*list = append(*list, e.r.m.bucket(e.f, e.form, e.unit, which, level, n))
			}
		}
	}
	e.axis.cover(s, e.last, add(&whole), add(&part))
	sure := marked(whole...)
	if part == nil {
		return exactly(sure)
	}
	return guess{sure, join{sure, marked(part...)}}
}

// within is what marks say of a comparison (see term.Test.Holds), among the documents that have something to compare. A document with several
// values may fulfil one half of a condition by the one and the other by another: it is not sure.
func (r *run) within(f *field, p term.Prefix, e ends, there node) guess {
	odd, several := marked(r.m.mark(f, markOdd)), r.several(f)
	both := func(a, b guess) guess {
		return guess{but{meet{a.sure, b.sure}, several}, meet{a.maybe, b.maybe}}
	}
	asked := stretch{from: e.lo, to: e.hi}
	inside := func() guess { return both(e.of(lowEnd, asked), e.of(highEnd, asked)) }
	above := func(end byte) guess {
		from, ok := e.after()
		if !ok {
			return guess{none{}, none{}}
		}
		return e.of(end, stretch{from: from, to: e.last, openHigh: true})
	}
	below := func(end byte) guess {
		to, ok := e.before()
		if !ok {
			return guess{none{}, none{}}
		}
		return e.of(end, stretch{to: to, openLow: true})
	}
	g := guess{none{}, none{}}
	switch p {
	case term.Equal, "":
		g = inside()
	case term.NotEqual:
		in := inside()
		return guess{but{there, join{in.maybe, odd}}, but{there, in.sure}}
	case term.Greater:
		g = above(highEnd)
	case term.Less:
		g = below(lowEnd)
	case term.GreaterOrEqual:
		g = anyOf([]guess{above(highEnd), e.of(lowEnd, stretch{from: e.lo, to: e.last, openHigh: true})}) // what is inside begins there
	case term.LessOrEqual:
		g = anyOf([]guess{below(lowEnd), e.of(highEnd, stretch{to: e.hi, openLow: true})})
	case term.StartsAfter:
		g = above(lowEnd)
	case term.EndsBefore:
		g = below(highEnd)
	case term.Approximate:
		g = both(e.of(lowEnd, stretch{to: e.hi, openLow: true}), e.of(highEnd, stretch{from: e.lo, to: e.last, openHigh: true}))
	default:
		return g
	}
	return guess{g.sure, join{g.maybe, odd}}
}

// quantity compares in the unit asked for, and in base units what has another.
func (r *run) quantity(f *field, q *term.Test) guess {
	unit, asked := node(every{}), true
	switch {
	case q.Form == term.AnySystem:
		unit = marked(r.m.mark(f, markCode, q.Code))
	case q.Form != term.Exact:
		return guess{none{}, none{}}
	case q.System != "" || q.Code != "":
		unit = marked(r.m.mark(f, markExact, q.System, q.Code))
	default:
		asked = false
	}
	there := node(marked(r.m.mark(f, markAny)))
	g := r.within(f, q.Prefix, r.numbers(f, markBucket, "", q.Low, q.High), there)
	if !asked {
		return g
	}
	several := r.several(f)
	g = guess{but{meet{unit, g.sure}, several}, meet{unit, g.maybe}}
	c := q.Canonical
	if c == nil {
		return g
	}
	base := marked(r.m.mark(f, markBaseUnit, c.Unit))
	b := r.within(f, q.Prefix, r.numbers(f, markBase, c.Unit, c.Low, c.High), base)
	return guess{join{g.sure, but{meet{base, b.sure}, join{unit, several}}}, join{g.maybe, meet{base, b.maybe}}}
}

// several is the documents of which marks do not tell by which of several values they have them, or that have a range with its ends in the wrong
// order. Those of a composite's parts go by the composite.
func (r *run) several(f *field) node {
	whole := *f
	if f.part > 0 {
		whole.kind, whole.part = term.Composite, 0
	}
	return marked(r.m.mark(&whole, markSeveral), r.m.mark(f, markOdd))
}

// partKinds are those that the parts of a composite may have.
var partKinds = []term.Kind{term.Token, term.Reference, term.Date, term.String, term.Number, term.Quantity, term.URI}

// composite is the documents in which each part is fulfilled.
func (r *run) composite(f *field, q *term.Test) guess {
	if len(q.Parts) == 0 {
		return guess{none{}, none{}}
	}
	var sure, maybe meet
	for i := range q.Parts {
		kinds := partKinds
		if q.Parts[i].Kind != 0 {
			kinds = []term.Kind{q.Parts[i].Kind}
		}
		var list []guess
		for _, kind := range kinds {
			list = append(list, r.test(&field{typ: f.typ, param: f.param, kind: kind, part: byte(i + 1)}, &q.Parts[i]))
		}
		g := anyOf(list)
		sure, maybe = append(sure, g.sure), append(maybe, g.maybe)
	}
	return guess{but{sure, r.several(f)}, maybe}
}
