package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Urgent says that somebody waits for an entry to be anchored, now or once it is in the journal. It returns at once.
func (a *Anchorer) Urgent(entry uint64) {
	a.mu.Lock()
	a.queue.mark(entry)
	a.mu.Unlock()
	kick(a.cutC)
}

// LocalOnly says that the entries from first to before end were acknowledged while too few custodians held them. It is known until the
// node stops: after that, an anchor says what custodians vouch for.
func (a *Anchorer) LocalOnly(first, end uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue.markLocal(span{first, end})
}

// Wait makes an entry urgent and returns once it is in a committed block. Errors: ctx.Err(); Err's when the Anchorer has
// failed or is closed; those of the engine.
func (a *Anchorer) Wait(ctx context.Context, entry uint64) (Place, error) {
	w := &waiter{entry: entry, place: make(chan Place, 1)}
	a.mu.Lock()
	if entry < a.anchored {
		a.mu.Unlock()
		return a.Find(ctx, entry)
	}
	if err := a.failed; err != nil {
		a.mu.Unlock()
		return Place{}, err
	}
	a.waiters = append(a.waiters, w)
	a.queue.mark(entry)
	a.mu.Unlock()
	kick(a.cutC)
	select {
	case p, ok := <-w.place:
		if ok {
			return p, nil
		}
		if err := a.stopped(entry); err != nil {
			return Place{}, err
		}
		return a.Find(ctx, entry)
	case <-ctx.Done():
		a.mu.Lock()
		a.waiters = slices.DeleteFunc(a.waiters, func(o *waiter) bool { return o == w })
		a.queue.unmark(entry)
		a.mu.Unlock()
		return Place{}, ctx.Err()
	}
}

// stopped tells why an entry that is not anchored never will be by this Anchorer.
func (a *Anchorer) stopped(entry uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if entry < a.anchored {
		return nil
	}
	return a.failed
}

// Find gives the place of an entry that is anchored. It does not wait: for one that is not, the error wraps ErrNotFound.
func (a *Anchorer) Find(ctx context.Context, entry uint64) (Place, error) {
	p, an, err := a.locate(ctx, entry)
	if err != nil {
		return Place{}, err
	}
	return place(p, entry, an), nil
}

func (a *Anchorer) locate(ctx context.Context, entry uint64) (*Plan, *Anchored, error) {
	p, err := a.plans.Find(entry)
	if err != nil {
		return nil, nil, err
	}
	if p == nil {
		return nil, nil, fmt.Errorf("%w: entry %d is in no batch yet", ErrNotFound, entry)
	}
	an, err := a.opt.Engine.Anchor(ctx, a.opt.Org, p.Seq)
	if err != nil {
		return nil, nil, err
	}
	if !p.gave(an.ID) {
		return nil, nil, &ConflictError{Seq: p.Seq, Ours: p.ID(), Chain: an.ID}
	}
	return p, an, nil
}

// Anchored gives the number below which every entry is in a committed block.
func (a *Anchorer) Anchored() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.anchored
}

// Backlog is what is in the journal and not on the chain.
type Backlog struct {
	Entries uint64
	Batches uint64    // of them planned and submitted
	Oldest  time.Time // of the oldest entry or its batch, by the organisation's clock; zero when there is none
}

// Unanchored tells how far the chain is behind the journal.
func (a *Anchorer) Unanchored() Backlog {
	end := a.opt.Journal.End().Entry
	a.mu.Lock()
	defer a.mu.Unlock()
	b := Backlog{Batches: a.next - a.committed}
	if end <= a.anchored {
		return b
	}
	b.Entries = end - a.anchored
	at, ok := a.queue.oldest()
	if len(a.flights) > 0 {
		if anchor, err := verify.DecodeAnchor(a.flights[0].plan.Anchor); err == nil {
			at, ok = anchor.Time, true
		}
	}
	if ok {
		b.Oldest = time.UnixMilli(at)
	}
	return b
}

// Err tells why nothing is anchored: for good (*BehindError, *ConflictError, *Damage, of the journal), or until it is mended
// (ErrNotMember, *RefusedError, journal.ErrUnhealed, of the disk or of the sealer). nil when all is well; an engine without quorum is no error here.
func (a *Anchorer) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed != nil {
		return a.failed
	}
	return cmp.Or(a.stalled, a.trouble, a.refusal)
}
