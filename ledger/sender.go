package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// reissue ends a session: nobody can ever commit the plans from a number on. They are taken back when all work on them has
// ended, and their entries are planned anew.
type reissue struct{ from uint64 }

func (r *reissue) Error() string {
	return fmt.Sprintf("ledger: plans from %d on are taken back", r.from)
}

// retry is the time after which a submission is tried again that the engine could not take.
const retry = 50 * time.Millisecond

// sender submits the plans in order, and again while they stay out of the blocks. The engine does not say whether it
// lost one, and a crash on either side may have come at any time; submitting the same bytes twice does no harm.
func (a *Anchorer) sender(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ready:
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, wake := a.dueFlights(time.Now())
		for _, f := range due {
			later, err := a.submit(ctx, f)
			if err != nil {
				return err
			}
			if later { // those after it would wait for it all the same
				wake = time.Now().Add(retry)
				break
			}
		}
		if len(due) > 0 && wake.IsZero() {
			continue
		}
		if wake.IsZero() {
			wake = time.Now().Add(time.Hour)
		}
		timer.Reset(time.Until(wake))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.sendC:
		case <-timer.C:
		}
	}
}

// dueFlights gives the plans to submit now, in order. When there is none, it gives the time of the next.
func (a *Anchorer) dueFlights(now time.Time) (due []*flight, wake time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.flights[:min(len(a.flights), maxInFlight)] {
		switch {
		case !f.due.After(now):
			due = append(due, f)
		case wake.IsZero() || f.due.Before(wake):
			wake = f.due
		}
	}
	if len(due) > 0 {
		wake = time.Time{}
	}
	return due, wake
}

// submit hands one plan to the engine. It tells whether the engine cannot take it at the moment.
func (a *Anchorer) submit(ctx context.Context, f *flight) (later bool, err error) {
	err = a.opt.Engine.Submit(ctx, f.plan.Anchor)
	switch {
	case err == nil:
	case errors.Is(err, ErrRejected):
		return false, a.rejected(ctx, f, err)
	case errors.Is(err, ErrClosed) || ctx.Err() != nil:
		return false, err
	default: // ErrFull, ErrDown, or a supervised engine that does not answer
		return true, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if f.submitted.IsZero() {
		f.submitted = now
	} else {
		f.interval = min(2*f.interval, maxResubmit*a.opt.Resubmit)
	}
	f.last, f.due = now, now.Add(f.interval)
	return false, nil
}

// rejected finds out why the engine will never take a plan. It may be committed already; the chain may hold another anchor
// in its place; or a key in it is no longer a member's. In the last case alone the plans from there on are taken back:
// nobody can commit them any more, and their entries are planned anew, signed by the keys of today.
func (a *Anchorer) rejected(ctx context.Context, f *flight, reason error) error {
	an, err := a.opt.Engine.Anchor(ctx, a.opt.Org, f.plan.Seq)
	if err == nil {
		if an.ID != f.plan.ID() {
			return &ConflictError{Seq: f.plan.Seq, Ours: f.plan.ID(), Chain: an.ID}
		}
		a.mu.Lock()
		f.due = time.Now().Add(a.opt.Resubmit) // watch clears it away
		a.mu.Unlock()
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	members, err := a.opt.Engine.Members(ctx)
	if err != nil {
		return err
	}
	anchor, err := verify.DecodeAnchor(f.plan.Anchor)
	if err != nil || a.signedBy(members, anchor) {
		a.refused(f, reason)
		return nil
	}
	return &reissue{f.plan.Seq}
}

// refused takes note of a refusal that has no reason this node can see, and tries again later: the engine may still hold
// anchors of before a change of keys.
func (a *Anchorer) refused(f *flight, reason error) {
	a.mu.Lock()
	first := a.refusal == nil
	a.refusal = &RefusedError{Seq: f.plan.Seq, Err: reason}
	f.interval = min(2*f.interval, maxResubmit*a.opt.Resubmit)
	f.due = time.Now().Add(f.interval)
	a.mu.Unlock()
	if first {
		a.opt.Log.Error("the engine refuses an anchor; it is submitted again from time to time", "seq", f.plan.Seq, "error", reason)
	}
}

// signedBy tells whether all signatures of an anchor are by keys that members have now.
func (a *Anchorer) signedBy(members *Membership, anchor *verify.Anchor) bool {
	m := members.Member(a.opt.Org)
	if m == nil || !m.Key.Verify(anchor.SigningBytes(a.opt.Chain), anchor.Signature) {
		return false
	}
	for _, c := range anchor.Custodians {
		if m := members.Member(c.Org); m == nil || !m.Key.Verify(anchor.CustodyBytes(a.opt.Chain), c.Signature) {
			return false
		}
	}
	return true
}
