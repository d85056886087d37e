package index

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
)

// posts gathers which documents of a batch come onto which lists. Resources have most of their values in common with others: codes, words, what they
// lack. So documents are gathered under values, each of which has its marks made once, and keeps them for the batches to come.
type posts struct {
	marker marker
	known  map[string]*posted // by what the value is
	used   []*posted          // values that documents of this batch have
	key    []byte
	made   []mark

	lists []listed // what ops goes by, kept for their room, as rows is, to which the operations point
	rows  []byte
}

// posted is a value with its marks, and the documents of the batch that have it.
type posted struct {
	marks []mark
	docs  []uint32
}

// maxPosted bounds the values that are kept with their marks, some 250 bytes each; and maxListed the documents for which each keeps room.
const (
	maxPosted = 1 << 14
	maxListed = 1 << 8
)

// maxLists is for how many lists of a batch room is kept.
const maxLists = 1 << 15

// begin forgets the documents of the batch before, and all values when there are too many.
func (p *posts) begin() {
	for _, v := range p.used {
		if v.docs = v.docs[:0]; cap(v.docs) > maxListed {
			v.docs = nil
		}
	}
	p.used = p.used[:0]
	clear(p.lists)
	if p.lists, p.rows = p.lists[:0], p.rows[:0]; cap(p.lists) > maxLists {
		p.lists, p.rows = nil, nil
	}
	if p.known == nil || len(p.known) > maxPosted {
		p.known = make(map[string]*posted)
	}
}

// terms adds a document to the lists of all that it is found by.
func (p *posts) terms(typ string, doc uint32, list []term.Term) {
	for i := range list {
		t := &list[i]
		f := field{typ: typ, param: t.Param, kind: t.Kind}
		switch t.Kind {
		case term.Text:
			for w := range strings.SplitSeq(t.Folded, " ") {
				if w != "" {
					p.add(p.word(&f, w), doc)
				}
			}
			continue
		case term.Composite:
			for n := range t.Parts {
				part := field{typ: typ, param: t.Param, kind: t.Parts[n].Kind, part: byte(n + 1)}
				p.term(&part, &t.Parts[n], doc)
				p.add(p.form(&part, markAny), doc)
			}
		default:
			p.term(&f, t, doc)
		}
		switch t.Kind {
		case term.Date, term.Number, term.Quantity, term.String, term.Composite:
			if !p.add(p.form(&f, markAny), doc) {
				p.add(p.form(&f, markSeveral), doc)
			}
		}
	}
}

// dead adds a document to the list of those that are no longer current.
func (p *posts) dead(typ string, doc uint32) { p.add(p.form(&field{typ: typ}, markDead), doc) }

// add puts a document onto a value's list; false if it is there already.
func (p *posts) add(v *posted, doc uint32) bool {
	n := len(v.docs)
	if n > 0 && v.docs[n-1] == doc {
		return false
	}
	if n == 0 {
		p.used = append(p.used, v)
	}
	v.docs = append(v.docs, doc)
	return true
}

// about begins the key of a value.
func (p *posts) about(f *field) {
	p.key = append(append(p.key[:0], f.typ...), 0)
	p.key = append(append(p.key, f.param...), 0, byte(f.kind), f.part)
}

// find gives the value that the key says; nil for one that is not known.
func (p *posts) find() *posted { return p.known[string(p.key)] }

// keep makes the value that the key says, with the marks that were made.
func (p *posts) keep() *posted {
	v := &posted{marks: slices.Clone(p.made)}
	p.known[string(p.key)] = v
	p.made = p.made[:0]
	return v
}

func (p *posts) make(m mark) { p.made = append(p.made, m) }

// form is a value that has one mark, of a form that needs no more.
func (p *posts) form(f *field, form byte) *posted {
	p.about(f)
	p.key = append(p.key, form)
	v := p.find()
	if v == nil {
		p.make(p.marker.mark(f, form))
		v = p.keep()
	}
	return v
}

// word is one of a text.
func (p *posts) word(f *field, word string) *posted {
	p.about(f)
	p.key = append(append(p.key, 0), word...)
	v := p.find()
	if v == nil {
		p.marker.word(f, word, p.make)
		v = p.keep()
	}
	return v
}

func (p *posts) term(f *field, t *term.Term, doc uint32) {
	p.about(f)
	p.key = appendValue(append(p.key, 0), t)
	v := p.find()
	if v == nil {
		p.marker.term(f, t, p.make)
		v = p.keep()
	}
	p.add(v, doc)
}

// appendValue adds all of a term that its marks are made of, so that no two terms look the same.
func appendValue(b []byte, t *term.Term) []byte {
	texts := func(list ...string) {
		for _, s := range list {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
	}
	floats := func(low, high float64) {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, math.Float64bits(low)), math.Float64bits(high))
	}
	switch t.Kind {
	case term.Token:
		texts(t.System, t.Code, t.Of)
	case term.Reference:
		texts(t.Value, t.System, t.Code)
	case term.Date:
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(t.Lo)), uint64(t.Hi))
	case term.String:
		texts(t.Value, t.Folded)
	case term.Number:
		floats(t.Low, t.High)
	case term.Quantity:
		floats(t.Low, t.High)
		texts(t.System, t.Code, t.Unit)
		if c := t.Canonical; c != nil {
			floats(c.Low, c.High)
			texts(c.Unit)
		}
	case term.URI:
		texts(t.Value)
	}
	return b
}

// listed is a mark with the documents of one value that has it. The mark is a number, so that it is compared fast.
type listed struct {
	mark uint64
	docs []uint32
}

// ops adds what the lists gain, each block once, in the order of their keys. The operations hold until the next batch begins.
func (p *posts) ops(ops []rows.Op) []rows.Op {
	n := 0
	for _, v := range p.used {
		n += len(v.marks)
	}
	all, b := slices.Grow(p.lists, n), slices.Grow(p.rows, n*(postingSize+4))
	for _, v := range p.used {
		for _, m := range v.marks {
			all = append(all, listed{binary.BigEndian.Uint64(m[:]), v.docs})
		}
	}
	slices.SortFunc(all, func(a, b listed) int { return cmp.Compare(a.mark, b.mark) })
	var docs []uint32
	ops = slices.Grow(ops, n)
	for i := 0; i < n; {
		j, list := i+1, all[i].docs
		for j < n && all[j].mark == all[i].mark {
			j++
		}
		if j > i+1 {
			docs = docs[:0]
			for _, same := range all[i:j] {
				docs = append(docs, same.docs...)
			}
			list = docs
		}
		if !slices.IsSorted(list) {
			slices.Sort(list)
		}
		list = slices.Compact(list)
		for len(list) > 0 {
			block, n := list[0]>>blockBits, 1
			for n < len(list) && list[n]>>blockBits == block {
				n++
			}
			from := len(b)
			b = appendPosting(b, all[i].mark, block)
			to := len(b)
			b = appendBlock(b, list[:n])
			ops = append(ops, rows.Op{Kind: rows.Merge, Key: b[from:to:to], Value: b[to:len(b):len(b)]})
			list = list[n:]
		}
		i = j
	}
	p.lists, p.rows = all, b
	return ops
}

// appendBlock adds documents of one block, in rising order, as set.encode does.
func appendBlock(b []byte, docs []uint32) []byte {
	if 2*len(docs) >= blockSize {
		var s set
		for _, doc := range docs {
			s.add(uint16(doc % blockDocs))
		}
		return s.encode(b)
	}
	for _, doc := range docs {
		low := doc % blockDocs
		b = append(b, byte(low>>8), byte(low))
	}
	return b
}
