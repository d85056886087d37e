package index

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/sijil-health/sijil/index/term"
)

// Search asks for the resources that a query finds.
type Search struct {
	Query term.Query
	After Point // where to go on; zero for the beginning
	// Bound is how many rows may be looked at: blocks of lists, documents, resources at the other end of a reference. A document of many terms counts
	// as several.
	Bound int
	// Permit is asked about each resource before it is found or counted, or anything is found by what it says or refers to. nil allows all.
	Permit func(typ, id string, v *Version) bool
	// Limit is how many matches are taken; 0 says that it is not known. Nothing else is found for it, but more quickly.
	Limit int
	// Total, unless nil, is told how many match in all, where that is known by looking at few rows more. It is for searches without Permit.
	Total *Total
}

// Total is how many match in all.
type Total struct {
	Bound int // rows to look at
	Known bool
	N     int
}

// Match is a resource that was found.
type Match struct {
	ID      string
	Version Version // the current one
	At      Point   // to go on behind it
}

// Point is a place in the order of a search, and the moment as of which it is answered: all pages of a search tell of what was there when the first
// one was asked for. A resource stands in one place of one page, whatever is written meanwhile; one that was deleted since, or that may not be seen any
// more, is left out, and one that was changed is given as it is now.
type Point struct {
	Serial uint64 // of what comes after that moment
	Doc    uint32 // the last that was looked at
	Begun  bool   // false: nothing was yet
}

// MarshalBinary gives a point in few bytes, which tell nothing of the resource.
func (p Point) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint(nil, p.Serial)
	if p.Begun {
		b = binary.AppendUvarint(b, uint64(p.Doc))
	}
	return b, nil
}

var errPoint = errors.New("index: not a place in a search")

// UnmarshalBinary reads what MarshalBinary gave.
func (p *Point) UnmarshalBinary(b []byte) error {
	serial, w := binary.Uvarint(b)
	if w <= 0 {
		return errPoint
	}
	*p = Point{Serial: serial}
	if b = b[w:]; len(b) == 0 {
		return nil
	}
	doc, w := binary.Uvarint(b)
	if w != len(b) || doc >= maxDocs {
		return errPoint
	}
	p.Doc, p.Begun = uint32(doc), true
	return nil
}

// Search calls fn for the resources that a search finds, in its order, until fn says no. Where more would have to be looked at than the bound, a search
// in no order ends: rest is where to go on, and of what comes before everything that fits was given to fn; otherwise rest is nil. Errors: ErrCostly
// where a search cannot be gone on with that way, or has more to sort than the bound; ErrExpired where so much was changed since its first page
// that it cannot be told any more; ErrDamaged; ctx.Err.
func (x *Index) Search(ctx context.Context, s *Search, fn func(Match) (more bool, err error)) (rest *Point, err error) {
	r, done, err := x.begin(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	p, err := r.plan(&s.Query, 0)
	if err != nil || p.space.number == 0 {
		return nil, err
	}
	if len(s.Query.Sort) > 0 {
		return nil, r.sorted(p, s, fn)
	}
	if s.Total != nil {
		*s.Total = Total{Bound: s.Total.Bound, Known: len(p.late) == 0}
	}
	return r.unsorted(p, s, fn)
}

// Count tells how many resources a search finds. Where Permit is nil most searches are counted without looking at one of them. Errors: as Search.
func (x *Index) Count(ctx context.Context, s *Search) (n int, err error) {
	r, done, err := x.begin(ctx, s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done()) }()
	p, err := r.plan(&s.Query, 0)
	if err != nil || p.space.number == 0 {
		return 0, err
	}
	if r.permit == nil {
		_, n, err = p.whole(r)
		return n, err
	}
	err = p.windows(r, 0, func(h *hit) (bool, error) {
		return h.chunks(0, 0, func(docs []uint32) (bool, error) {
			if err := r.costly(); err != nil {
				return false, err
			}
			return true, r.give(p, h, docs, func(Match) (bool, error) { n++; return true, nil })
		})
	})
	return n, err
}

