package indextest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
)

// world is an index and, beside it, the resources that it ought to know, in the order in which they came.
type world struct {
	x *index.Index
	gen
	all     []term.Resource
	version map[string]uint64
	entry   uint64
	clock   int64
}

func newWorld(x *index.Index, types ...string) *world {
	return &world{x: x, gen: gen{types}, version: map[string]uint64{}, clock: 1_795_000_000_000}
}

// gen makes terms and queries of two types.
type gen struct{ types []string }

var (
	ids = []string{"a", "a.b", "b", "c", "0193f1a2-7c00-7001-8000-00ff00000000", "f193f1a2-7c00-7001-8000-ff0000000001"}
)

// write brings some versions into the index by one batch, and into the list.
func (w *world) write(r *rapid.T, most int) {
	var b index.Batch
	for range rapid.IntRange(1, most).Draw(r, "writes") {
		typ, id := rapid.SampledFrom(w.types).Draw(r, "type"), rapid.SampledFrom(ids).Draw(r, "id")
		ref := typ + "/" + id
		w.version[ref]++
		w.entry++
		w.clock += rapid.Int64Range(-2, 1_000_000).Draw(r, "time")
		w.all = slices.DeleteFunc(w.all, func(o term.Resource) bool { return o.Type == typ && o.ID == id })
		u := index.Update{Type: typ, ID: id, Version: index.Version{Number: w.version[ref], Entry: w.entry, Time: w.clock}}
		if rapid.IntRange(0, 5).Draw(r, "deleted") == 0 {
			u.Version.Deleted = true
		} else {
			u.Terms = rapid.SliceOfN(rapid.Custom(w.term), 0, 5).Draw(r, "terms")
			w.all = append(w.all, term.Resource{Type: typ, ID: id, Updated: w.clock, Terms: u.Terms})
		}
		b.Updates = append(b.Updates, u)
	}
	if err := w.x.Apply(context.Background(), &b); err != nil {
		r.Fatal(err)
	}
}

// The pools are small, so that what is asked for is often there, and has values on either side of where buckets end.
var (
	systems = []string{"", "http://s", "http://t"}
	codes   = []string{"1", "2", "mg", "g"}
	refs    = []string{"T/a", "T/a.b", "U/a", "U/b", "T/a/_history/1", "https://far.off/T/a", "urn:uuid:0193f1a2-7c00-7001-8000-00ff00000000", "http://q|", "http://q|1", "http://q|2"}
	strs    = []string{"", "a", "ab", "sina", "ibn sina", "abdallah ibn al-husayn ibn ali ibn sina", "ابن سينا", "sinai"}
	uris    = []string{"http://acme.org", "http://acme.org/fhir", "http://acme.org/fhir/", "http://acme.org/fhir/ValueSet/1", "http://acme.org/fhir/ValueSet/12|2", "urn:oid:1.2"}
	texts   = []string{"a", "of a", "hyper", "hypertension of pregnancy", "hypertensive", "حمل"}
	times   = []int64{term.Past, -5, 0, 1, 1<<21 - 1, 1 << 21, 1<<27 - 1, 1 << 27, 1 << 33, 1_795_000_000_000, 1_795_000_000_999, 1<<48 + 5, term.Future - 1, term.Future}
	floats  = []float64{math.Inf(-1), -1e9, -1, 0, 1e-9, 0.5, 1, 5, 5.4, 5.4000001, 120, 1e9, math.Inf(1)}
)

func pick[T any](r *rapid.T, from []T, what string) T { return rapid.SampledFrom(from).Draw(r, what) }

func span[T int64 | float64](r *rapid.T, from []T) (lo, hi T) {
	lo = pick(r, from, "low")
	if hi = lo; rapid.Bool().Draw(r, "range") {
		hi = pick(r, from, "high")
	}
	if lo > hi && rapid.IntRange(0, 9).Draw(r, "odd") > 0 {
		lo, hi = hi, lo
	}
	return lo, hi
}

func genKind(r *rapid.T) term.Kind {
	return pick(r, []term.Kind{term.Token, term.Reference, term.Date, term.String, term.Number, term.Quantity, term.URI, term.Composite, term.Text, term.Missing}, "kind")
}

