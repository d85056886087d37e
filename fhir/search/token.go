package search

import (
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

func takeCoding(x *extraction, l *leaf, v tape.Value) {
	if display := x.coding(l, v); display != "" {
		x.describe(l, display)
	}
}

// coding adds a Coding's code and gives its display.
func (x *extraction) coding(l *leaf, v tape.Value) (display string) {
	var system, code string
	for m := v.First(); m.Exists(); m = m.Next() {
		switch string(m.NameBytes()) {
		case "system":
			system = x.text(m)
		case "code":
			code = x.text(m)
		case "display":
			display = x.text(m)
		}
	}
	if v.Kind() == tape.Object && (system != "" || code != "") {
		t := x.next(l.param.Code, l.param.Kind)
		t.System, t.Code = system, code
	}
	return display
}

func takeConcept(x *extraction, l *leaf, v tape.Value) {
	first := ""
	for c := v.Get("coding").First(); c.Exists(); c = c.Next() {
		if display := x.coding(l, c); display != "" && display != first {
			x.describe(l, display)
			if first == "" {
				first = display
			}
		}
	}
	if text := x.text(v.Get("text")); text != "" && text != first {
		x.describe(l, text)
	}
}

// takeIdentifier adds an Identifier, once for each code of its type (:of-type).
func takeIdentifier(x *extraction, l *leaf, v tape.Value) {
	system, value, typ := v.Get("system"), v.Get("value"), v.Get("type")
	t := term.Term{System: x.text(system), Code: x.text(value)}
	if t.System == "" && t.Code == "" {
		return
	}
	before := len(x.terms)
	for c := typ.Get("coding").First(); c.Exists(); c = c.Next() {
		if code := x.text(c.Get("code")); code != "" {
			t.Of = x.text(c.Get("system")) + "|" + code
			x.add(l, t)
		}
	}
	if len(x.terms) == before {
		x.add(l, t)
	}
	if text := x.text(typ.Get("text")); text != "" {
		x.describe(l, text)
	}
}

func takeContact(x *extraction, l *leaf, v tape.Value) {
	if value := x.text(v.Get("value")); value != "" {
		x.add(l, term.Term{System: x.text(v.Get("system")), Code: value})
	}
}

// takePlain adds a primitive, a code with the system that its element implies.
func takePlain(x *extraction, l *leaf, v tape.Value) {
	switch v.Kind() {
	case tape.String:
		if code := x.text(v); code != "" {
			x.add(l, term.Term{System: l.system, Code: code})
		}
	case tape.True, tape.False, tape.Number:
		x.add(l, term.Term{Code: x.lexeme(v)})
	}
}
