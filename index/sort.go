package index

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
)

// sorted gives what is found in the order asked for. Where that is little, all of it is put in order; where it is much and the first thing to
// sort by is a time or a number, it is taken from there piece by piece.
func (r *run) sorted(p *plan, s *Search, fn func(Match) (bool, error)) error {
	found, n, err := p.whole(r)
	if err != nil {
		return err
	}
	if s.Total != nil {
		s.Total.Known, s.Total.N = true, n
	}
	o := order{run: r, space: p.space, sort: s.Query.Sort, fn: fn}
	if s.After.Begun {
		if o.after, err = o.placed(s.After.Doc); err != nil {
			return err
		}
	}
	if n <= fewDocs {
		_, err = o.piece(found)
		return err
	}
	switch first := s.Query.Sort[0]; {
	case first.Param == term.ParamUpdated:
		return o.byZones(found, first.Descending)
	case first.Kind == term.Date:
		return o.byBuckets(found, first, &times, endOfTimes)
	case first.Kind == term.Number:
		return o.byBuckets(found, first, &numbers, ^uint64(0))
	}
	if n > r.bound {
		return ErrCostly
	}
	_, err = o.piece(found)
	return err
}

// order gives documents in order.
type order struct {
	*run
	space *space
	sort  []term.Sort
	after *placed // give only what comes behind it
	fn    func(Match) (bool, error)
}

// placed is a document with what it is sorted by.
type placed struct {
	doc  uint32
	id   string
	keys []sortKey
}

type sortKey struct {
	key string
	has bool
}

func (o *order) place(doc uint32, d *document) placed {
	p := placed{doc: doc, id: d.id, keys: make([]sortKey, len(o.sort))}
	res := d.resource(o.space.typ)
	for i := range o.sort {
		p.keys[i].key, p.keys[i].has = o.sort[i].Key(res)
	}
	return p
}

func (o *order) placed(doc uint32) (*placed, error) {
	var p placed
	err := o.documents(o.space, []uint32{doc}, true, func(doc uint32, d *document) error {
		p = o.place(doc, d)
		return nil
	})
	return &p, err
}

func (o *order) compare(a, b *placed) int {
	for i := range o.sort {
		x, y := &a.keys[i], &b.keys[i]
		switch {
		case x.has != y.has && x.has:
			return -1
		case x.has != y.has:
			return 1
		case x.key != y.key && o.sort[i].Descending:
			return cmp.Compare(y.key, x.key)
		case x.key != y.key:
			return cmp.Compare(x.key, y.key)
		}
	}
	return cmp.Compare(a.doc, b.doc)
}

// piece puts documents in order and gives those that come behind where to go on. Everything that was given before comes before it.
func (o *order) piece(found fixed) (more bool, err error) {
	o.looked = 0 // the bound is on what is put in order together
	docs := sortedDocs(found)
	list := make([]placed, 0, len(docs))
	for some := range slices.Chunk(docs, 1024) {
		if err := o.costly(); err != nil {
			return false, err
		}
		if err := o.documents(o.space, some, true, func(doc uint32, d *document) error {
			if p := o.place(doc, d); o.after == nil || o.compare(&p, o.after) > 0 {
				list = append(list, p)
			}
			return nil
		}); err != nil {
			return false, err
		}
	}
	slices.SortFunc(list, func(a, b placed) int { return o.compare(&a, &b) })
	more = true
	for some := range slices.Chunk(list, 64) {
		ids, docs := make([]string, len(some)), make([]uint32, len(some))
		for i := range some {
			ids[i], docs[i] = some[i].id, some[i].doc
		}
		if err := o.release(o.space.typ, docs, ids, func(m Match) (bool, error) {
			more, err = o.fn(m)
			return more, err
		}); err != nil || !more {
			return false, err
		}
	}
	return true, o.ctx.Err()
}

// byZones goes through what was found by the times of blocks: those whose times meet are put in order together.
func (o *order) byZones(found fixed, descending bool) error {
	type timed struct {
		zone
		block uint32
	}
	var list []timed
	for b := range found {
		value, err := o.rows.Get(o.ctx, zoneKey(o.space.number, b))
		if err != nil {
			return err
		}
		z, ok := decodeZone(value)
		if !ok {
			return damaged("zone")
		}
		list = append(list, timed{z, b})
	}
	slices.SortFunc(list, func(a, b timed) int {
		if descending {
			return cmp.Compare(b.greatest, a.greatest)
		}
		return cmp.Compare(a.least, b.least)
	})
	for i := 0; i < len(list); {
		z, some, n := list[i].zone, fixed{}, 0
		for ; i < len(list) && list[i].least <= z.greatest && z.least <= list[i].greatest; i++ {
			z, some[list[i].block] = z.join(list[i].zone), found[list[i].block]
			n += found[list[i].block].count()
		}
		if o.passed(z.least, z.greatest, descending) {
			continue
		}
		if more, err := o.piece(some); err != nil || !more {
			return err
		}
	}
	return nil
}

