package record

import (
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/policy"
)

// What the node needs in order to tell others of changes: which there were, whether somebody asked to be told of one, and who that is. Nothing of what
// stands here is released to anybody; that is what Notify does.

// Changed is a version that was written.
type Changed struct {
	Head
	Op    Op
	Entry uint64 // in the journal
}

// End is the number of the journal entry that is written next.
func (s *Store) End() uint64 { return s.Journal.End().Entry }

// Changes gives at most limit versions of some types in the order in which they were written, from a journal entry on, and where to go on. It waits until
// the index has taken in anything from there on; there need not be a version among it. What was erased is left out. Errors: ErrUnavailable, ctx's.
func (s *Store) Changes(ctx context.Context, types []string, from uint64, limit int) (list []Changed, next uint64, err error) {
	if err := s.overlay.wait(ctx, from+1); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	next = s.overlay.position()
	found, err := s.Index.ChangesFrom(ctx, types, from, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for i := range found {
		c := &found[i]
		if c.Entry >= next { // it came while this was read, and others of before it may not have been seen
			return list, next, nil
		}
		v, err := s.Index.Version(c.Type, c.ID, c.Number)
		if errors.Is(err, index.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if !s.erased(&v) {
			list = append(list, changed(c.Type, c.ID, &v))
		}
	}
	if len(found) == limit {
		next = found[limit-1].Entry + 1
	}
	return list, next, nil
}

func changed(typ, id string, v *index.Version) Changed {
	return Changed{Head: headOf(typ, id, v), Op: opOf(v), Entry: v.Entry}
}

// ChangeAt gives the version that a journal entry brought. Errors: ErrNotFound where it brought none, ErrGone where it was erased, ErrDamaged.
func (s *Store) ChangeAt(ctx context.Context, entry uint64) (Changed, error) {
	o, err := s.openAt(ctx, entry)
	if err != nil {
		return Changed{}, err
	}
	t, typ, id, ok := brought(o.entry)
	if !ok {
		return Changed{}, ErrNotFound
	}
	v, err := s.versionAt(ctx, typ, id, t.Version)
	if errors.Is(err, index.ErrNotFound) {
		return Changed{}, ErrNotFound
	}
	if err != nil {
		return Changed{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return changed(typ, id, &v), nil
}

// Candidate is a change with what it is found by.
type Candidate struct {
	Changed
	store    *Store
	resource term.Resource
	unknown  bool // it does not open, or no terms can be made of it
}

// Weigh makes a Candidate of a change: by what the version says, or, of a deletion, what was deleted. Errors: ErrGone where it was erased, ErrUnavailable.
func (s *Store) Weigh(ctx context.Context, c Changed) (*Candidate, error) {
	k := &Candidate{Changed: c, store: s, resource: term.Resource{Type: c.Type, ID: c.ID, Updated: c.Updated.UnixMilli()}}
	number := c.Version
	if c.Deleted {
		number--
	}
	v, err := s.Index.Version(c.Type, c.ID, number)
	if err != nil && !errors.Is(err, index.ErrNotFound) { // who is to be told of it is not known yet, and must not be passed over
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err != nil || v.Deleted {
		k.unknown = true
		return k, nil
	}
	opened, err := s.open(ctx, c.Type, c.ID, &v)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ErrGone):
		return nil, err
	case err != nil:
		k.unknown = true
		return k, nil
	}
	if k.resource.Terms, err = s.Extract(c.Type, opened.Body); err != nil {
		k.unknown = true
	}
	return k, nil
}

// Holds tells whether an access that may see a candidate would have found it by a query. What the query asks of other resources is looked up as it is now.
// Of what cannot be opened only a query without any clause holds. Errors: ErrCostly, ErrUnavailable.
func (k *Candidate) Holds(ctx context.Context, a *Access, q *term.Query) (bool, error) {
	for _, act := range []policy.Action{policy.Search, policy.Read} {
		if permit(a, act, k.Chart, k.Type) != nil {
			return false, nil
		}
	}
	if k.unknown && len(q.All) > 0 {
		return false, nil
	}
	var others []term.Clause
	for i := range q.All {
		switch c := &q.All[i]; {
		case c.Chain != nil || c.Has != nil:
			others = append(others, *c)
		case !c.Holds(&k.resource):
			return false, nil
		}
	}
	if others == nil {
		return true, nil
	}
	others = append(others, term.Clause{Param: term.ParamID, Kind: term.Token, Any: []term.Test{{Form: term.AnySystem, Code: k.ID}}})
	found, rest, err := k.store.find(ctx, a, &Query{Type: k.Type, All: others}, index.Point{}, 1)
	if err == nil && len(found) == 0 && rest != nil {
		err = ErrCostly
	}
	return len(found) > 0, err
}

// Subscription is a Subscription that is kept here, for the node's own use.
type Subscription struct {
	Version
	Entry uint64 // that brought the version
	By    Access // who wrote it last, but for the node itself: actor, role and purpose
	Since uint64 // the entry by which they did
	Own   bool   // the version is the node's own
}

// Subscription gives the current version of a Subscription. Errors: ErrNotFound, ErrGone, ErrDamaged, ErrUnavailable.
func (s *Store) Subscription(ctx context.Context, id string) (*Subscription, error) {
	const typ = "Subscription"
	v, err := s.lookup(ctx, typ, id, 0)
	if err != nil {
		return nil, err
	}
	opened, err := s.open(ctx, typ, id, &v)
	if err != nil {
		return nil, err
	}
	out := &Subscription{Version: *opened, Entry: v.Entry}
	for wrote := v; ; {
		o, err := s.openAt(ctx, wrote.Entry)
		if err != nil {
			return nil, err
		}
		e := o.entry
		if e.Purpose != nodePurpose || wrote.Number == 1 {
			out.By, out.Since = Access{Actor: e.Actor, Role: e.Role, Purpose: e.Purpose, Org: s.Org.String()}, wrote.Entry
			return out, nil
		}
		out.Own = true
		if wrote, err = s.versionAt(ctx, typ, id, wrote.Number-1); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

// Subscriptions gives the ids of at most limit Subscriptions that are there.
func (s *Store) Subscriptions(ctx context.Context, limit int) (ids []string, err error) {
	a := NodeAccess("")
	found, _, err := s.find(ctx, &a, &Query{Type: "Subscription"}, index.Point{}, limit)
	for i := range found {
		ids = append(ids, found[i].id)
	}
	return ids, err
}

// nodePurpose is that of what the node does by itself: none that a token can carry.
const nodePurpose = "SYSADMIN"

// NodeAccess is the node's own, for what it writes by itself.
func NodeAccess(detail string) Access {
	return Access{Actor: "system", Role: string(policy.System), Purpose: nodePurpose, Detail: detail}
}