// params has two of each kind: the second is for clauses with Or.
func param(k term.Kind, second bool) string {
	if k == term.Text && second {
		return fmt.Sprint("p", term.Token) // beside a token, for :text
	}
	if second {
		return fmt.Sprint("q", k)
	}
	return fmt.Sprint("p", k)
}

func (g gen) term(r *rapid.T) term.Term {
	t := g.value(r, genKind(r))
	t.Param = param(t.Kind, rapid.IntRange(0, 3).Draw(r, "second") == 0)
	if t.Kind == term.Reference && rapid.IntRange(0, 2).Draw(r, "named") == 0 {
		return term.Term{Param: term.ParamCanonical, Kind: t.Kind, Value: pick(r, []string{"http://q|", "http://q|1", "http://q|2"}, "name")}
	}
	return t
}

func (g gen) value(r *rapid.T, k term.Kind) term.Term {
	t := term.Term{Kind: k}
	switch k {
	case term.Token:
		t.System, t.Code, t.Of = pick(r, systems, "system"), pick(r, codes, "code"), pick(r, []string{"", "v2|MR"}, "of")
	case term.Reference:
		t.Value = strings.NewReplacer("T/", g.types[0]+"/", "U/", g.types[1]+"/").Replace(pick(r, refs, "value"))
		if rapid.IntRange(0, 5).Draw(r, "own") == 0 && t.Value != "" {
			t.Value = here + "/" + t.Value
		}
		if rapid.Bool().Draw(r, "identified") {
			t.System, t.Code = pick(r, systems, "system"), pick(r, codes, "code")
		}
	case term.Date:
		t.Lo, t.Hi = span(r, times)
	case term.String:
		t.Folded = pick(r, strs, "folded")
		t.Value = pick(r, []string{"X", "x"}, "case") + t.Folded
	case term.Number:
		t.Low, t.High = span(r, floats)
	case term.Quantity:
		t.Low, t.High = span(r, floats)
		t.System, t.Code, t.Unit = pick(r, systems, "system"), pick(r, codes, "code"), pick(r, codes, "unit")
		if rapid.Bool().Draw(r, "ucum") {
			t.Canonical = canonical(t.Code, t.Low, t.High)
		}
	case term.URI:
		t.Value = pick(r, uris, "value")
	case term.Text:
		t.Folded = pick(r, texts, "text")
	case term.Composite:
		kinds := []term.Kind{term.Token, term.Quantity, term.Date, term.String, term.Reference}
		t.Parts = []term.Term{g.value(r, term.Token), g.value(r, pick(r, kinds, "part"))}
	}
	return t
}

func canonical(code string, low, high float64) *term.Canonical {
	switch code {
	case "mg":
		return &term.Canonical{Low: low / 1000, High: high / 1000, Unit: "g"}
	case "g":
		return &term.Canonical{Low: low, High: high, Unit: "g"}
	}
	return &term.Canonical{Low: low, High: high, Unit: "1"}
}

var prefixes = []term.Prefix{"", term.Equal, term.NotEqual, term.Greater, term.Less, term.GreaterOrEqual, term.LessOrEqual, term.StartsAfter, term.EndsBefore, term.Approximate}

