package index

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// Search calls fn for the resources of a type that fulfil all filters, in the order of their ids (packed: UUIDs, as they were made, after all
// others), until fn says no. It begins after the id `from`, or where a search gave `from` as its rest. At most about `bound` rows are looked at:
// each step in a list of ids, each resource and each test of its dates is one. Where that ends it, rest says where to go on: of what comes
// before, everything that fits was given to fn. Otherwise rest is "". It ends with ctx, whose error it gives.
func (x *Index) Search(ctx context.Context, typ string, filters []Filter, from string, bound int, fn func(id string, v Version) (more bool, err error)) (rest string, err error) {
	q := query{ctx: ctx, x: x, typ: typ, bound: bound}
	defer q.close()
	for _, f := range filters {
		if err := q.add(f); err != nil {
			return "", err
		}
	}
	if len(q.streams) == 0 {
		if err := q.stream(append(keyOf(famCurrent, typ), 0)); err != nil {
			return "", err
		}
	}
	start := pack(from) + "\x00"
	if id, here := strings.CutPrefix(from, atRest); here {
		q.start = pack(id)
		start = q.start
	}
	for at, ok := q.join(start); ok; at, ok = q.join(at + "\x00") {
		id, whole := unpack([]byte(at))
		if !whole {
			return "", damaged("id")
		}
		q.looked += 1 + len(q.dates)
		v, err := x.Current(typ, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return "", err
		}
		if err != nil || v.Deleted {
			continue
		}
		if fits, err := q.fits(id, &v); err != nil {
			return "", err
		} else if !fits {
			continue
		}
		if more, err := fn(id, v); err != nil || !more {
			return "", err
		}
	}
	return q.rest, q.err
}

// atRest marks a rest among the ids to begin after, which hold no such sign: the id behind it was not looked at yet.
const atRest = "="

// query joins streams of packed ids (each sorted) by leaping each to the greatest id that any of them stands at.
type query struct {
	ctx     context.Context
	x       *Index
	typ     string
	streams []union
	dates   []Filter
	bound   int    // rows to look at
	looked  int    // rows looked at
	start   string // packed id at which it goes on; "" where it begins after one
	rest    string // see Search
	err     error
}

// union is the sorted merge of several key ranges, one for each value asked for.
type union []*ids

// ids is one key range whose keys end in ids.
type ids struct {
	prefix []byte
	it     *pebble.Iterator
}

func (q *query) add(f Filter) error {
	switch {
	case f.Param == ParamUpdated || f.Kind == Date:
		q.dates = append(q.dates, f)
		return nil
	case f.Param == ParamID:
		var prefixes [][]byte
		for i := range f.Any {
			prefixes = append(prefixes, keyOf(famCurrent, q.typ, f.Any[i].Value))
		}
		return q.exact(prefixes)
	}
	var prefixes [][]byte
	for _, param := range append([]string{f.Param}, f.Or...) {
		for i := range f.Any {
			t := Term{Param: param, Kind: f.Kind, Value: asked(&f.Any[i])}
			prefixes = append(prefixes, termKey(q.typ, "", t))
		}
	}
	return q.stream(prefixes...)
}

func (q *query) stream(prefixes ...[]byte) error {
	var u union
	for _, p := range prefixes {
		it, err := q.x.db.NewIter(&pebble.IterOptions{LowerBound: p, UpperBound: after(p)})
		if err != nil {
			return err
		}
		u = append(u, &ids{prefix: p, it: it})
	}
	q.streams = append(q.streams, u)
	return nil
}

// exact is a stream of single keys: the prefix is all but the id.
func (q *query) exact(keys [][]byte) error {
	head := append(keyOf(famCurrent, q.typ), 0)
	var u union
	for _, k := range keys {
		it, err := q.x.db.NewIter(&pebble.IterOptions{LowerBound: k, UpperBound: append(k[:len(k):len(k)], 0)})
		if err != nil {
			return err
		}
		u = append(u, &ids{prefix: head, it: it})
	}
	q.streams = append(q.streams, u)
	return nil
}

// join gives the least id at or after `from` that is in every stream. It gives up, with a rest, where enough was looked at, but not
// before it is past its start: whoever goes on gets on.
func (q *query) join(from string) (string, bool) {
	agreed := 0
	for i := 0; agreed < len(q.streams); i++ {
		s := q.streams[i%len(q.streams)]
		id, ok := s.seek(from)
		if !ok {
			q.err = errors.Join(q.err, s.err())
			return "", false
		}
		if id != from {
			from, agreed = id, 0
		}
		if q.err = q.ctx.Err(); q.err != nil {
			return "", false
		}
		if q.looked += len(s); q.looked > q.bound && from != q.start {
			if id, ok = unpack([]byte(from)); !ok {
				q.err = damaged("id")
			}
			q.rest = atRest + id
			return "", false
		}
		agreed++
	}
	return from, true
}

func (u union) seek(from string) (string, bool) {
	least, found := "", false
	for _, s := range u {
		if !s.it.SeekGE(append(s.prefix[:len(s.prefix):len(s.prefix)], from...)) {
			continue
		}
		id := string(bytes.TrimPrefix(s.it.Key(), s.prefix))
		if !found || id < least {
			least, found = id, true
		}
	}
	return least, found
}

func (u union) err() error {
	var err error
	for _, s := range u {
		err = errors.Join(err, s.it.Error())
	}
	return err
}

func (q *query) close() {
	for _, u := range q.streams {
		for _, s := range u {
			q.err = errors.Join(q.err, s.it.Close())
		}
	}
}

// fits checks what is not read from streams: dates.
func (q *query) fits(id string, v *Version) (bool, error) {
	for _, f := range q.dates {
		if f.Param == ParamUpdated {
			if !f.holds(v.Time, v.Time) {
				return false, nil
			}
			continue
		}
		prefix, found := append(keyOf(famDate, q.typ, f.Param, id), 0), false
		err := q.x.scan(prefix, after(prefix), func(key, _ []byte) (bool, error) {
			if len(key) != len(prefix)+16 {
				return false, damaged("date")
			}
			found = f.holds(readInt(key[len(prefix):]), readInt(key[len(prefix)+8:]))
			return !found, nil
		})
		if err != nil || !found {
			return false, err
		}
	}
	return true, nil
}

// holds tells whether the period lo..hi passes any of the tests.
func (f *Filter) holds(lo, hi int64) bool {
	for i := range f.Any {
		if f.Any[i].Holds(lo, hi) {
			return true
		}
	}
	return false
}
