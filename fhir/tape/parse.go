package tape

import "fmt"

// Parse reads one document. src must not change while the tape is in use. The error is a *SyntaxError, or wraps ErrTooLarge.
func (t *Tape) Parse(src []byte, limits Limits) error {
	limits = limits.orDefault()
	t.src, t.nodes, t.locate = src, t.nodes[:0], nil
	t.lines.Forget()
	t.names.reset()
	if len(src) > limits.Bytes {
		t.src = nil
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(src), limits.Bytes)
	}
	if want := min(len(src)/24, limits.Nodes) + 16; cap(t.nodes) < want {
		t.nodes = make([]node, 0, want)
	}
	p := parser{t: t, src: src, limits: limits}
	if reason := p.document(); reason != "" {
		err := p.locate(reason)
		t.nodes = t.nodes[:0]
		return err
	}
	return nil
}

// parser is the state of one Parse. Its methods return why the document is refused, or "".
type parser struct {
	t      *Tape
	src    []byte
	i      int // next byte to read
	depth  int // frames that are open
	n      node
	limits Limits
}

// document is the whole grammar, without recursion: each turn reads one value and whatever closes after it, then the member
// name before the next one.
func (p *parser) document() (reason string) {
	p.i = skipSpace(p.src, 0)
	for {
		opened, reason := p.value()
		if reason != "" {
			return reason
		}
		more := opened
		if !opened {
			if more, reason = p.closing(); reason != "" {
				return reason
			}
		}
		if !more {
			break
		}
		if reason := p.name(); reason != "" {
			return reason
		}
	}
	p.n = node{}
	if p.i = skipSpace(p.src, p.i); p.i < len(p.src) {
		return "something follows the document's end"
	}
	return ""
}

// value reads a string, number or literal whole; of an array or object it reads the beginning, and the end if it is empty.
// opened says that its first member or element must follow.
func (p *parser) value() (opened bool, reason string) {
	if p.i >= len(p.src) {
		return false, "the document ends where a value is expected"
	}
	t, n, escaped := p.t, p.n, false
	if len(t.nodes) >= p.limits.Nodes {
		return false, fmt.Sprintf("there are more than %d values", p.limits.Nodes)
	}
	n.start, n.next = uint32(p.i), uint32(len(t.nodes))+1
	switch c := p.src[p.i]; c {
	case '"':
		if p.i, escaped, reason = scanString(p.src, p.i+1); reason != "" {
			return false, reason
		}
		if n.kind = String; escaped {
			n.flags |= valueEscaped
		}
	case '{', '[':
		n.kind = Object
		if c == '[' {
			n.kind = Array
		}
		return p.open(n, c+2) // ']' and '}' stand two after '[' and '{'
	default:
		if p.i, n.kind, reason = scanScalar(p.src, p.i); reason != "" {
			return false, reason
		}
	}
	n.end = uint32(p.i)
	t.nodes = append(t.nodes, n)
	p.counted()
	return false, ""
}

// counted adds a complete value to the array or object it is in.
func (p *parser) counted() {
	if p.depth > 0 {
		p.t.nodes[p.t.frames[p.depth-1].node].size++
	}
}

func (p *parser) open(n node, closing byte) (opened bool, reason string) {
	if p.depth == p.limits.Depth {
		return false, fmt.Sprintf("values are nested deeper than %d levels", p.limits.Depth)
	}
	t := p.t
	t.frames[p.depth] = frame{node: uint32(len(t.nodes))}
	t.nodes = append(t.nodes, n)
	p.depth++
	p.i = skipSpace(p.src, p.i+1)
	if p.i < len(p.src) && p.src[p.i] == closing {
		p.close()
		return false, ""
	}
	return true, ""
}

func (p *parser) close() {
	p.i++
	p.depth--
	n := &p.t.nodes[p.t.frames[p.depth].node]
	n.end, n.next = uint32(p.i), uint32(len(p.t.nodes))
	p.counted()
}

// closing reads what follows a complete value: the ends of arrays and objects, until a comma says that there is more.
func (p *parser) closing() (more bool, reason string) {
	for p.depth > 0 {
		p.n = node{}
		kind := p.t.nodes[p.t.frames[p.depth-1].node].kind
		p.i = skipSpace(p.src, p.i)
		if p.i >= len(p.src) {
			return false, "the document ends inside " + kind.String()
		}
		switch c := p.src[p.i]; {
		case c == ',':
			p.i = skipSpace(p.src, p.i+1)
			return true, ""
		case c == '}' && kind == Object, c == ']' && kind == Array:
			p.close()
		default:
			return false, "a comma or the end of " + kind.String() + " is expected"
		}
	}
	return false, ""
}

// name reads a member's name and colon where the next value is in an object.
func (p *parser) name() (reason string) {
	p.n = node{}
	f := &p.t.frames[p.depth-1]
	if p.t.nodes[f.node].kind != Object {
		return ""
	}
	if p.i >= len(p.src) || p.src[p.i] != '"' {
		return "a member name in quotes is expected"
	}
	start := p.i + 1
	end, escaped, reason := scanString(p.src, start)
	if reason != "" {
		p.i = end
		return reason
	}
	p.n.key, p.n.keyEnd = uint32(start), uint32(end-1)
	if escaped {
		p.n.flags = keyEscaped
	}
	if p.t.seen(f, &p.n) {
		return "the member name occurs twice"
	}
	p.i = skipSpace(p.src, end)
	if p.i >= len(p.src) || p.src[p.i] != ':' {
		return "a colon is expected after the member name"
	}
	p.i = skipSpace(p.src, p.i+1)
	return ""
}
