package patch

import (
	"strconv"
	"strings"
)

// selector is what sel may be: a path of XPath 1.0 from the document's root by names of children, each with predicates, that ends in an
// element, an attribute, a text or a comment (RFC 5261, 4.1). A predicate is a number, last(), or a condition: paths of the same kind, bare
// or compared with a text, joined by "and" and "or".
type selector []step

// step leads from an element to some of its children or to an attribute.
type step struct {
	kind  stepKind
	any   bool   // *
	space string // URI
	local string
	where []*condition
}

type stepKind uint8

const (
	toElement stepKind = iota
	toAttribute
	toText
	toComment
	toSelf
)

// condition is a predicate, or a part of one.
type condition struct {
	position int // the number; -1 for last(); 0 for another
	join     string
	parts    []*condition
	path     selector
	compare  string // =, !=, or "" where it is enough that the path leads to something
	text     string
}

// xpath reads a selector.
type xpath struct {
	s      string
	spaces func(prefix string) (string, bool)
	depth  int
}

// maxPath bounds a selector, in bytes.
const maxPath = 4096

func readSelector(s string, spaces func(string) (string, bool)) (selector, *Error) {
	if len(s) > maxPath {
		return nil, fail(Malformed, "sel is longer than %d bytes", maxPath)
	}
	p := &xpath{s: strings.TrimSpace(s), spaces: spaces}
	p.take("/")
	path, bad := p.path(true)
	if bad == nil && p.s != "" {
		bad = p.bad()
	}
	return path, bad
}

func (p *xpath) bad() *Error {
	return fail(Malformed, "sel is no path that is taken here: names of elements from the resource on, with predicates, and at the end perhaps @name, text() or comment()")
}

func (p *xpath) space() { p.s = strings.TrimLeft(p.s, " \t\r\n") }

func (p *xpath) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.s, token)
	if ok {
		p.s = rest
	}
	return ok
}

// path reads steps. Only a selector itself has predicates in it, not the paths inside predicates.
func (p *xpath) path(outer bool) (path selector, bad *Error) {
	for {
		s, bad := p.step()
		if bad != nil {
			return nil, bad
		}
		for outer && p.take("[") {
			c, bad := p.either()
			if bad != nil {
				return nil, bad
			}
			if !p.take("]") {
				return nil, p.bad()
			}
			s.where = append(s.where, c)
		}
		path = append(path, s)
		if !p.take("/") {
			return path, nil
		}
		if s.kind != toElement && s.kind != toSelf {
			return nil, p.bad()
		}
	}
}

func (p *xpath) step() (step, *Error) {
	switch {
	case p.take("text()"):
		return step{kind: toText, any: true}, nil
	case p.take("comment()"):
		return step{kind: toComment, any: true}, nil
	case p.take("*"):
		return step{any: true}, nil
	case p.take("@"):
		s, bad := p.name(step{kind: toAttribute})
		return s, bad
	}
	if strings.HasPrefix(p.s, ".") && !strings.HasPrefix(p.s, "..") {
		p.s = p.s[1:]
		return step{kind: toSelf}, nil
	}
	p.take("child::")
	return p.name(step{})
}

// name reads a name. One without a prefix is of the namespace that the prefix "" stands for, but that of an attribute of none.
func (p *xpath) name(s step) (step, *Error) {
	first, ok := p.word()
	if !ok {
		return s, p.bad()
	}
	s.local = first
	if strings.HasPrefix(p.s, ":") && !strings.HasPrefix(p.s, "::") {
		p.s = p.s[1:]
		if s.local, ok = p.word(); !ok {
			return s, p.bad()
		}
		if s.space, ok = p.spaces(first); !ok {
			return s, fail(Malformed, "a prefix in sel is not declared in the patch")
		}
	} else if s.kind == toElement {
		s.space, _ = p.spaces("")
	}
	return s, nil
}

func (p *xpath) word() (string, bool) {
	i := 0
	for i < len(p.s) {
		c := p.s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 || i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.') {
			i++
			continue
		}
		break
	}
	word := p.s[:i]
	p.s = p.s[i:]
	return word, i > 0
}

// maxDepth bounds how deep conditions stand in brackets.
const maxDepth = 16

// either reads conditions joined by "or", and both those joined by "and".
func (p *xpath) either() (*condition, *Error) { return p.joined("or", p.both) }

func (p *xpath) both() (*condition, *Error) { return p.joined("and", p.condition) }

func (p *xpath) joined(word string, read func() (*condition, *Error)) (*condition, *Error) {
	c := &condition{join: word}
	for {
		part, bad := read()
		if bad != nil {
			return nil, bad
		}
		c.parts = append(c.parts, part)
		if p.space(); !strings.HasPrefix(p.s, word+" ") {
			break
		}
		p.s = p.s[len(word):]
	}
	if len(c.parts) == 1 {
		return c.parts[0], nil
	}
	return c, nil
}

func (p *xpath) condition() (*condition, *Error) {
	p.space()
	if p.take("(") {
		if p.depth++; p.depth > maxDepth {
			return nil, p.bad()
		}
		c, bad := p.either()
		if p.depth--; bad == nil && !p.take(")") {
			bad = p.bad()
		}
		return c, bad
	}
	if p.take("last()") {
		return &condition{position: -1}, nil
	}
	if p.take("position()") && !p.take("=") {
		return nil, p.bad()
	}
	p.space()
	if p.s != "" && p.s[0] >= '0' && p.s[0] <= '9' {
		return p.number()
	}
	c := &condition{}
	var bad *Error
	if c.path, bad = p.path(false); bad != nil {
		return nil, bad
	}
	switch {
	case p.take("!="):
		c.compare = "!="
	case p.take("="):
		c.compare = "="
	default:
		return c, nil
	}
	p.space()
	if p.s == "" || p.s[0] != '"' && p.s[0] != '\'' {
		return nil, p.bad()
	}
	text, rest, ok := strings.Cut(p.s[1:], p.s[:1])
	if !ok {
		return nil, p.bad()
	}
	c.text, p.s = text, rest
	return c, nil
}

func (p *xpath) number() (*condition, *Error) {
	i := 0
	for i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(p.s[:i])
	if err != nil || n == 0 {
		return nil, p.bad()
	}
	p.s = p.s[i:]
	return &condition{position: n}, nil
}
