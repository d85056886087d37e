package node

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// roster is the membership as this node last saw it on the ledger, for those who ask at every request.
type roster struct {
	org    verify.OrgID
	engine ledger.Engine
	log    *slog.Logger
	now    atomic.Pointer[ledger.Membership]
	left   atomic.Int64 // first height that this organisation, which was a member, is none for; 0 while it is one, or never was
}

// newRoster begins with the members as far as they are known before the ledger is read.
func newRoster(org verify.OrgID, known []verify.Member, log *slog.Logger) *roster {
	r := &roster{org: org, log: log}
	r.now.Store(&ledger.Membership{Members: known})
	return r
}

// read goes over to what the ledger says.
func (r *roster) read(ctx context.Context, e ledger.Engine) {
	r.engine = e
	r.load(ctx)
}

// members gives the current members. The slice is never changed.
func (r *roster) members() []verify.Member { return r.now.Load().Members }

func (r *roster) load(ctx context.Context) {
	m, err := r.engine.Members(ctx)
	if err != nil {
		return // the engine is starting; watch asks again
	}
	if s, err := r.engine.Status(ctx); err != nil || s.Height == 0 {
		return // it has read nothing yet: what was known before is newer than the genesis
	}
	r.now.Store(m)
	if left, err := r.leftAt(ctx, m, r.org); err == nil && r.left.Swap(left) != left && left > 0 {
		r.log.Warn("the members voted this organisation out: its entries are kept here, and anchored no more; `sijil status` says what to do", "since", left)
	}
}

// leftAt finds since when an organisation is a member no more; 0 while it is one, or never was. Where it is this node's own, the others no
// longer talk to it: the vote may be the last it hears of.
func (r *roster) leftAt(ctx context.Context, m *ledger.Membership, org verify.OrgID) (int64, error) {
	for i := range m.Pending {
		if p := &m.Pending[i]; p.Since > 0 && p.Change == chain.Leave.String() && p.Member.Org == org {
			return p.Since, nil
		}
	}
	if m.Member(org) != nil {
		return 0, nil
	}
	for m.Height > 0 {
		before, err := r.engine.MembersAt(ctx, m.Height)
		if err != nil {
			return 0, err
		}
		if before.Member(org) != nil {
			return m.Height + 1, nil
		}
		m = before
	}
	return 0, nil // perhaps it waits to be taken in
}

// watch keeps the roster current until ctx ends.
func (r *roster) watch(ctx context.Context) {
	for ctx.Err() == nil {
		r.load(ctx)
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, ledger.ErrDown) {
			r.log.Warn("the membership could not be followed", "error", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (r *roster) follow(ctx context.Context) error {
	status, err := r.engine.Status(ctx)
	if err != nil {
		return err
	}
	first := true // an engine that began from a snapshot changed in one step
	return r.engine.Follow(ctx, status.Height+1, func(b *ledger.Block) error {
		if b.Members || first {
			first = false
			r.load(ctx)
		}
		return nil
	})
}
