package index

import (
	"encoding/binary"
	"math"

	"github.com/sijil-health/sijil/index/term"
)

// document is what is kept of a resource's version by its number: who it is, and of its terms as much as marks do not decide, and as sorting needs.
//
//	uvarint serial ‖ varint time, from the one that the id tells ‖ uvarint length ‖ id, packed ‖ term…
//	term = kind ‖ name of the parameter ‖ value, by its kind
//
// A version that is no longer current keeps its document, for pages of searches that began before. Nothing else is kept of it: its number stays in
// the lists of its marks, and in that of the dead.
type document struct {
	serial  uint64 // of documents of all types, in the order in which they came; a deletion has one, too
	updated int64  // Unix milliseconds
	id      string
	terms   []term.Term
}

func (d *document) resource(typ string) *term.Resource {
	return &term.Resource{Type: typ, ID: d.id, Updated: d.updated, Terms: d.terms}
}

func (w *writer) encodeDocument(d *document) []byte {
	b := binary.AppendUvarint(make([]byte, 0, 64+24*len(d.terms)), d.serial)
	b = binary.AppendVarint(b, d.updated-timeOf(d.id))
	b = appendText(b, d.id)
	for i := range d.terms {
		t := &d.terms[i]
		if !kept(d.terms, i) {
			continue
		}
		b = w.appendTerm(w.appendName(append(b, byte(t.Kind)), t.Param), t, false)
	}
	return b
}

// alike is how far back a term is looked for that says the same: the terms of a resource may be hundreds of thousands, and one that stands twice
// takes room alone.
const alike = 64

// kept tells whether a term stands in its document: not if marks decide everything about it and it is not sorted by, or if the same is there
// shortly before.
func kept(list []term.Term, i int) bool {
	t := &list[i]
	switch t.Kind {
	case term.Text, term.Missing:
		return false
	case term.Token, term.Reference:
		if t.Kind == term.Reference && t.Value == "" {
			return false
		}
	default:
		return true
	}
	for j := i - 1; j >= max(0, i-alike); j-- {
		o := &list[j]
		if o.Kind == t.Kind && o.Param == t.Param && (t.Kind == term.Token && o.Code == t.Code || t.Kind == term.Reference && o.Value == t.Value) {
			return false
		}
	}
	return true
}

