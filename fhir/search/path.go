package search

import (
	"strings"
)

// Nearly all expressions of search parameters are plain paths: member names, a choice of type, a condition or two. They are taken apart here
// and followed for all parameters of a type in one walk through the resource. What is no plain path goes to package fhirpath.

// opKind is what one step of a path does.
type opKind uint8

const (
	opMember opKind = iota // goes to the element of a name
	opCast                 // keeps values of a type: as T, .as(T), .ofType(T)
	opEqual                // .where(name='text')
	opTarget               // .where(resolve() is T): references to a T
	opFirst                // [0]
)

type op struct {
	kind        opKind
	name, value string
}

// path is one alternative of an expression.
type path struct {
	root string // the type that it begins at, "%resource", or "" for one that is relative
	ops  []op
}

// alternatives splits an expression at the bars of its union that are in no parentheses and no text.
func alternatives(expression string) (list []string) {
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\\' && quoted:
			i++
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '|' && depth == 0:
			list = append(list, strings.TrimSpace(expression[from:i]))
			from = i + 1
		}
	}
	return append(list, strings.TrimSpace(expression[from:]))
}

// parsePath reads one alternative; ok is false where it is more than a plain path.
func parsePath(expression string) (path, bool) {
	p := pathParser{s: expression}
	out := p.alternative()
	p.blanks()
	return out, !p.bad && p.s == ""
}

// pathParser reads from left to right; bad is set at the first thing that does not belong.
type pathParser struct {
	s   string
	bad bool
}

// alternative is a term, maybe with "as T" behind it.
func (p *pathParser) alternative() path {
	out := p.term()
	p.blanks()
	if p.take("as ") {
		out.ops = append(out.ops, op{kind: opCast, name: typeName(p.ident())})
	}
	return out
}

// term is a name or something in parentheses, and steps after it.
func (p *pathParser) term() (out path) {
	p.blanks()
	if p.take("(") {
		out = p.alternative()
		p.blanks()
		p.expect(")")
	} else if p.take("%resource") {
		out.root = "%resource"
	} else if name := p.ident(); isType(name) {
		out.root = name
	} else {
		out.ops = append(out.ops, op{kind: opMember, name: name})
	}
	for !p.bad {
		switch {
		case p.take(".where("):
			out.ops = append(out.ops, p.condition())
		case p.take(".as("), p.take(".ofType("):
			out.ops = append(out.ops, op{kind: opCast, name: typeName(p.ident())})
			p.expect(")")
		case p.take("[0]"):
			out.ops = append(out.ops, op{kind: opFirst})
		case p.take("."):
			out.ops = append(out.ops, op{kind: opMember, name: p.ident()})
		default:
			return out
		}
	}
	return out
}

// condition is what stands in where(…).
func (p *pathParser) condition() (out op) {
	p.blanks()
	if p.take("resolve() is ") {
		out = op{kind: opTarget, name: p.ident()}
	} else {
		out = op{kind: opEqual, name: p.ident()}
		p.blanks()
		p.expect("=")
		p.blanks()
		p.expect("'")
		text, rest, closed := strings.Cut(p.s, "'")
		p.bad = p.bad || !closed || strings.Contains(text, `\`)
		out.value, p.s = text, rest
	}
	p.blanks()
	p.expect(")")
	return out
}

func (p *pathParser) ident() string {
	n := 0
	for n < len(p.s) && (p.s[n]|0x20 >= 'a' && p.s[n]|0x20 <= 'z' || n > 0 && p.s[n] >= '0' && p.s[n] <= '9') {
		n++
	}
	name := p.s[:n]
	p.s = p.s[n:]
	p.bad = p.bad || n == 0 || strings.HasPrefix(p.s, "(")
	return name
}

func (p *pathParser) blanks() { p.s = strings.TrimLeft(p.s, " \t\r\n") }

func (p *pathParser) take(prefix string) (ok bool) {
	p.s, ok = strings.CutPrefix(p.s, prefix)
	return ok
}

func (p *pathParser) expect(prefix string) { p.bad = !p.take(prefix) || p.bad }

// isType tells whether a name that begins a path is a type's.
func isType(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

// typeName mends "DateTime", as a definition of R4 has it: there is no such type beside dateTime.
func typeName(name string) string {
	if name == "DateTime" {
		return "dateTime"
	}
	return name
}
