package fhir

import (
	"net/http"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// each calls fn for every value that stands at a path below v: member names joined by dots, arrays passed over.
func each(v tape.Value, path string, fn func(tape.Value) *problem) *problem {
	if v.Kind() == tape.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if p := each(c, path, fn); p != nil {
				return p
			}
		}
		return nil
	}
	if path == "" {
		if !v.Exists() || v.Kind() == tape.Null {
			return nil
		}
		return fn(v)
	}
	if v.Exists() && v.Kind() != tape.Object {
		return fail(http.StatusBadRequest, "structure", "the element must be an object, not %s", v.Kind()).at(v)
	}
	name, rest, _ := strings.Cut(path, ".")
	return each(v.Get(name), rest, fn)
}

// indexer gathers the terms of one resource.
type indexer struct {
	base     string         // the server's own URL, by which a chart may be named too
	resolved map[int]string // replaced references, by where they start in the tape's source
	terms    []term.Term
}

// termsOf gives what a resource is found by. A searchable element of the wrong JSON type is a problem.
func (x *indexer) termsOf(r *resource) *problem {
	table := types[r.typ]
	for i := range table.params {
		param := &table.params[i]
		for j := range param.at {
			e := &param.at[j]
			if p := each(r.root, e.path, func(v tape.Value) *problem { return x.add(param, e, v) }); p != nil {
				return p
			}
		}
	}
	return nil
}

func (x *indexer) add(param *param, e *element, v tape.Value) *problem {
	switch e.as {
	case "Identifier":
		return x.coding(param, v, "value")
	case "Coding":
		return x.coding(param, v, "code")
	case "CodeableConcept":
		if p := want(v, tape.Object); p != nil {
			return p
		}
		return each(v, "coding", func(c tape.Value) *problem { return x.coding(param, c, "code") })
	case "Reference":
		return x.reference(param, e, v)
	case "date", "dateTime", "instant":
		at, p := dateOf(v)
		if p == nil {
			x.terms = append(x.terms, term.Term{Param: param.name, Kind: term.Date, Lo: at.lo, Hi: at.hi})
		}
		return p
	case "Period":
		return x.period(param, v)
	case "Timing":
		return x.timing(param, v)
	default: // code, id, string, uri, boolean
		if v.Kind() == tape.Object || v.Kind() == tape.Array {
			return fail(http.StatusBadRequest, "structure", "the element must be a primitive, not %s", v.Kind()).at(v)
		}
		text := v.Text()
		if v.Kind() != tape.String {
			text = string(v.Raw())
		}
		x.terms = append(x.terms, term.Term{Param: param.name, Kind: term.Token, Code: text})
		return nil
	}
}

func want(v tape.Value, kind tape.Kind) *problem {
	if v.Exists() && v.Kind() != kind {
		return fail(http.StatusBadRequest, "structure", "the element must be %s, not %s", kind, v.Kind()).at(v)
	}
	return nil
}

// coding adds an Identifier or Coding: system and the member that is the code.
func (x *indexer) coding(param *param, v tape.Value, code string) *problem {
	if p := want(v, tape.Object); p != nil {
		return p
	}
	system, value := v.Get("system"), v.Get(code)
	if p := want(system, tape.String); p != nil {
		return p
	}
	if p := want(value, tape.String); p != nil {
		return p
	}
	if value.Exists() {
		x.terms = append(x.terms, term.Term{Param: param.name, Kind: term.Token, System: system.Text(), Code: value.Text()})
	}
	return nil
}

func (x *indexer) reference(param *param, e *element, v tape.Value) *problem {
	if p := want(v, tape.Object); p != nil {
		return p
	}
	// The URL of a server is kept, also of this one: what is found must not depend on the name by which a client reached it.
	if to := x.target(v, ""); to != "" && (!e.patientOnly || isPatient(to)) {
		x.terms = append(x.terms, term.Term{Param: param.name, Kind: term.Reference, Value: to})
	}
	return nil
}

// isPatient tells whether a canonical reference points at a Patient, here or elsewhere.
func isPatient(ref string) bool {
	if _, tail := restful(ref); tail != "" {
		ref = tail
	}
	return strings.HasPrefix(ref, "Patient/")
}

// target is what a Reference element points at, once resolved, in canonical form; base is stripped from it.
func (x *indexer) target(v tape.Value, base string) string {
	ref := v.Get("reference")
	if !ref.Exists() {
		return ""
	}
	text, ok := x.resolved[ref.Start()]
	if !ok {
		text = ref.Text()
	}
	return canonicalReference(text, base)
}

func dateOf(v tape.Value) (period, *problem) {
	if p := want(v, tape.String); p != nil {
		return period{}, p
	}
	at, ok := parseDate(v.Text())
	if !ok {
		return period{}, fail(http.StatusBadRequest, "value", "this is no date: write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz").at(v)
	}
	return at, nil
}

// bounds reads a Period; ok is false if neither end is given.
func bounds(v tape.Value) (at period, ok bool, p *problem) {
	if p := want(v, tape.Object); p != nil {
		return at, false, p
	}
	at = period{term.Past, term.Future}
	if start := v.Get("start"); start.Exists() {
		from, p := dateOf(start)
		if p != nil {
			return at, false, p
		}
		at.lo, ok = from.lo, true
	}
	if end := v.Get("end"); end.Exists() {
		to, p := dateOf(end)
		if p != nil {
			return at, false, p
		}
		at.hi, ok = to.hi, true
	}
	return at, ok, nil
}

func (x *indexer) period(param *param, v tape.Value) *problem {
	at, ok, p := bounds(v)
	if ok {
		x.terms = append(x.terms, term.Term{Param: param.name, Kind: term.Date, Lo: at.lo, Hi: at.hi})
	}
	return p
}

// timing adds the outer bounds of a Timing: of its events, or of the period in which it repeats.
func (x *indexer) timing(param *param, v tape.Value) *problem {
	if p := want(v, tape.Object); p != nil {
		return p
	}
	outer, any := period{term.Future, term.Past}, false
	p := each(v, "event", func(e tape.Value) *problem {
		at, p := dateOf(e)
		outer, any = period{min(outer.lo, at.lo), max(outer.hi, at.hi)}, true
		return p
	})
	if p != nil {
		return p
	}
	if any {
		x.terms = append(x.terms, term.Term{Param: param.name, Kind: term.Date, Lo: outer.lo, Hi: outer.hi})
		return nil
	}
	return each(v, "repeat.boundsPeriod", func(b tape.Value) *problem { return x.period(param, b) })
}
