package index

import (
	"crypto/sha256"
	"encoding/binary"
	"unicode/utf8"

	"github.com/sijil-health/sijil/index/term"
)

// mark stands for a value of a parameter of a type, in one form, wherever a resource is found by it: the beginning of a hash under a secret of this
// index. That two of a million values have one mark is as likely as one in thirty million, and who does not know the secret cannot look for any.
type mark [8]byte

// The forms of marks.
const (
	markExact    = 'e' // the value whole
	markCode     = 'c' // the code of a token, an identifier or a unit
	markSystem   = 's' // its system
	markPair     = 'p' // system and code of the identifier in a reference
	markOfType   = 'o' // code and type of an identifier
	markID       = 'i' // the id in a reference
	markBegins   = 'b' // how a string, a word or a URI begins
	markGram     = 'g' // three characters of a string
	markLong     = 'l' // a string has more than maxGrams
	markBucket   = 'r' // of the ends of a range
	markBase     = 'q' // of the ends of a range in base units
	markBaseUnit = 'u' // the base units of a quantity
	markAny      = 'a' // there is a value
	markSeveral  = 'm' // there are several values
	markOdd      = 'w' // there is a range whose ends are in the wrong order
	markDead     = 'd' // of a type: no longer the current version
)

// field is a parameter of a type and a kind, of which marks are made.
type field struct {
	typ, param string
	kind       term.Kind
	part       byte // of a composite: 1 for its first part, and so on
}

// marker makes marks. It keeps its buffer.
type marker struct {
	secret  *[32]byte
	ordered bool // see bucket
	buf     []byte
}

func (m *marker) mark(f *field, form byte, value ...string) mark {
	b := append(m.buf[:0], m.secret[:]...)
	b = append(append(b, f.typ...), 0)
	b = append(append(b, f.param...), 0, byte(f.kind), f.part, form)
	for i, v := range value {
		if i > 0 {
			b = append(b, 0)
		}
		b = append(b, v...)
	}
	m.buf = b
	sum := sha256.Sum256(b)
	return mark(sum[:])
}

// Where nobody else sees the keys, buckets that stand side by side on an axis have marks side by side, so that a range is looked up in few places. A
// mark then begins with a hash of 35 bits and ends with the bucket's place in a tree of all levels, of which each has 16 times fewer than the one below.
const (
	placeBits = 29
	levelBits = 4
)

func (m *marker) bucket(f *field, form byte, unit string, end byte, level int, n uint64) mark {
	var name [16]byte
	if !m.ordered {
		return m.mark(f, form, unit, string(append(name[:0], bucket(end, level, n)...)))
	}
	b := m.mark(f, form, unit, string(append(name[:0], end)))
	place := 1<<(placeBits-1-levelBits*level) | n
	low := binary.BigEndian.Uint64(b[:])&^(1<<placeBits-1) | place
	binary.BigEndian.PutUint64(b[:], low)
	return b
}

func (m *marker) dead(typ string) mark { return m.mark(&field{typ: typ}, markDead) }

// prefixes are the lengths at which the beginnings of strings have marks, in characters.
var prefixes = [...]int{1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20}

// gram is how many characters Contains goes by, and maxGrams how many of them a string has marks for.
const (
	gram     = 3
	maxGrams = 256
)

// maxPaths bounds the paths to a URI that have marks, and so how deep Below finds it.
const maxPaths = 64

// term calls fn with the marks of a term but those that tell how many there are; see word. One may come several times.
func (m *marker) term(f *field, t *term.Term, fn func(mark)) {
	switch t.Kind {
	case term.Token:
		fn(m.mark(f, markExact, t.System, t.Code))
		fn(m.mark(f, markCode, t.Code))
		fn(m.mark(f, markSystem, t.System))
		if t.Of != "" {
			fn(m.mark(f, markOfType, t.Of, t.Code))
		}
	case term.Reference:
		m.reference(f, t, fn)
	case term.Date:
		if t.Lo > t.Hi {
			fn(m.mark(f, markOdd))
		}
		times.of(onTimes(t.Lo), onTimes(t.Hi), func(end byte, level int, n uint64) { fn(m.bucket(f, markBucket, "", end, level, n)) })
	case term.Number:
		m.number(f, markBucket, "", t.Low, t.High, fn)
	case term.Quantity:
		m.quantity(f, t, fn)
	case term.String:
		m.string(f, t, fn)
	case term.URI:
		fn(m.mark(f, markExact, t.Value))
		n := 0
		term.Paths(t.Value, func(path string) {
			if n++; n <= maxPaths || path == t.Value {
				fn(m.mark(f, markBegins, path))
			}
		})
	case term.Missing:
		fn(m.mark(f, markExact))
	}
}

func (m *marker) reference(f *field, t *term.Term, fn func(mark)) {
	if t.Value != "" {
		plain := term.Versionless(t.Value)
		fn(m.mark(f, markExact, plain))
		if plain != t.Value {
			fn(m.mark(f, markExact, t.Value))
		}
		if _, id, ok := term.Local(t.Value); ok {
			fn(m.mark(f, markID, id))
		}
	}
	if t.Code == "" {
		return
	}
	fn(m.mark(f, markPair, t.System, t.Code))
	fn(m.mark(f, markCode, t.Code))
	fn(m.mark(f, markSystem, t.System))
}

func (m *marker) number(f *field, form byte, unit string, low, high float64, fn func(mark)) {
	if !(low <= high) {
		fn(m.mark(f, markOdd))
	}
	numbers.of(onNumbers(low), onNumbers(high), func(end byte, level int, n uint64) { fn(m.bucket(f, form, unit, end, level, n)) })
}

func (m *marker) quantity(f *field, t *term.Term, fn func(mark)) {
	m.number(f, markBucket, "", t.Low, t.High, fn)
	fn(m.mark(f, markExact, t.System, t.Code))
	fn(m.mark(f, markCode, t.Code))
	if t.Unit != t.Code {
		fn(m.mark(f, markCode, t.Unit))
	}
	if c := t.Canonical; c != nil {
		m.number(f, markBase, c.Unit, c.Low, c.High, fn)
		fn(m.mark(f, markBaseUnit, c.Unit))
	}
}

func (m *marker) string(f *field, t *term.Term, fn func(mark)) {
	fn(m.mark(f, markExact, t.Value))
	length := utf8.RuneCountInString(t.Folded)
	for _, n := range prefixes {
		if n <= length {
			fn(m.mark(f, markBegins, term.Beginning(t.Folded, n)))
		}
	}
	n := 0
	grams(t.Folded, func(g string) {
		if n++; n <= maxGrams {
			fn(m.mark(f, markGram, g))
		}
	})
	if n > maxGrams {
		fn(m.mark(f, markLong))
	}
}

// grams calls fn with each run of three characters.
func grams(s string, fn func(string)) {
	var at [gram + 1]int // where the last characters begin
	n := 0
	for i := range s {
		copy(at[:], at[1:])
		at[gram] = i
		if n++; n > gram {
			fn(s[at[0]:i])
		}
	}
	if n >= gram {
		fn(s[at[1]:])
	}
}

// word calls fn with the marks of one word of a text.
func (m *marker) word(f *field, w string, fn func(mark)) {
	fn(m.mark(f, markExact, term.Beginning(w, term.TextLength)))
	for i, n := term.TextShort, utf8.RuneCountInString(w); i < min(n, term.TextLength); i++ {
		fn(m.mark(f, markExact, term.Beginning(w, i)))
	}
}
