package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
)

// Errors of searches. They tell nothing of what is in the index.
var (
	ErrCostly  = errors.New("index: too much would have to be looked through")
	ErrExpired = errors.New("index: the search began too long ago")
)

// run is one search over what the index held at one moment.
type run struct {
	x      *Index
	ctx    context.Context
	rows   rows.Reader
	m      marker
	serial uint64 // documents from this one on have come since, and deaths from it on do not count
	permit func(typ, id string, v *Version) bool
	bound  int // rows to look at
	limit  int // of matches; 0 if it is not known
	looked int
	spaces map[string]*space
	may    map[ref]bool // what permit said of those whom a search goes by
}

type ref struct {
	typ string
	doc uint32
}

// space is the documents of a type that the search can find.
type space struct {
	typ     string
	number  uint32 // in keys; 0 if there is none of the type
	count   uint32
	dead    *posting
	revived fixed             // were current when the search began, and are not any more
	were    map[string]uint32 // the same by their ids, once they are asked for
}

// maxRevived bounds the versions replaced since a search began that its later pages put up with.
const maxRevived = 200_000

// begin reads where a search begins: what is there now, or was there when its first page was given.
func (r *run) begin(serial uint64) error {
	now, err := r.counted(0)
	if err != nil {
		return err
	}
	if r.serial = serial; serial == 0 || serial > now {
		r.serial = now
	}
	r.spaces, r.may = make(map[string]*space), make(map[ref]bool)
	return nil
}

func (r *run) counted(typ uint32) (uint64, error) {
	value, err := r.rows.Get(r.ctx, countKey(typ))
	if err != nil || value == nil {
		return 0, err
	}
	n, ok := decodeCount(value)
	if !ok {
		return 0, damaged("count")
	}
	return n, nil
}

func (r *run) space(typ string) (*space, error) {
	if s := r.spaces[typ]; s != nil {
		return s, nil
	}
	s := &space{typ: typ, number: r.x.names.find(typ), dead: marked(r.m.dead(typ)), revived: fixed{}}
	r.spaces[typ] = s
	if s.number == 0 {
		return s, nil
	}
	n, err := r.counted(s.number)
	if err != nil {
		return nil, err
	}
	s.count = uint32(n)
	now, err := r.counted(0)
	if err != nil || now == r.serial {
		return s, err
	}
	if err := r.asOf(s); err != nil {
		return nil, err
	}
	return s, r.revive(s)
}

// asOf leaves off the documents that came after the search began. They are numbered in the order in which they came.
func (r *run) asOf(s *space) error {
	var err error
	low, high := uint32(0), s.count
	for low < high && err == nil {
		mid := low + (high-low)/2
		var value []byte
		if value, err = r.rows.Get(r.ctx, documentKey(s.number, mid)); err != nil {
			return err
		}
		d, ok := r.x.names.decodeDocument(value, false)
		if !ok {
			return damaged("document")
		}
		if d.serial < r.serial {
			low = mid + 1
		} else {
			high = mid
		}
	}
	s.count = low
	return err
}

func (r *run) revive(s *space) error {
	since := rows.Range{From: deathKey(r.serial), To: []byte{famDeath + 1}}
	n := 0
	return r.rows.Scan(r.ctx, []rows.Range{since}, func(_ int, _, value []byte) (bool, error) {
		if n++; n > maxRevived {
			return false, ErrExpired
		}
		if len(value) != 8 {
			return false, damaged("death")
		}
		if doc := binary.BigEndian.Uint32(value[4:]); binary.BigEndian.Uint32(value) == s.number && doc < s.count {
			s.revived.add(doc)
		}
		return true, nil
	})
}

// was finds the document of a resource that was replaced since the search began.
func (r *run) was(s *space, id string) (doc uint32, ok bool, err error) {
	if s.were == nil {
		s.were = make(map[string]uint32)
		for some := range slices.Chunk(sortedDocs(s.revived), 1024) {
			if err := r.documents(s, some, false, func(doc uint32, d *document) error {
				s.were[d.id] = doc
				return nil
			}); err != nil {
				return 0, false, err
			}
		}
	}
	doc, ok = s.were[id]
	return doc, ok, nil
}

// blocks is how many blocks the documents of a type take.
func (s *space) blocks() uint32 { return (s.count + blockDocs - 1) >> blockBits }

// live leaves, of what was found, the documents that were current when the search began. It changes the sets.
func (r *run) live(s *space, want []uint32, found []*set) error {
	dead, err := s.dead.eval(r, want)
	if err != nil {
		return err
	}
	for i, b := range want {
		if found[i] == nil {
			continue
		}
		if dead[i] != nil {
			gone := dead[i]
			if back := s.revived[b]; back != nil {
				rest := *gone
				rest.without(back)
				gone = &rest
			}
			found[i].without(gone)
		}
		if n := int(s.count - b<<blockBits); n < blockDocs {
			found[i].and(below(n))
		}
		if found[i].empty() {
			found[i] = nil
		}
	}
	return nil
}

// wide is how many terms of a document count as one more row that was looked at: some have thousands of times as many as most.
const wide = 64

