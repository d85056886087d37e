package record

import (
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// maxGathered bounds the resources that one Gather opens, those that it does not release included.
const maxGathered = 20_000

// Gathering is a release whose parts are found in rounds: what is looked for next depends on what was found before.
type Gathering struct {
	// Next is told what the round before found, nothing at first, and says what to look for; nothing ends it, and so does an error, with nothing
	// released. Of the queries Type, All, Sort, Count and Keep count. What is found again is not given again.
	Next func(found []Version) ([]Query, error)
	// Give, unless nil, is asked in the end about all that was found. What it says no to is neither given nor named.
	Give   func(*Version) bool
	Once   bool   // what a query's Keep said no to is not asked about again, and nothing is done for it in later queries
	Most   int    // resources that are opened at most; 0 for maxGathered
	Detail string // what was asked, for the entries; "" for that of the access
}

// Gathered is what a Gathering gave.
type Gathered struct {
	Versions []Version // in the order in which they were found
	Missing  bool      // something may match that could not be read, and is not looked for
	Cut      bool      // more was found than one answer holds
}

// Gather finds what several queries match, in rounds, and releases it as one: one entry for each chart, naming what of it was given. What the access
// may not search for is not found, and nothing tells it from what is not there. Errors as Search; those of Next as they are.
func (s *Store) Gather(ctx context.Context, a Access, g *Gathering) (*Gathered, error) {
	r := gathering{s: s, ctx: ctx, a: &a, out: &Gathered{}, seen: map[string]bool{}, once: g.Once, left: maxGathered}
	if g.Most > 0 {
		r.left = min(r.left, g.Most)
	}
	var asked []Query
	var last []Version
	for {
		queries, err := g.Next(last)
		if err != nil {
			return nil, err
		}
		if len(queries) == 0 {
			break
		}
		asked, last = append(asked, queries...), nil
		for i := range queries {
			found, err := r.query(&queries[i])
			if err != nil {
				return nil, err
			}
			last = append(last, found...)
		}
	}
	return r.release(g, asked)
}

// gathering is one Gather under way.
type gathering struct {
	s     *Store
	ctx   context.Context
	a     *Access
	out   *Gathered
	found []match // of out.Versions
	seen  map[string]bool
	once  bool
	left  int // resources that may yet be opened
	size  int
	room  int64 // that was asked for
}

// query opens what one query finds and is not there yet.
func (r *gathering) query(q *Query) (found []Version, err error) {
	if err := permit(r.a, policy.Search, r.a.Chart, q.Type); errors.Is(err, ErrForbidden) {
		if r.a.May(policy.Search) != nil {
			return nil, err
		}
		return nil, nil
	}
	matches, rest, err := r.s.find(r.ctx, r.a, q, index.Point{}, q.Count)
	if err != nil {
		return nil, err
	}
	missing, err := r.s.incomplete(r.a, q)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r.out.Missing = r.out.Missing || missing
	r.out.Cut = r.out.Cut || rest != nil
	if err := r.makeRoom(matches); err != nil {
		return nil, err
	}
	for _, m := range matches {
		if r.seen[m.typ+"/"+m.id] {
			continue
		}
		if r.left == 0 || r.size >= maxPage || len(r.found) >= maxReleased {
			r.out.Cut = true
			break
		}
		v, err := r.open(&m)
		if err != nil {
			return nil, err
		}
		keep := v != nil && (q.Keep == nil || q.Keep(v))
		if keep || r.once {
			r.seen[m.typ+"/"+m.id] = true
		}
		if !keep {
			continue
		}
		r.size += len(v.Body)
		r.out.Versions, r.found, found = append(r.out.Versions, *v), append(r.found, m), append(found, *v)
	}
	return found, nil
}

// open opens one match; nil for one that was erased since it was found.
func (r *gathering) open(m *match) (*Version, error) {
	r.left--
	v, err := r.s.open(r.ctx, m.typ, m.id, &m.version)
	if r.ctx.Err() != nil {
		return nil, r.ctx.Err()
	}
	switch {
	case errors.Is(err, ErrGone):
		return nil, nil
	case errors.Is(err, ErrDamaged):
		m.damaged, v = true, outline(m.typ, m.id, &m.version)
		v.Damaged = true
	case err != nil:
		return nil, err
	}
	v.Source = nil
	return v, nil
}

// makeRoom asks for what the content of matches takes, up to a page in all: more is never kept.
func (r *gathering) makeRoom(matches []match) error {
	if r.ctx.Value(roomKey{}) == nil {
		return nil
	}
	size := int64(0)
	for i := range matches {
		if size += r.s.sizeOf(r.ctx, &matches[i].version); r.room+size >= maxPage {
			size = maxPage - r.room
			break
		}
	}
	if size <= 0 {
		return nil
	}
	r.room += size
	return takeRoom(r.ctx, size)
}

// release leaves the entries of what is given.
func (r *gathering) release(g *Gathering, asked []Query) (*Gathered, error) {
	given, versions := r.found[:0], r.out.Versions[:0]
	for i := range r.out.Versions {
		if g.Give == nil || g.Give(&r.out.Versions[i]) {
			given, versions = append(given, r.found[i]), append(versions, r.out.Versions[i])
		}
	}
	clear(r.out.Versions[len(versions):])
	r.out.Versions = versions
	if g.Detail != "" {
		r.a.Detail = g.Detail
	}
	about, err := r.s.askedAbout(asked...)
	if err != nil {
		return nil, err
	}
	if err := r.s.leave(r.ctx, *r.a, verify.KindSearch, false, given, about...); err != nil {
		return nil, err
	}
	return r.out, nil
}
