package ledger

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// pause is the time between attempts to make a plan when one has failed, e.g. because the disk is full.
const pause = time.Second

// read takes the journal into the queue, and waits while the queue is full. A damaged segment is healed on the way; while that cannot be
// done, what is planned goes on.
func (a *Anchorer) read(ctx context.Context, from journal.Cursor) error {
	a.stall(nil)
	healing := journal.Healing{Heal: a.heal, Stalled: a.stall}
	return healing.Through(ctx, a.opt.Journal.Follow, from, func(records []journal.Located) error {
		for i := range records {
			r := records[i].Record
			leaves := make([]verify.Hash, len(r.Entries))
			for j := range r.Entries {
				leaves[j] = r.Entries[j].Leaf()
			}
			if err := a.enqueue(ctx, &records[i], leaves); err != nil {
				return err
			}
		}
		return nil
	})
}

// heal puts a custodian's copy in the place of a damaged segment.
func (a *Anchorer) heal(ctx context.Context, damage *journal.DamageError) error {
	if a.opt.HealSegment == nil {
		return errors.New("nobody else has a copy")
	}
	return a.opt.HealSegment(ctx, damage.Segment)
}

// stall remembers why the journal is not read on, or that it is, and logs the change.
func (a *Anchorer) stall(err error) {
	a.mu.Lock()
	before := a.stalled
	a.stalled = err
	a.mu.Unlock()
	switch {
	case err != nil && before == nil:
		a.opt.Log.Error("what lies behind the damage cannot be anchored; the journal keeps what comes in", "error", err)
	case err == nil && before != nil:
		a.opt.Log.Info("the journal is read on")
	}
}

func (a *Anchorer) enqueue(ctx context.Context, r *journal.Located, leaves []verify.Hash) error {
	for {
		a.mu.Lock()
		if len(a.queue.leaves) < maxQueue {
			a.queue.add(r.Next, r.Record.Time, leaves, time.Now())
			a.mu.Unlock()
			kick(a.cutC)
			return nil
		}
		a.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.roomC:
		}
	}
}

// cutter makes the plans, one after the other: each names the one before.
func (a *Anchorer) cutter(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ready:
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	if err := a.awaitAnchors(ctx); err != nil {
		return err
	}
	for {
		now := time.Now()
		a.mu.Lock()
		due, at := a.queue.due(a.pace(), now)
		a.mu.Unlock()
		if due {
			err := a.plan(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if a.note(err); err == nil {
				continue
			}
			if fatal(err) {
				return err
			}
			if err := sleep(ctx, pause); err != nil {
				return err
			}
			continue
		}
		if at.IsZero() {
			at = now.Add(time.Hour)
		}
		timer.Reset(at.Sub(now))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.cutC:
		case <-timer.C:
		}
	}
}

// awaitAnchors waits until the chain holds the anchors that were trimmed from the plans, which it did once.
func (a *Anchorer) awaitAnchors(ctx context.Context) error {
	for lost := false; ; lost = true {
		a.mu.Lock()
		committed := a.committed
		a.mu.Unlock()
		trimmed := a.plans.trimmedTo()
		if committed >= trimmed {
			if lost {
				a.note(nil)
			}
			return nil
		}
		a.note(&LostError{Chain: committed, Plans: trimmed})
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// pace gives what the queue's decision depends on. The caller holds mu.
func (a *Anchorer) pace() pace {
	return pace{
		inFlight: int(min(a.next-a.committed, window)), maxInFlight: a.opt.InFlight,
		crowd: a.crowd, lastCut: a.lastCut, lastLanded: a.lastLanded,
		latency: a.latency, spacing: a.latency / time.Duration(a.opt.InFlight), linger: a.opt.Linger,
	}
}

// note remembers why no plan could be made, or that one was, and logs the change.
func (a *Anchorer) note(err error) {
	a.mu.Lock()
	before := a.trouble
	a.trouble = err
	a.mu.Unlock()
	switch {
	case err != nil && before == nil:
		a.opt.Log.Error("no batch can be anchored at the moment; the journal keeps what comes in", "error", err)
	case err == nil && before != nil:
		a.opt.Log.Info("batches are anchored again")
	}
}

// fatal tells an error after which no plan may be made before a restart from one that may pass.
func fatal(err error) bool {
	var damage *Damage
	return errors.As(err, &damage) || errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled)
}

// plan makes the next batch a durable plan and hands it to the sender. Whatever fails, the records stay in the queue.
func (a *Anchorer) plan(ctx context.Context) error {
	a.mu.Lock()
	leaves, end, records := a.queue.next()
	begin, seq, prev, local := a.queue.begin, a.next, a.prev, a.queue.localOnly(end.Entry)
	a.mu.Unlock()
	d, err := cut(a.opt.Sealer, seq, begin, end, leaves)
	if err != nil {
		return err
	}
	d.Anchor.Org, d.Anchor.Prev = a.opt.Org, prev
	d.Anchor.Control, d.Anchor.Time = a.opt.Control(), a.opt.Clock().UnixMilli()
	if local {
		d.Anchor.Flags |= verify.FlagLocalOnly
	}
	anchor, err := a.sign(ctx, d)
	if err != nil {
		return err
	}
	p := &Plan{Seq: seq, Begin: begin, End: end, Key: d.Key, Anchor: anchor.Encode()}
	if err := a.plans.Append(p); err != nil {
		return err
	}
	if seq%plansPerFile == 0 {
		a.trim()
	}
	a.mu.Lock()
	a.queue.take(records)
	a.next, a.prev, a.lastCut = seq+1, p.ID(), time.Now()
	err = a.refill()
	a.mu.Unlock()
	kick(a.sendC)
	kick(a.roomC)
	return err
}

// sign asks the custodians, adds the statements that are good, and signs. A statement that is not good would make the anchor
// one that can never be committed, and everything after it.
func (a *Anchorer) sign(ctx context.Context, d *Draft) (*verify.Anchor, error) {
	anchor, copies := d.Anchor, a.opt.Copies()
	if copies > 1 && a.opt.Custodians != nil {
		statement := anchor.CustodyBytes(a.opt.Chain)
		for _, c := range a.opt.Custodians(ctx, d) {
			if m := a.member(c.Org); c.Org == a.opt.Org || m == nil || !m.Key.Verify(statement, c.Signature) {
				a.opt.Log.Warn("a custodian's statement does not hold and is left out", "custodian", c.Org.String())
				continue
			}
			anchor.Custodians = append(anchor.Custodians, c)
		}
		slices.SortFunc(anchor.Custodians, func(x, y verify.Custody) int { return bytes.Compare(x.Org[:], y.Org[:]) })
		anchor.Custodians = slices.CompactFunc(anchor.Custodians, func(x, y verify.Custody) bool { return x.Org == y.Org })
		anchor.Custodians = anchor.Custodians[:min(len(anchor.Custodians), verify.MaxCustodians)]
	}
	if len(anchor.Custodians)+1 < copies {
		anchor.Flags |= verify.FlagLocalOnly
	}
	message := anchor.SigningBytes(a.opt.Chain)
	anchor.Signature = a.opt.Sign(message)
	if m := a.member(a.opt.Org); m == nil || !m.Key.Verify(message, anchor.Signature) {
		return nil, ErrNotMember
	}
	return &anchor, ctx.Err()
}

// member finds a member as of the last membership this node has seen.
func (a *Anchorer) member(org verify.OrgID) *verify.Member {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.members.Member(org)
}
