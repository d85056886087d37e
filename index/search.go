package index

import (
	"context"
	"errors"
)

// Search calls fn for the resources of a type that fulfil all filters, in the order of their rows, in which they came, from a row on, until fn
// says no. At most about `bound` rows are looked at: each step in a list of rows, each resource and each test of its dates is one. Where that ends
// it, rest is the row to go on from: of what comes before, everything that fits was given to fn. Otherwise rest is 0. It ends with ctx, whose error
// it gives.
func (x *Index) Search(ctx context.Context, typ string, filters []Filter, from uint64, bound int, fn func(id string, v Version) (more bool, err error)) (rest uint64, err error) {
	q := query{ctx: ctx, x: x, typ: typ, bound: bound, start: from}
	defer q.close()
	for _, f := range filters {
		if err := q.add(f); err != nil {
			return 0, err
		}
	}
	if len(q.streams) == 0 {
		if err := q.stream(objectsKey(typ)); err != nil {
			return 0, err
		}
	}
	for row, ok := q.join(from); ok; row, ok = q.join(row + 1) {
		q.looked += 1 + len(q.dates)
		id, v, fits, err := q.look(row)
		if err != nil {
			return 0, err
		}
		if !fits {
			continue
		}
		if more, err := fn(id, v); err != nil || !more {
			return 0, err
		}
	}
	return q.rest, q.err
}

// query joins streams of rows by leaping each to the greatest row that any of them stands at.
type query struct {
	ctx     context.Context
	x       *Index
	typ     string
	streams []stream
	dates   []Filter
	bound   int    // rows to look at
	looked  int    // rows looked at
	start   uint64 // the row it begins at
	rest    uint64 // see Search
	err     error
}

func (q *query) add(f Filter) error {
	switch {
	case f.Param == ParamUpdated || f.Kind == Date:
		q.dates = append(q.dates, f)
		return nil
	case f.Param == ParamID:
		return q.byID(f.Any)
	}
	var prefixes [][]byte
	for _, param := range append([]string{f.Param}, f.Or...) {
		for i := range f.Any {
			t := &f.Any[i]
			prefixes = append(prefixes, termsKey(q.x.mark(q.typ, param, f.Kind, t.Form, t.Value)))
		}
	}
	return q.stream(prefixes...)
}

func (q *query) stream(prefixes ...[]byte) error {
	var u union
	for _, p := range prefixes {
		s, err := q.x.newScan(p)
		if err != nil {
			return err
		}
		u = append(u, s)
	}
	q.streams = append(q.streams, u)
	return nil
}

// byID is a stream of the resources that are named.
func (q *query) byID(any []Test) error {
	var named list
	for i := range any {
		v, err := q.x.Current(q.typ, any[i].Value)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		named = append(named, v.Row)
	}
	q.streams = append(q.streams, named)
	return nil
}

// join gives the least row from one on that is in every stream. It gives up, with a rest, where enough was looked at, but not before it is past
// its start: whoever goes on gets on.
func (q *query) join(from uint64) (uint64, bool) {
	agreed := 0
	for i := 0; agreed < len(q.streams); i++ {
		s := q.streams[i%len(q.streams)]
		row, ok := s.seek(from)
		if !ok {
			q.err = errors.Join(q.err, s.err())
			return 0, false
		}
		if row != from {
			from, agreed = row, 0
		}
		if q.err = q.ctx.Err(); q.err != nil {
			return 0, false
		}
		if q.looked += s.width(); q.looked > q.bound && from > q.start {
			q.rest = from
			return 0, false
		}
		agreed++
	}
	return from, true
}

func (q *query) close() {
	for _, s := range q.streams {
		q.err = errors.Join(q.err, s.close())
	}
}

// look gives the resource of a row, if its dates fit too.
func (q *query) look(row uint64) (id string, v Version, fits bool, err error) {
	value, err := fetch(q.x.db, objectKey(q.typ, row))
	if err != nil || value == nil { // deleted
		return "", v, false, err
	}
	o, ok := decodeObject(value)
	if !ok {
		return "", v, false, damaged("terms")
	}
	for i := range q.dates {
		if f := &q.dates[i]; f.Param != ParamUpdated && !f.fits(o.dates) {
			return "", v, false, nil
		}
	}
	if v, err = q.x.Current(q.typ, o.id); err != nil || v.Deleted || v.Row != row {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return "", v, false, err
	}
	for i := range q.dates {
		if f := &q.dates[i]; f.Param == ParamUpdated && !f.holds(v.Time, v.Time) {
			return "", v, false, nil
		}
	}
	return o.id, v, true, nil
}

// fits tells whether any of a resource's dates passes.
func (f *Filter) fits(dates []Term) bool {
	for i := range dates {
		if d := &dates[i]; d.Param == f.Param && f.holds(d.Lo, d.Hi) {
			return true
		}
	}
	return false
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
