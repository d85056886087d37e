package ledger

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/sijil-health/sijil/verify"
)

// Period is an epoch as receipts and checkpoints count them: a time in which members, their keys and their powers stayed
// the same. See verify.Epoch.
type Period struct {
	Number  uint64
	Start   int64 // height of the last block before it; 0 for the first
	Members []verify.Member
}

// Quorum is how many voting members of the period must sign the beginning of the next: more than two thirds by number.
func (p *Period) Quorum() int { return 2*len(verify.NewValidatorSet(p.Members))/3 + 1 }

// periods lists the periods of a chain, which never change once they began.
type periods struct {
	engine Engine

	mu    sync.Mutex
	known []Period
}

// list gives all periods that have begun, from the genesis on.
func (p *periods) list(ctx context.Context) ([]Period, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	states, err := p.states(ctx)
	if err != nil {
		return nil, err
	}
	known := slices.Clone(p.known)
	for _, m := range slices.Backward(states) {
		if n := len(known); n > 0 && verify.MembersHash(known[n-1].Members) == verify.MembersHash(m.Members) {
			continue // only addresses or proposals changed
		}
		known = append(known, Period{Number: uint64(len(known)), Start: m.Height, Members: m.Members})
	}
	p.known = known
	return slices.Clone(known), nil
}

// states gives the memberships since the last known period, newest first, the genesis included when no period is known.
func (p *periods) states(ctx context.Context) ([]*Membership, error) {
	m, err := p.engine.Members(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Membership
	for {
		out = append(out, m)
		if m.Height == 0 || len(p.known) > 0 && m.Height <= p.known[len(p.known)-1].Start {
			return out, nil
		}
		before, err := p.engine.MembersAt(ctx, m.Height)
		if err != nil {
			return nil, err
		}
		if before.Height >= m.Height {
			return nil, errors.New("ledger: the engine's memberships are not in order")
		}
		m = before
	}
}

// Epoch is the number of the epoch that began last, as receipts and checkpoints count them.
func (a *Anchorer) Epoch(ctx context.Context) (uint64, error) {
	list, err := a.periods.list(ctx)
	if err != nil {
		return 0, err
	}
	return list[len(list)-1].Number, nil
}

// at gives the period that a block belongs to.
func (p *periods) at(ctx context.Context, height int64) (*Period, error) {
	list, err := p.list(ctx)
	if err != nil {
		return nil, err
	}
	for i := range slices.Backward(list) {
		if height > list[i].Start || i == 0 {
			return &list[i], nil
		}
	}
	return nil, ErrNotFound
}

// errEnough ends a Follow that has seen what it wanted.
var errEnough = errors.New("ledger: seen enough")

// blockAt gives one committed block. The height must be committed.
func blockAt(ctx context.Context, e Engine, height int64) (*Block, error) {
	var found *Block
	err := e.Follow(ctx, height, func(b *Block) error {
		c := *b
		found = &c
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		return nil, err
	}
	return found, nil
}
