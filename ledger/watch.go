package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// watch follows the chain and takes note of every anchor of ours in it.
func (a *Anchorer) watch(ctx context.Context, from int64) error {
	for {
		err := a.opt.Engine.Follow(ctx, from, func(b *Block) error {
			if err := a.block(ctx, b); err != nil {
				return err
			}
			from = b.Height + 1
			return nil
		})
		if !errors.Is(err, ErrDown) {
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (a *Anchorer) block(ctx context.Context, b *Block) error {
	if b.Members {
		members, err := a.opt.Engine.Members(ctx)
		if err != nil {
			return err
		}
		a.mu.Lock()
		a.members = members
		a.mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, an := range b.Anchors {
		if seq, ok := a.ours(an.Bytes); ok {
			if err := a.landed(seq, an); err != nil {
				return err
			}
		}
	}
	// The chain moves. What was submitted while it stood may be lost, and the next attempt far off.
	for _, f := range a.flights {
		if soon := f.last.Add(a.opt.Resubmit); !f.last.IsZero() && f.due.After(soon) {
			f.due, f.interval = soon, a.opt.Resubmit
			kick(a.sendC)
		}
	}
	return nil
}

// ours gives the sequence number of an anchor if it is this organisation's; see verify.Anchor.Encode.
func (a *Anchorer) ours(anchor []byte) (seq uint64, ok bool) {
	const org, number = 1, 1 + 8
	if len(anchor) < number+8 || !bytes.Equal(anchor[org:number], a.opt.Org[:]) {
		return 0, false
	}
	return binary.BigEndian.Uint64(anchor[number:]), true
}

// landed takes note that an anchor of ours is committed. The caller holds mu.
func (a *Anchorer) landed(seq uint64, an *Anchored) error {
	if seq < a.committed {
		return nil // seen before
	}
	plan, err := a.confirm(seq, an.ID)
	if err != nil {
		return err
	}
	for len(a.flights) > 0 && a.flights[0].plan.Seq <= seq {
		if f := a.flights[0]; f.plan.Seq == seq && !f.submitted.IsZero() {
			a.latency += (min(time.Since(f.submitted), maxLatency) - a.latency) / 8
		}
		a.flights = a.flights[1:]
	}
	a.refusal = nil
	a.settle(plan, an)
	kick(a.cutC)
	kick(a.sendC)
	return a.refill()
}

// settle answers those whose entries are anchored: with their place when it is in the batch that just landed; the others
// are told to look it up. The caller holds mu.
func (a *Anchorer) settle(plan *Plan, an *Anchored) {
	kept := a.waiters[:0]
	for _, w := range a.waiters {
		if w.entry >= a.anchored {
			kept = append(kept, w)
			continue
		}
		if plan != nil && w.entry >= plan.Begin.Entry {
			w.place <- place(plan, w.entry, an)
		}
		close(w.place)
	}
	if all := len(a.waiters); len(kept) < all {
		a.crowd, a.lastLanded = max(all, a.crowd*3/4), time.Now()
	}
	clear(a.waiters[len(kept):])
	a.waiters = kept
}

func place(p *Plan, entry uint64, an *Anchored) Place {
	return Place{Seq: p.Seq, Leaf: uint32(entry - p.Begin.Entry), Index: an.Index, Height: an.Height, Tx: an.Tx}
}
