package ledger

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

const (
	maxInFlight  = 16             // batches that may be planned and not committed; the chain admits that many sequence numbers ahead
	window       = 64             // plans kept at hand for submission when there are more, as after the loss of a lone node's chain
	maxQueue     = 4 * MaxEntries // entries read ahead of the batches; the backlog itself stays in the journal
	maxResubmit  = 16             // the resubmission interval grows up to this many times the first
	firstLatency = 20 * time.Millisecond
	maxLatency   = time.Second // an outage is no measure of how long a block takes
)

// Anchorer puts the organisation's journal on the chain, batch by batch. It is the only one to sign anchors of the
// organisation: two of them, on one data directory or two, would fork the sequence. Its durable position is its last plan.
type Anchorer struct {
	opt     Options
	plans   *Plans
	periods *periods
	proven  proven
	cancel  context.CancelFunc
	done    chan struct{} // closed when all work has ended

	cutC, sendC, roomC chan struct{} // say that cutter, sender, reader may have something to do

	mu         sync.Mutex
	queue      *queue
	flights    []*flight // the first plans that are not committed, at most window
	committed  uint64    // sequence number of the first anchor that is not known to be committed
	anchored   uint64    // every entry below is in a committed block
	next       uint64    // sequence number of the next plan
	prev       verify.Hash
	members    *Membership
	waiters    []*waiter
	latency    time.Duration // moving average of submission to commitment
	lastCut    time.Time
	crowd      int       // how many wait at a time, of late
	lastLanded time.Time // when a batch was committed that somebody waited for
	trouble    error     // why nothing is cut at the moment; nil when all is well
	stalled    error     // why the journal is not read on at the moment; nil when it is
	refusal    error     // why the engine does not take the first plan; nil when it does
	failed     error     // why nothing ever will be
}

// flight is a plan on its way.
type flight struct {
	plan      *Plan
	submitted time.Time     // first time
	last      time.Time     // last time
	due       time.Time     // next time
	interval  time.Duration // from last to due
}

type waiter struct {
	entry uint64
	place chan Place // has room for one
}

// Place is where an entry is on the ledger.
type Place struct {
	Seq    uint64 // of the anchor, in the organisation's sequence
	Leaf   uint32 // of the entry, in the batch
	Index  uint64 // of the anchor, in the global log
	Height int64  // of the block
	Tx     uint32 // of the anchor, in the block
}

// OpenAnchorer starts anchoring. When the engine answers, the plans are compared with the chain first: errors are *ConflictError,
// *Damage, or of the disk. When it does not (ErrDown), that is done once it does; see Err. Plans that the chain has anchors of and that
// are not there are made again from the journal, in the background.
func OpenAnchorer(ctx context.Context, o Options) (*Anchorer, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &Anchorer{
		opt: o, periods: &periods{engine: o.Engine}, done: make(chan struct{}), latency: firstLatency,
		cutC: make(chan struct{}, 1), sendC: make(chan struct{}, 1), roomC: make(chan struct{}, 1),
	}
	if err := a.openPlans(ctx); err != nil {
		return nil, err
	}
	_, begin := a.plans.Next()
	a.queue = newQueue(begin)
	if _, err := a.reconcile(ctx); err != nil && !errors.Is(err, ErrDown) && !errors.As(err, new(*BehindError)) {
		return nil, errors.Join(err, a.plans.Close())
	}
	ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go a.run(ctx)
	return a, nil
}

// Close stops anchoring. What is planned and not committed is submitted again after the next OpenAnchorer.
func (a *Anchorer) Close() error {
	a.cancel()
	<-a.done
	return a.plans.Close()
}

// run works until it is stopped or can go on no more. What ended a session and can be mended is, and the next begins from what is durable.
func (a *Anchorer) run(ctx context.Context) {
	defer close(a.done)
	for {
		err := a.session(ctx)
		if ctx.Err() == nil {
			err = a.mend(ctx, err)
		}
		if ctx.Err() != nil {
			err = ErrClosed
		}
		if err == nil {
			continue
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.failed = err
		for _, w := range a.waiters {
			close(w.place)
		}
		a.waiters = nil
		if !errors.Is(err, ErrClosed) {
			a.opt.Log.Error("anchoring has stopped", "error", err)
		}
		return
	}
}

// session compares plans with the chain and then lets the workers run until the first of them fails.
func (a *Anchorer) session(ctx context.Context) error {
	var height int64
	for {
		var err error
		if height, err = a.reconcile(ctx); err == nil {
			break
		} else if !errors.Is(err, ErrDown) {
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ready := make(chan struct{}) // closed when the engine has caught up
	_, begin := a.plans.Next()
	var all sync.WaitGroup
	for _, work := range []func() error{
		func() error { return a.watch(ctx, height) },
		func() error { return a.read(ctx, begin) },
		func() error { return a.awaitEngine(ctx, ready) },
		func() error { return a.cutter(ctx, ready) },
		func() error { return a.sender(ctx, ready) },
	} {
		all.Go(func() {
			if err := work(); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// awaitEngine closes ready when the engine has caught up with the chain. Until then what it shows of our own sequence may
// be old, and a plan made now could be a second one for a number that is taken.
func (a *Anchorer) awaitEngine(ctx context.Context, ready chan<- struct{}) error {
	for {
		s, err := a.opt.Engine.Status(ctx)
		if err == nil && !s.CatchingUp {
			close(ready)
			return nil
		}
		if err != nil && !errors.Is(err, ErrDown) {
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// kick says that there may be something to do; one such word is enough.
func kick(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