func (x *Index) begin(ctx context.Context, s *Search) (*run, func() error, error) {
	snapshot, err := x.rows.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := &run{x: x, ctx: ctx, rows: snapshot, m: x.marker(), permit: s.Permit, bound: s.Bound}
	if len(s.Query.Sort) == 0 {
		r.limit = s.Limit
	}
	if err := r.begin(s.After.Serial); err != nil {
		return nil, nil, errors.Join(err, snapshot.Close())
	}
	return r, snapshot.Close, nil
}

// unsorted gives what is found in the order in which versions came.
func (r *run) unsorted(p *plan, s *Search, fn func(Match) (bool, error)) (rest *Point, err error) {
	from := uint32(0)
	if s.After.Begun {
		from = s.After.Doc + 1
		if from == 0 {
			return nil, nil
		}
	}
	full := false
	err = p.windows(r, from, func(h *hit) (bool, error) {
		if t := s.Total; t != nil && t.Known {
			if err := t.add(r, p, h); err != nil {
				return false, err
			}
		}
		if full {
			return s.Total != nil && s.Total.Known, nil
		}
		more, err := h.chunks(from, r.limit, func(docs []uint32) (bool, error) {
			if r.looked > r.bound && docs[0] > from {
				rest = &Point{Serial: r.serial, Doc: docs[0] - 1, Begun: true}
				return false, nil
			}
			docs, err := p.later(r, h, docs)
			if err != nil {
				return false, err
			}
			more := true
			err = r.give(p, h, docs, func(m Match) (bool, error) {
				var err error
				more, err = fn(m)
				return more, err
			})
			return more, err
		})
		if full = !more; full && rest == nil && s.Total != nil && s.Total.Known {
			return true, err
		}
		return more, err
	})
	if s.Total != nil && rest != nil {
		s.Total.Known = false
	}
	return rest, err
}

// add counts what fits of a hit, unless that takes too much; then the total is not known. The hit is without doubts afterwards.
func (t *Total) add(r *run, p *plan, h *hit) error {
	unsure := h.unsure()
	if r.looked+unsure.count() > t.Bound {
		t.Known = false
		return nil
	}
	fits, err := p.fitting(r, h)
	if errors.Is(err, ErrCostly) { // documents were wider than it seemed
		t.Known = false
		return nil
	}
	if err != nil {
		return err
	}
	h.found, h.doubt = fits, nil
	t.N += fits.count()
	return nil
}

// give calls fn with the resources of documents, as far as they fit and may be given, until it says no.
func (r *run) give(p *plan, h *hit, docs []uint32, fn func(Match) (bool, error)) error {
	var fit []uint32
	var ids []string
	if err := p.settle(r, h, docs, false, func(doc uint32, d *document) error {
		fit, ids = append(fit, doc), append(ids, d.id)
		return nil
	}); err != nil {
		return err
	}
	return r.release(p.space.typ, fit, ids, fn)
}

// release calls fn with the current versions of resources, as far as they may be given, until it says no.
func (r *run) release(typ string, docs []uint32, ids []string, fn func(Match) (bool, error)) error {
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = r.x.key(famCurrent, typ, id)
	}
	err := r.rows.Gets(r.ctx, keys, func(i int, value []byte) error {
		v, ok := decodeVersion(ids[i], value)
		switch {
		case value == nil || !ok:
			return damaged("version")
		case v.Deleted || r.permit != nil && !r.permit(typ, ids[i], &v):
			return nil
		}
		more, err := fn(Match{ID: ids[i], Version: v, At: Point{r.serial, docs[i], true}})
		if err == nil && !more {
			err = enough{}
		}
		return err
	})
	if errors.Is(err, enough{}) {
		return nil
	}
	return err
}
