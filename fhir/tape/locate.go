package tape

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrTooLarge is wrapped by Parse's error for a document above Limits.Bytes.
var ErrTooLarge = errors.New("document is too large")

// SyntaxError says what is wrong with a document and where. It never quotes the document.
type SyntaxError struct {
	Position
	Path   string // as Value.Path, of the value that could not be read or was being read
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Position is a place in a document as an editor shows it.
type Position struct {
	Line, Column int // both from 1; the column counts characters
}

// PositionOf gives the place of the byte at offset.
func PositionOf(src []byte, offset int) Position {
	before := src[:min(offset, len(src))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Position{Line: 1 + bytes.Count(before, []byte{'\n'}), Column: 1 + utf8.RuneCount(before[start:])}
}

// Locate says where values stand in what the document was made from, by their offsets in it: for one that was sent in another form. It holds until
// the tape is used for another document.
func (t *Tape) Locate(of func(offset int) Position) { t.locate = of }

// Position gives the place of a value that exists.
func (v Value) Position() Position {
	if v.t.locate != nil {
		return v.t.locate(v.Start())
	}
	return v.t.lines.Position(v.t.src, v.Start())
}

// Path names the value as FHIR does, e.g. "Bundle.entry[2].resource.name[0].family". It begins with the document's
// resourceType, where it has one.
func (v Value) Path() string {
	if v.t == nil {
		return ""
	}
	b := rootName(v.t.Root())
	for at := v.t.Root(); at.i != v.i; {
		inArray, index := at.Kind() == Array, 0
		c := at.First()
		for ; v.i >= c.node().next; c = c.Next() {
			index++
		}
		b = appendStep(b, c, inArray, index)
		at = c
	}
	return string(b)
}

func rootName(root Value) []byte { return root.Get("resourceType").Bytes() }

func appendStep(b []byte, c Value, inArray bool, index int) []byte {
	if inArray {
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(index), 10)
		return append(b, ']')
	}
	if len(b) > 0 {
		b = append(b[:len(b):len(b)], '.')
	}
	return append(b, c.Name()...)
}

// locate tells where parsing stopped. The tape is incomplete: open arrays and objects have no end yet.
func (p *parser) locate(reason string) error {
	t := p.t
	for _, f := range t.frames[:p.depth] {
		t.nodes[f.node].next = uint32(len(t.nodes))
	}
	b := []byte(nil)
	if len(t.nodes) > 0 {
		b = rootName(t.Root())
		b = b[:len(b):len(b)]
	}
	for d := range p.depth {
		n := &t.nodes[t.frames[d].node]
		inArray := n.kind == Array
		if d+1 < p.depth {
			child := Value{t: t, i: t.frames[d+1].node}
			b = appendStep(b, child, inArray, int(n.size))
		} else if inArray {
			b = appendStep(b, Value{}, true, int(n.size))
		} else if p.n.key != 0 {
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, t.keyOf(&p.n, &t.names.a)...)
		}
	}
	return &SyntaxError{Position: PositionOf(p.src, p.i), Path: string(b), Reason: reason}
}