// appendTerm adds a term's value; whole, as a part of a composite, all that tests look at.
func (w *writer) appendTerm(b []byte, t *term.Term, whole bool) []byte {
	switch t.Kind {
	case term.Token:
		if !whole {
			return appendText(b, t.Code[:min(len(t.Code), term.SortLength)])
		}
		return appendText(appendText(w.appendName(b, t.System), t.Code), t.Of)
	case term.Reference:
		b = appendText(b, t.Value)
		if whole {
			b = appendText(w.appendName(b, t.System), t.Code)
		}
	case term.Date:
		b = appendSpan(b, t.Lo, t.Hi)
	case term.String:
		b = appendText(b, t.Folded)
		if whole {
			b = appendText(b, t.Value)
		}
	case term.Number:
		b = appendFloats(b, t.Low, t.High)
	case term.Quantity:
		b = appendFloats(b, t.Low, t.High)
		b = w.appendName(w.appendName(w.appendName(b, t.System), t.Code), t.Unit)
		if t.Canonical == nil {
			return append(b, 0)
		}
		b = w.appendName(append(b, 1), t.Canonical.Unit)
		b = appendFloats(b, t.Canonical.Low, t.Canonical.High)
	case term.URI:
		if whole {
			return appendText(b, t.Value)
		}
		b = appendText(b, t.Value[:min(len(t.Value), term.SortLength)])
	case term.Composite:
		b = binary.AppendUvarint(b, uint64(len(t.Parts)))
		for i := range t.Parts {
			b = w.appendTerm(append(b, byte(t.Parts[i].Kind)), &t.Parts[i], true)
		}
	case term.Text:
		b = appendText(b, t.Folded)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	p := pack(s)
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

const second = 1000 // milliseconds

// appendSpan adds the ends of a period: an open one, or one whose ends are whole seconds, the last millisecond included, in few bytes.
func appendSpan(b []byte, lo, hi int64) []byte {
	span, form := uint64(hi-lo), byte(0)
	switch {
	case lo == term.Past:
		return binary.AppendVarint(append(b, 2), hi)
	case hi == term.Future:
		return binary.AppendVarint(append(b, 3), lo)
	case lo%second == 0 && lo <= hi && span%second == second-1:
		lo, span, form = lo/second, span/second, 1
	}
	return binary.AppendUvarint(binary.AppendVarint(append(b, form), lo), span)
}

// appendFloats adds the ends of a range, which are mostly one.
func appendFloats(b []byte, low, high float64) []byte {
	if low == high {
		return binary.BigEndian.AppendUint64(append(b, 1), math.Float64bits(low))
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(append(b, 0), math.Float64bits(low)), math.Float64bits(high))
}

// taker reads what is kept; ok becomes false at the first thing that is not as it is written, and what it gives then is nothing.
type taker struct {
	names *names
	b     []byte
	ok    bool
}

// maxParts bounds the parts of a composite, and they hold no other: FHIR has two or three.
const maxParts = 16

// decodeDocument reads a document, with its terms or without.
func (n *names) decodeDocument(b []byte, terms bool) (d document, ok bool) {
	t := taker{n, b, true}
	d.serial = t.uvarint()
	since := t.varint()
	d.id = t.text()
	d.updated = timeOf(d.id) + since
	for terms && t.ok && len(t.b) > 0 {
		kind := term.Kind(t.byte())
		d.terms = append(d.terms, term.Term{})
		v := &d.terms[len(d.terms)-1]
		v.Param = t.name()
		v.Kind = kind
		t.value(v, false)
	}
	return d, t.ok
}

func (t *taker) value(v *term.Term, whole bool) {
	switch v.Kind {
	case term.Token:
		if !whole {
			v.Code = t.text()
			return
		}
		v.System, v.Code, v.Of = t.name(), t.text(), t.text()
	case term.Reference:
		v.Value = t.text()
		if whole {
			v.System, v.Code = t.name(), t.text()
		}
	case term.Date:
		v.Lo, v.Hi = t.span()
	case term.String:
		v.Folded = t.text()
		if whole {
			v.Value = t.text()
		}
	case term.Number:
		v.Low, v.High = t.floats()
	case term.Quantity:
		v.Low, v.High = t.floats()
		v.System, v.Code, v.Unit = t.name(), t.name(), t.name()
		if t.byte() == 1 {
			v.Canonical = &term.Canonical{Unit: t.name()}
			v.Canonical.Low, v.Canonical.High = t.floats()
		}
	case term.URI:
		v.Value = t.text()
	case term.Text:
		v.Folded = t.text()
	case term.Composite:
		n := t.uvarint()
		if whole || n > maxParts {
			t.fail()
			return
		}
		v.Parts = make([]term.Term, n)
		for i := range v.Parts {
			v.Parts[i].Kind = term.Kind(t.byte())
			t.value(&v.Parts[i], true)
		}
	case term.Missing:
	default:
		t.fail()
	}
}

func (t *taker) fail() { t.b, t.ok = nil, false }

func (t *taker) byte() byte {
	if len(t.b) == 0 {
		t.fail()
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *taker) uvarint() uint64 {
	n, w := binary.Uvarint(t.b)
	if w <= 0 {
		t.fail()
		return 0
	}
	t.b = t.b[w:]
	return n
}

func (t *taker) varint() int64 {
	n, w := binary.Varint(t.b)
	if w <= 0 {
		t.fail()
		return 0
	}
	t.b = t.b[w:]
	return n
}

func (t *taker) text() string {
	n := t.uvarint()
	if n > uint64(len(t.b)) {
		t.fail()
		return ""
	}
	s, ok := unpack(t.b[:n])
	if t.b = t.b[n:]; !ok {
		t.fail()
	}
	return s
}

func (t *taker) name() string {
	s, rest, ok := t.names.take(t.b)
	if t.b = rest; !ok {
		t.fail()
	}
	return s
}

func (t *taker) span() (lo, hi int64) {
	switch form := t.byte(); form {
	case 0, 1:
		lo = t.varint()
		span := t.uvarint()
		if form == 1 {
			lo, span = lo*second, span*second+second-1
		}
		return lo, lo + int64(span)
	case 2:
		return term.Past, t.varint()
	case 3:
		return t.varint(), term.Future
	}
	t.fail()
	return 0, 0
}

func (t *taker) floats() (low, high float64) {
	same := t.byte() == 1
	low = t.float()
	if same {
		return low, low
	}
	return low, t.float()
}

func (t *taker) float() float64 {
	if len(t.b) < 8 {
		t.fail()
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(t.b))
	t.b = t.b[8:]
	return f
}
