package patch

import (
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/xml"
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

// place is what a path leads to: a node, or an attribute of an element.
type place struct {
	node   xml.Node
	attr   *xml.Attr
	parent xml.Node
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

// find gives what a selector leads to.
func (path selector) find(d *xml.Document, spend func(int) *Error) ([]place, *Error) {
	var from []place
	for n := d.Top(); n.Exists(); n = n.Next() {
		from = append(from, place{node: n})
	}
	if len(path) == 0 {
		return nil, nil
	}
	found, bad := path[0].among(d, from, spend)
	if bad != nil {
		return nil, bad
	}
	return path[1:].from(d, found, spend)
}

// from follows the path from some elements.
func (path selector) from(d *xml.Document, at []place, spend func(int) *Error) ([]place, *Error) {
	for i := range path {
		var next []place
		for _, p := range at {
			found, bad := path[i].among(d, path[i].around(p), spend)
			if bad != nil {
				return nil, bad
			}
			next = append(next, found...)
		}
		at = next
	}
	return at, nil
}

// around gives what a step chooses from.
func (s *step) around(p place) []place {
	if p.attr != nil || p.node.Kind() != xml.Element {
		return nil
	}
	var list []place
	switch s.kind {
	case toSelf:
		return []place{p}
	case toAttribute:
		attrs := p.node.Attrs()
		for i := range attrs {
			list = append(list, place{node: p.node, attr: &attrs[i]})
		}
	default:
		for c := p.node.First(); c.Exists(); c = c.Next() {
			list = append(list, place{node: c, parent: p.node})
		}
	}
	return list
}

// among gives those of a list that a step means.
func (s *step) among(d *xml.Document, list []place, spend func(int) *Error) ([]place, *Error) {
	if bad := spend(len(list) + 1); bad != nil {
		return nil, bad
	}
	found := list[:0]
	for _, p := range list {
		if s.means(d, p) {
			found = append(found, p)
		}
	}
	for _, c := range s.where {
		kept := make([]place, 0, len(found))
		for i, p := range found {
			ok, bad := c.holds(d, p, i+1, len(found), spend)
			if bad != nil {
				return nil, bad
			}
			if ok {
				kept = append(kept, p)
			}
		}
		found = kept
	}
	return found, nil
}

func (s *step) means(d *xml.Document, p place) bool {
	switch s.kind {
	case toSelf:
		return true
	case toText:
		return p.node.Kind() == xml.Text
	case toComment:
		return p.node.Kind() == xml.Comment
	case toAttribute:
		_, declares := p.attr.Declares()
		return !declares && string(p.attr.Local()) == s.local && d.URI(p.attr.Space()) == s.space
	}
	return p.node.Kind() == xml.Element && (s.any || string(p.node.Local()) == s.local && d.URI(p.node.Space()) == s.space)
}

// holds tells whether a condition is true of p, one of several.
func (c *condition) holds(d *xml.Document, p place, position, of int, spend func(int) *Error) (bool, *Error) {
	switch {
	case c.position > 0:
		return position == c.position, nil
	case c.position < 0:
		return position == of, nil
	case c.join != "":
		for _, part := range c.parts {
			ok, bad := part.holds(d, p, position, of, spend)
			if bad != nil || ok == (c.join == "or") {
				return ok, bad
			}
		}
		return c.join == "and", nil
	}
	found, bad := c.path.from(d, []place{p}, spend)
	if bad != nil || c.compare == "" {
		return len(found) > 0, bad
	}
	for _, f := range found {
		if bad := spend(f.size()); bad != nil {
			return false, bad
		}
		if (f.text() == c.text) == (c.compare == "=") {
			return true, nil
		}
	}
	return false, nil
}

func (p place) size() int {
	if p.attr != nil {
		return p.attr.End() - p.attr.Start()
	}
	return p.node.End() - p.node.Start()
}

// text is the string-value of XPath.
func (p place) text() string {
	switch {
	case p.attr != nil:
		return string(p.attr.Value())
	case p.node.Kind() == xml.Comment:
		raw := string(p.node.Raw())
		return raw[len("<!--") : len(raw)-len("-->")]
	}
	return p.node.Text()
}
