package search

import (
	"slices"
	"sync"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhirpath"
	"github.com/sijil-health/sijil/index/term"
)

// Terms appends to list by what a resource of the type is found, and gives the list. resolved has the texts that stand for those of
// references in the tape, by where their strings begin; it may be nil. An element of the wrong type gives nothing. The terms share memory
// among themselves, and none with the tape.
func (t *Type) Terms(list []term.Term, root tape.Value, resolved map[int]string) []term.Term {
	if root.Kind() != tape.Object {
		return list
	}
	x := extractions.Get().(*extraction)
	x.start(t, root, resolved)
	x.at(t.root, root, 0)
	x.texts(t)
	for _, p := range t.Params {
		if p.slot >= 0 && !x.present[p.slot] {
			x.next(p.Code, term.Missing)
		}
	}
	for _, name := range t.Names(root) {
		x.next(term.ParamCanonical, term.Reference).Value = name
	}
	list = append(list, x.terms...)
	x.end()
	return list
}

var extractions = sync.Pool{New: func() any { return new(extraction) }}

// extraction is the state of one walk.
type extraction struct {
	root     tape.Value
	source   string // the resource's bytes, of which the terms' texts are parts
	offset   int    // where they begin on the tape
	resolved map[int]string
	terms    []term.Term     // kept from one resource to the next, for their room
	present  []bool          // by Param.slot: there is a value
	base     *term.Canonical // of the quantity before, which several parameters take in turn
	of       quantity
	inner    bool    // it is for a composite: values alone, no texts beside them
	words    wordSet // kept from one resource to the next, as run is
	run      fhirpath.Run
	steps    int // that expressions took, see maxSteps
}

func (x *extraction) start(t *Type, root tape.Value, resolved map[int]string) {
	x.root, x.source, x.offset, x.resolved, x.steps = root, string(root.Raw()), root.Start(), resolved, 0
	if cap(x.present) < t.slots {
		x.present = make([]bool, t.slots)
	}
	x.present = x.present[:t.slots]
	clear(x.present)
}

// maxRoom is for how many terms an extraction keeps room.
const maxRoom = 1 << 10

// end forgets all that was read.
func (x *extraction) end() {
	x.root, x.source, x.resolved, x.base, x.of = tape.Value{}, "", nil, nil, quantity{}
	if cap(x.terms) > maxRoom {
		x.terms = nil
	}
	clear(x.terms)
	x.terms = x.terms[:0]
	extractions.Put(x)
}

// walk goes on with what stands under a member, element by element.
func (x *extraction) walk(s *step, v tape.Value) {
	if v.Kind() != tape.Array {
		x.at(s, v, 0)
		return
	}
	i := 0
	for e := v.First(); e.Exists(); e = e.Next() {
		x.at(s, e, i)
		i++
	}
}

// at does what a step says with one value, the i-th of its list.
func (x *extraction) at(s *step, v tape.Value, i int) {
	kind := v.Kind()
	if kind == tape.Null || kind == tape.Array {
		return
	}
	for j := range s.leaves {
		l := &s.leaves[j]
		if l.param.slot >= 0 && l.param.Kind != term.Composite && l.program == nil {
			x.present[l.param.slot] = true
		}
		l.take(x, l, v)
	}
	for j := range s.conds {
		if x.holds(&s.conds[j].op, v, i) {
			x.at(s.conds[j].next, v, i)
		}
	}
	if s.onlyNext != nil {
		if m := v.Get(s.only); m.Exists() {
			x.walk(s.onlyNext, m)
		}
	} else if kind == tape.Object && s.members != nil {
		for m := v.First(); m.Exists(); m = m.Next() {
			if next := s.members[string(m.NameBytes())]; next != nil {
				x.walk(next, m)
			}
		}
	}
}

func (x *extraction) holds(o *op, v tape.Value, i int) bool {
	switch o.kind {
	case opFirst:
		return i == 0
	case opEqual:
		return v.Get(o.name).Is(o.value)
	default:
		return x.pointsAt(v, o.name)
	}
}

// text gives a string's text, mostly as a part of the source.
func (x *extraction) text(v tape.Value) string {
	if v.Plain() {
		return x.source[v.Start()+1-x.offset : v.End()-1-x.offset]
	}
	return v.Text()
}

// lexeme gives a number or boolean as it is written.
func (x *extraction) lexeme(v tape.Value) string {
	return x.source[v.Start()-x.offset : v.End()-x.offset]
}

// next adds an empty term and gives it, to be filled before another is added.
func (x *extraction) next(param string, kind term.Kind) *term.Term {
	if len(x.terms) == cap(x.terms) {
		x.terms = slices.Grow(x.terms, max(32, len(x.terms)))
	}
	x.terms = x.terms[:len(x.terms)+1]
	t := &x.terms[len(x.terms)-1]
	*t = term.Term{Param: param, Kind: kind}
	return t
}

// add adds a term of the parameter.
func (x *extraction) add(l *leaf, t term.Term) {
	t.Param, t.Kind = l.param.Code, l.param.Kind
	x.terms = append(x.terms, t)
}

// describe adds the words by which :text finds a value.
func (x *extraction) describe(l *leaf, text string) {
	if x.inner {
		return
	}
	if text = FoldWords(text); text != "" {
		x.next(l.param.Code, term.Text).Folded = text
	}
}