// documents reads documents, whose numbers rise, in their order.
func (r *run) documents(s *space, docs []uint32, terms bool, fn func(doc uint32, d *document) error) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.looked += len(docs)
	take := func(doc uint32, value []byte) error {
		d, ok := r.x.names.decodeDocument(value, terms)
		if value == nil || !ok {
			return damaged("document")
		}
		if more := len(d.terms) / wide; more > 0 {
			if r.looked += more; r.ctx.Err() != nil {
				return r.ctx.Err()
			}
		}
		return fn(doc, &d)
	}
	if n := len(docs); n > 1 && int(docs[n-1]-docs[0]) < 2*n { // they stand close together: read through
		i := 0
		run := rows.Range{From: documentKey(s.number, docs[0]), To: documentKey(s.number, docs[n-1])}
		run.To = append(run.To, 0)
		err := r.rows.Scan(r.ctx, []rows.Range{run}, func(_ int, key, value []byte) (bool, error) {
			if doc := binary.BigEndian.Uint32(key[3:]); i < n && doc == docs[i] {
				i++
				return true, take(doc, value)
			}
			return true, nil
		})
		if err == nil && i < n {
			err = damaged("document")
		}
		return err
	}
	keys := make([][]byte, len(docs))
	for i, doc := range docs {
		keys[i] = documentKey(s.number, doc)
	}
	return r.rows.Gets(r.ctx, keys, func(i int, value []byte) error { return take(docs[i], value) })
}

// document finds the document by which a search knows a resource.
func (r *run) document(typ, id string) (doc uint32, ok bool, err error) {
	s, err := r.space(typ)
	if err != nil || s.number == 0 {
		return 0, false, err
	}
	if doc, ok, err := r.was(s, id); ok || err != nil {
		return doc, ok, err
	}
	r.looked++
	v, ok, err := r.current(typ, id)
	return v.Doc, ok && !v.Deleted && v.Doc < s.count, err
}

func (r *run) current(typ, id string) (v Version, ok bool, err error) {
	value, err := r.rows.Get(r.ctx, r.x.key(famCurrent, typ, id))
	if err != nil || value == nil {
		return v, false, err
	}
	if v, ok = decodeVersion(id, value); !ok {
		return v, false, damaged("version")
	}
	return v, true, nil
}

// allowed tells whether the search may go by a resource that it does not give.
func (r *run) allowed(typ string, doc uint32, id string) (bool, error) {
	if r.permit == nil {
		return true, nil
	}
	at := ref{typ, doc}
	may, known := r.may[at]
	if known {
		return may, nil
	}
	r.looked++
	v, ok, err := r.current(typ, id)
	if err != nil {
		return false, err
	}
	may = ok && !v.Deleted && r.permit(typ, id, &v)
	r.may[at] = may
	return may, nil
}

// costly ends what cannot be gone on with when too much was looked at, and with the search's context.
func (r *run) costly() error {
	if r.looked > r.bound {
		return ErrCostly
	}
	return r.ctx.Err()
}

// zones is the condition on the time of a version, which blocks decide for the most part: documents come in the order of time, nearly.
type zones struct {
	typ   string
	tests []term.Test
}

// zoned is the documents that fulfil it for sure, or that may.
type zoned struct {
	*zones
	sure bool
}

func (z zoned) eval(r *run, want []uint32) ([]*set, error) {
	out := make([]*set, len(want))
	s, err := r.space(z.typ)
	if err != nil || s.number == 0 {
		return out, err
	}
	keys := make([][]byte, len(want))
	for i, b := range want {
		keys[i] = zoneKey(s.number, b)
	}
	r.looked += len(keys)
	return out, r.rows.Gets(r.ctx, keys, func(i int, value []byte) error {
		if value == nil {
			return nil
		}
		at, ok := decodeZone(value)
		if !ok {
			return damaged("zone")
		}
		for j := range z.tests {
			if always, ever := at.passes(&z.tests[j]); always || ever && !z.sure {
				out[i] = full
			}
		}
		return nil
	})
}

// passes tells whether all moments of a zone pass a test, and whether any may.
func (z zone) passes(q *term.Test) (always, ever bool) {
	holds := func(at int64) bool { return q.Holds(&term.Term{Kind: term.Date, Lo: at, Hi: at}) }
	first, last := holds(z.least), holds(z.greatest)
	if z.least == z.greatest {
		return first, first
	}
	// What is asked for is a period, or all but one.
	touches := z.least <= q.Hi && q.Lo <= z.greatest
	switch q.Prefix {
	case term.NotEqual:
		return first && last && !touches, true
	case term.Equal, term.Approximate, "":
		return first && last, first || last || touches
	}
	return first && last, first || last || touches
}

func sortedDocs(f fixed) []uint32 {
	var docs []uint32
	for b, s := range f {
		s.each(func(low uint16) bool {
			docs = append(docs, b<<blockBits|uint32(low))
			return true
		})
	}
	slices.SortFunc(docs, cmp.Compare[uint32])
	return docs
}