// passed tells whether everything between two times comes before where to go on.
func (o *order) passed(least, greatest int64, descending bool) bool {
	if o.after == nil {
		return false
	}
	at := binary.BigEndian.Uint64([]byte(o.after.keys[0].key))
	if descending {
		return term.Ordered(least) > at
	}
	return term.Ordered(greatest) < at
}

// fewDocs is how many documents are put in order at once rather than looked for in narrower buckets.
const fewDocs = 512

// byBuckets goes through what was found by the buckets in which it lies by its least value, or its greatest. A document with several lies in several,
// of which the first counts; those with none come last.
func (o *order) byBuckets(found fixed, by term.Sort, a *axis, end uint64) error {
	w := bucketWalk{order: o, left: found, axis: a, end: end, descending: by.Descending, field: field{typ: o.space.typ, param: by.Param, kind: by.Kind}}
	if o.after != nil && o.after.keys[0].has {
		key := binary.BigEndian.Uint64([]byte(o.after.keys[0].key))
		if by.Kind == term.Date {
			key = onTimes(int64(key ^ 1<<63))
		}
		w.from, w.skips = key, true
	}
	top := len(a) - 1
	if more, err := w.level(found, top, 0, end>>a[top]); err != nil || !more {
		return err
	}
	_, err := o.piece(w.left)
	return err
}

// bucketWalk is a walk through the buckets of an axis in order.
type bucketWalk struct {
	*order
	field      field
	axis       *axis
	end        uint64
	descending bool
	left       fixed // what was not met yet
	from       uint64
	skips      bool // buckets wholly before from were given
}

// level goes through the buckets from one to another of a level, among some documents.
func (w *bucketWalk) level(among fixed, level int, first, last uint64) (more bool, err error) {
	for i := uint64(0); i <= last-first; i++ {
		n := first + i
		if w.descending {
			n = last - i
		}
		in, count, err := w.bucket(among, level, n)
		if err != nil {
			return false, err
		}
		if count == 0 {
			continue
		}
		low, high := n<<w.axis[level], n<<w.axis[level]|(1<<w.axis[level]-1)
		given := w.skips && (!w.descending && high < w.from || w.descending && low > w.from)
		switch {
		case given:
			w.take(in)
			continue
		case count <= fewDocs || level == 0:
			w.take(in)
			more, err = w.piece(in)
		default:
			shift := w.axis[level] - w.axis[level-1]
			more, err = w.level(in, level-1, n<<shift, min(n<<shift|(1<<shift-1), w.end>>w.axis[level-1]))
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// bucket gives those of some documents, not met yet, that lie in a bucket.
func (w *bucketWalk) bucket(among fixed, level int, n uint64) (fixed, int, error) {
	end := byte(lowEnd)
	if w.descending {
		end = highEnd
	}
	in, count := fixed{}, 0
	var ranges []rows.Range
	for _, which := range [...]byte{bothEnds, end} {
		m := w.m.bucket(&w.field, markBucket, "", which, level, n)
		ranges = append(ranges, rows.Range{From: postingKey(m, 0), To: postingKey(m, 1<<24-1)})
	}
	err := w.rows.Scan(w.ctx, ranges, func(_ int, key, row []byte) (bool, error) {
		b := blockOf(key)
		if among[b] == nil || w.left[b] == nil {
			return true, nil
		}
		s := new(set)
		if !s.union(row) {
			return false, damaged("posting")
		}
		s.and(among[b])
		s.and(w.left[b])
		if was := in[b]; was != nil {
			s.or(was)
		}
		if !s.empty() {
			in[b] = s
		}
		return true, nil
	})
	for _, s := range in {
		count += s.count()
	}
	return in, count, err
}

// take notes that documents were met.
func (w *bucketWalk) take(in fixed) {
	for b, s := range in {
		left := *w.left[b]
		left.without(s)
		w.left[b] = &left
		if left.empty() {
			delete(w.left, b)
		}
	}
}
