package ledger

import (
	"context"

	"github.com/sijil-health/sijil/verify"
)

// reconcile compares the plans with the chain and sets everything to what is durable. It gives the height from which on
// blocks are news.
func (a *Anchorer) reconcile(ctx context.Context) (int64, error) {
	status, err := a.opt.Engine.Status(ctx) // before Head: a block in between is seen twice rather than never
	if err != nil {
		return 0, err
	}
	head, ok, err := a.opt.Engine.Head(ctx, a.opt.Org)
	if err != nil {
		return 0, err
	}
	members, err := a.opt.Engine.Members(ctx)
	if err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	next, begin := a.plans.Next()
	urgent := a.queue.urgent
	a.queue = newQueue(begin)
	for _, e := range urgent {
		a.queue.mark(e)
	}
	a.members = members
	a.next, a.committed, a.anchored, a.flights, a.prev = next, 0, 0, nil, verify.Hash{}
	if next > 0 {
		last, err := a.plans.Get(next - 1)
		if err != nil {
			return 0, err
		}
		a.prev = last.ID() // nobody asks for it when the last one is trimmed: plans after it are lost, and made again first
	}
	if ok {
		if _, err := a.confirm(head.Seq, head.ID); err != nil {
			return 0, err
		}
	}
	a.settle(nil, nil)
	return status.Height, a.refill()
}

// confirm compares an anchor of ours on the chain with its plan and takes note that everything up to it is committed.
// The caller holds mu.
func (a *Anchorer) confirm(seq uint64, id verify.Hash) (*Plan, error) {
	if seq >= a.next {
		return nil, &BehindError{Chain: seq, Plans: a.next}
	}
	plan, err := a.plans.Get(seq)
	if err != nil {
		return nil, err
	}
	if !plan.gave(id) {
		return nil, &ConflictError{Seq: seq, Ours: plan.ID(), Chain: id}
	}
	a.committed, a.anchored = seq+1, plan.End.Entry
	return plan, nil
}

// refill keeps the first plans that are not committed at hand. The caller holds mu.
func (a *Anchorer) refill() error {
	for len(a.flights) < window {
		seq := a.committed + uint64(len(a.flights))
		if seq >= a.next || seq < a.plans.trimmedTo() {
			return nil
		}
		p, err := a.plans.Get(seq)
		if err != nil {
			return err
		}
		a.flights = append(a.flights, &flight{plan: p, interval: a.opt.Resubmit})
	}
	return nil
}
