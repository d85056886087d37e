package index

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Search calls fn for the resources of a type that fulfil all filters, in the order of their ids (packed: UUIDs, as they were made, after all
// others), from the one after `after` on, until fn says no.
func (x *Index) Search(typ string, filters []Filter, afterID string, fn func(id string, v Version) (more bool, err error)) error {
	q := query{x: x, typ: typ}
	defer q.close()
	for _, f := range filters {
		if err := q.add(f); err != nil {
			return err
		}
	}
	if len(q.streams) == 0 {
		if err := q.stream(append(keyOf(famCurrent, typ), 0)); err != nil {
			return err
		}
	}
	at, ok := q.join(pack(afterID) + "\x00")
	for ; ok; at, ok = q.join(at + "\x00") {
		id, whole := unpack([]byte(at))
		if !whole {
			return damaged("id")
		}
		v, err := x.Current(typ, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil || v.Deleted {
			continue
		}
		if fits, err := q.fits(id, &v); err != nil {
			return err
		} else if !fits {
			continue
		}
		if more, err := fn(id, v); err != nil || !more {
			return err
		}
	}
	return q.err
}

// query joins streams of packed ids (each sorted) by leaping each to the greatest id that any of them stands at.
type query struct {
	x       *Index
	typ     string
	streams []union
	dates   []Filter
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
	for i := range f.Any {
		t := Term{Param: f.Param, Kind: f.Kind, Value: asked(&f.Any[i])}
		prefixes = append(prefixes, termKey(q.typ, "", t))
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

// join gives the least id at or after `from` that is in every stream.
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