func (g gen) test(r *rapid.T, k term.Kind) term.Test {
	v := g.value(r, k)
	q := term.Test{System: v.System, Code: v.Code, Of: "v2|MR", Value: v.Value, Folded: v.Folded, Lo: v.Lo, Hi: v.Hi, Low: v.Low, High: v.High, Prefix: pick(r, prefixes, "prefix")}
	switch k {
	case term.Token:
		q.Form = pick(r, []term.Form{term.Exact, term.AnySystem, term.AnyCode, term.OfType}, "form")
	case term.Reference:
		q.Form = pick(r, []term.Form{term.Exact, term.IDOnly, term.Identifier, term.AnySystem, term.AnyCode}, "form")
		if q.Form == term.IDOnly {
			q.Value = pick(r, ids, "id")
		}
	case term.String:
		q.Form = pick(r, []term.Form{term.Exact, term.Begins, term.Contains}, "form")
		if n := len([]rune(q.Folded)); n > 0 {
			cut := rapid.IntRange(0, n).Draw(r, "cut")
			q.Folded = string([]rune(q.Folded)[:cut])
			if q.Form == term.Contains {
				q.Folded = string([]rune(q.Folded)[rapid.IntRange(0, cut).Draw(r, "from"):])
			}
		}
	case term.URI:
		q.Form = pick(r, []term.Form{term.Exact, term.Above, term.Below}, "form")
	case term.Quantity:
		q.Form = pick(r, []term.Form{term.Exact, term.AnySystem}, "form")
		if rapid.Bool().Draw(r, "ucum") {
			q.Canonical = canonical(q.Code, q.Low, q.High)
		}
		if rapid.IntRange(0, 2).Draw(r, "no unit") == 0 {
			q.Form, q.System, q.Code, q.Canonical = term.Exact, "", "", nil
		}
	case term.Text:
		q.Form = term.Begins
	case term.Missing:
		q.Form = term.Absent
	case term.Composite:
		second := pick(r, []term.Kind{term.Token, term.Quantity, term.Date, term.String, term.Reference}, "part")
		q.Parts = []term.Test{g.test(r, term.Token), g.test(r, second)}
		if rapid.Bool().Draw(r, "kind is told") {
			q.Parts[0].Kind, q.Parts[1].Kind = term.Token, second
		}
	}
	return q
}

func (g gen) query(r *rapid.T, depth int) term.Query {
	q := term.Query{Type: pick(r, g.types, "type")}
	for range rapid.IntRange(0, 3).Draw(r, "clauses") {
		q.All = append(q.All, g.clause(r, depth))
	}
	return q
}

// here is the URL by which references may name what is at this server.
const here = "http://here"

func (g gen) clause(r *rapid.T, depth int) term.Clause {
	c := term.Clause{Not: rapid.IntRange(0, 4).Draw(r, "not") == 0}
	n := rapid.IntRange(0, 19).Draw(r, "clause")
	switch {
	case n < 2 && depth > 0:
		c.Param, c.Kind = param(term.Reference, false), term.Reference
		c.Chain = append(c.Chain, g.query(r, depth-1))
		c.Here, c.Canonical = pick(r, []string{"", here}, "here"), rapid.Bool().Draw(r, "canonical")
		if other := g.query(r, depth-1); other.Type != c.Chain[0].Type {
			c.Chain = append(c.Chain, other)
		}
	case n < 4 && depth > 0:
		c.Has, c.Here = &term.Has{Param: param(term.Reference, false), Query: g.query(r, depth-1)}, pick(r, []string{"", here}, "here")
		c.Canonical = rapid.Bool().Draw(r, "canonical")
	case n == 4:
		c.Param, c.Kind = term.ParamID, term.Token
		c.Any = []term.Test{{Code: pick(r, ids, "id")}, {Code: pick(r, ids, "id")}}
	case n == 5:
		c.Param, c.Kind = term.ParamUpdated, term.Date
		at := 1_795_000_000_000 + rapid.Int64Range(0, 8_000_000).Draw(r, "at")
		c.Any = []term.Test{{Prefix: pick(r, prefixes, "prefix"), Lo: at, Hi: at + rapid.Int64Range(0, 2_000_000).Draw(r, "long")}}
	default:
		c.Kind = genKind(r)
		c.Param = param(c.Kind, false)
		if rapid.IntRange(0, 3).Draw(r, "or") == 0 {
			c.Or = []string{param(c.Kind, true)}
		}
		for range rapid.IntRange(1, 2).Draw(r, "any") {
			c.Any = append(c.Any, g.test(r, c.Kind))
		}
	}
	return c
}

func genSort(r *rapid.T) (list []term.Sort) {
	for range rapid.IntRange(0, 2).Draw(r, "sorts") {
		k := genKind(r)
		s := term.Sort{Param: param(k, false), Kind: k, Descending: rapid.Bool().Draw(r, "descending")}
		switch rapid.IntRange(0, 5).Draw(r, "sort by") {
		case 0:
			s.Param, s.Kind = term.ParamID, term.Token
		case 1:
			s.Param, s.Kind = term.ParamUpdated, term.Date
		}
		list = append(list, s)
	}
	return list
}
