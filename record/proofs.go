package record

import (
	"context"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// Proof is what the record can show of one version: that its content is what its entry commits to, and the entry on the ledger.
type Proof struct {
	Version uint64
	Updated time.Time
	Op      Op
	Served  []byte          // what the receipt's commitment is opened with; nil for a deletion
	Receipt *verify.Receipt // nil while the entry is in no block
	Err     error           // ErrDamaged, or why there is no receipt though the entry is in a block
}

// Proofs calls fn with each of at most count versions of a resource that the access may know, newest first, from the one before version `before`
// on (0: the newest); next is where to go on, 0 at the end. It waits for no block. Content is opened to be held against what is on the ledger, also
// for those who may not read it, and must not be released. That versions are there, and when they were made, is: their entry is durable
// before fn is first called. Errors: ErrForbidden, ErrNotFound, ErrUnavailable, and those of fn.
func (s *Store) Proofs(ctx context.Context, a Access, typ, id string, count int, before uint64, fn func(*Proof) error) (next uint64, err error) {
	found, now, err := s.versions(ctx, &a, policy.Receipt, typ, id)
	if err != nil {
		return 0, err
	}
	for len(found) > 0 && before > 0 && found[0].version.Number >= before {
		found = found[1:]
	}
	if len(found) > count {
		found, next = found[:count], found[count-1].version.Number
	}
	largest := int64(0) // one is open at a time
	for i := range found {
		largest = max(largest, s.sizeOf(ctx, &found[i].version))
	}
	if err := takeRoom(ctx, largest); err != nil {
		return 0, err
	}
	if err := s.leave(ctx, a, verify.KindHistory, false, found, now.Chart); err != nil {
		return 0, err
	}
	for i := range found {
		m := &found[i]
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := fn(s.proof(ctx, m.typ, m.id, &m.version)); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// proof gathers what there is to show of one version.
func (s *Store) proof(ctx context.Context, typ, id string, v *index.Version) *Proof {
	p := &Proof{Version: v.Number, Updated: time.UnixMilli(v.Time).UTC(), Op: opOf(v)}
	o, err := s.openNumbered(ctx, v.Entry)
	if err != nil {
		p.Err = err
		return p
	}
	var contents map[uint32]verify.Forms
	if !v.Deleted {
		c, err := s.content(ctx, typ, id, v)
		if err == nil {
			p.Served, err = c.served()
		}
		if err != nil {
			p.Err = err
			return p
		}
		contents = map[uint32]verify.Forms{0: c.forms(p.Served)}
	}
	if height, err := s.Anchors.Block(ctx, v.Entry); err != nil || height == 0 {
		p.Err = err
		return p
	}
	p.Receipt, p.Err = s.Anchors.Receipt(ctx, o.at, &verify.OpenedEntry{Key: o.key, Salt: verify.Salt(o.salt), Body: o.body}, contents)
	return p
}
