package subscription

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// Record is what this package needs of the record.
type Record interface {
	End() uint64
	Changes(ctx context.Context, types []string, from uint64, limit int) (list []record.Changed, next uint64, err error)
	ChangeAt(ctx context.Context, entry uint64) (record.Changed, error)
	Weigh(ctx context.Context, c record.Changed) (*record.Candidate, error)
	Subscription(ctx context.Context, id string) (*record.Subscription, error)
	Subscriptions(ctx context.Context, limit int) ([]string, error)
	Notify(ctx context.Context, a record.Access, g record.Giving, changes []record.Changed) (out []record.Version, done int, err error)
	Write(ctx context.Context, a record.Access, changes []record.Change) (*record.Commit, error)
}

// Options of Subscriptions.
type Options struct {
	Dir    string // of what is remembered
	Key    []byte // 32 bytes, that secrets are sealed with
	Record Record
	Base   string // URL of the gate, that what is told of is named by
	Own    string // URL that references to this node may begin with; "" when it is not known

	Parameters  *search.Parameters
	Terminology search.Terminology // nil for none
	Endpoints   []string           // prefixes of URLs that notifications may go to besides public ones of https
	Trust       *tls.Config        // of receivers; nil: what the machine trusts
	Limits      Limits             // zero fields: DefaultLimits
	Log         *slog.Logger       // nil for silence
}

// Subscriptions are those in force at a node. Their methods may be called from several goroutines.
type Subscriptions struct {
	opt     Options
	reader  reader
	book    *book
	sending places
	public  *http.Client // reaches public addresses alone
	named   *http.Client // reaches what the operator named
	tokens  tokens
	sockets sockets

	mu      sync.Mutex
	watches map[string]*watch
	types   []string // that are followed

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Open takes up the Subscriptions where an earlier process left them, and begins to follow the record.
func Open(ctx context.Context, o Options) (*Subscriptions, error) {
	o.Limits = o.Limits.orDefault()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	named, err := newEndpoints(o.Endpoints)
	if err != nil {
		return nil, err
	}
	x := &Subscriptions{
		opt: o, watches: map[string]*watch{},
		reader: reader{parameters: o.Parameters, options: search.Options{Base: o.Own, Terminology: o.Terminology}, limits: o.Limits, endpoints: named},
		public: client(onlyPublic, o.Trust), named: client(nil, o.Trust),
	}
	x.sending.begin(o.Limits.Sending, o.Limits.ActorSending)
	if x.book, err = openWhole(o.Dir, o.Key, o.Log); err != nil {
		return nil, err
	}
	x.ctx, x.cancel = context.WithCancel(context.WithoutCancel(ctx))
	position, err := x.resume(ctx)
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	x.work.Go(func() { x.follow(position) })
	return x, nil
}

// Close ends following, sending and all connections.
func (x *Subscriptions) Close() error {
	x.cancel()
	x.sockets.close()
	x.work.Wait()
	x.public.CloseIdleConnections()
	x.named.CloseIdleConnections()
	return x.book.close()
}

// resume loads all Subscriptions that are there. Where nothing is remembered of how far the record was followed, each that was in force ends in error: nobody
// can say what it was not told.
func (x *Subscriptions) resume(ctx context.Context) (position uint64, err error) {
	position, known, err := x.book.position()
	if err != nil {
		return 0, err
	}
	if !known {
		position = x.opt.Record.End()
		if err := x.book.batch().commit(position); err != nil {
			return 0, err
		}
	}
	ids, err := x.opt.Record.Subscriptions(ctx, x.opt.Limits.Node+1)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := x.load(ctx, id, !known); err != nil {
			return 0, err
		}
	}
	x.settle()
	return position, nil
}

// load takes a Subscription as it is now. lost says that what was remembered of it is gone.
func (x *Subscriptions) load(ctx context.Context, id string, lost bool) error {
	kept, err := x.opt.Record.Subscription(ctx, id)
	switch {
	case errors.Is(err, record.ErrNotFound) || errors.Is(err, record.ErrGone):
		return x.drop(id)
	case errors.Is(err, record.ErrDamaged):
		x.opt.Log.Error("a subscription is damaged and not in force", "subscription", id)
		return nil
	case err != nil:
		return err
	}
	x.mu.Lock()
	old, all := x.watches[id], len(x.watches)
	mine := x.ofActor(kept.By.Actor)
	if old != nil {
		all, mine = all-1, mine-1
		if kept.Version.Version <= old.version {
			x.mu.Unlock()
			return nil
		}
		if kept.Own && kept.Since == old.since { // the node's own note of the status, which it knows
			old.version = kept.Version.Version
			x.mu.Unlock()
			return nil
		}
	}
	x.mu.Unlock()
	w, err := x.watchOf(kept, old)
	if err != nil {
		return err
	}
	switch {
	case w.state == off || w.state == failed:
	case lost:
		x.later(w, failed, "this node has lost what it knew of the subscription, events may be missing; set status to requested to go on from now")
	case all >= x.opt.Limits.Node || mine >= x.opt.Limits.Actor:
		x.later(w, failed, "there are as many subscriptions as are kept")
	case w.asked.query.Type == "":
		x.later(w, failed, "this node cannot do what the subscription asks any more; write it anew")
	default:
		w.done = make(chan struct{})
		run, cancel := context.WithCancel(x.ctx)
		w.cancel = cancel
		x.work.Go(func() {
			defer close(w.done)
			if old != nil {
				<-old.done
			}
			x.courier(run, w)
		})
	}
	x.mu.Lock()
	x.watches[id] = w
	x.mu.Unlock()
	if old != nil {
		old.cancel()
	}
	return nil
}

// watchOf reads a Subscription, and what is remembered of it.
func (x *Subscriptions) watchOf(kept *record.Subscription, old *watch) (*watch, error) {
	w := &watch{by: kept.By, since: kept.Since, version: kept.Version.Version, cancel: func() {}, done: make(chan struct{})}
	close(w.done)
	w.by.Detail = "Subscription/" + kept.ID
	read, err := x.parse(kept.Body)
	if e := (*Error)(nil); errors.As(err, &e) {
		x.opt.Log.Warn("a subscription cannot be kept any more", "subscription", kept.ID, "code", e.Code)
		read, err = &asked{status: statusOf(kept.Body), query: term.Query{}}, nil
	}
	if err != nil {
		return nil, err
	}
	w.asked, w.state = read, read.status
	if old != nil {
		w.line = old.line
		return w, nil
	}
	t, known, err := x.book.tally(kept.ID)
	if err != nil {
		return nil, err
	}
	if !known {
		t = tally{From: kept.Entry, First: 1}
		if err := x.book.begin(kept.ID, t); err != nil {
			return nil, err
		}
	}
	told, err := x.book.told(kept.ID)
	w.line = newLine(kept.ID, t, told)
	return w, err
}

// drop ends a Subscription that was deleted, and forgets what is remembered of it, although the process that knew it may be gone.
func (x *Subscriptions) drop(id string) error {
	x.mu.Lock()
	w := x.watches[id]
	delete(x.watches, id)
	x.mu.Unlock()
	if w != nil {
		w.cancel()
		<-w.done
		for _, s := range w.line.listeners() {
			s.unbind(w.line)
		}
	}
	return x.book.forget(id)
}

// ofActor counts an actor's Subscriptions. The caller holds mu.
func (x *Subscriptions) ofActor(actor string) (n int) {
	for _, w := range x.watches {
		if w.by.Actor == actor {
			n++
		}
	}
	return n
}

// settle notes which types are followed.
func (x *Subscriptions) settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	types := []string{"Subscription"}
	for _, w := range x.watches {
		if w.query.Type != "" && w.status() != off {
			types = append(types, w.query.Type)
		}
	}
	slices.Sort(types)
	x.types = slices.Compact(types)
}

// find gives the watch of a Subscription.
func (x *Subscriptions) find(id string) *watch {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.watches[id]
}

// later has the node note a Subscription's status, apart from what is going on.
func (x *Subscriptions) later(w *watch, status, why string) {
	w.set(status, why)
	x.work.Go(func() { x.note(x.ctx, w, status, why) })
}

// rest waits, unless ctx ends.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// follow takes the changes of the record, from a journal entry on, and finds whom they are to be told.
func (x *Subscriptions) follow(position uint64) {
	for waits := false; x.ctx.Err() == nil; {
		next, err := x.step(position)
		if err == nil {
			position, waits = next, false
			continue
		}
		if x.ctx.Err() == nil {
			if !waits {
				x.opt.Log.Warn("subscriptions wait until the record can be followed again", "error", err)
			}
			waits = true
			_ = rest(x.ctx, time.Second) // the loop sees that it is over
		}
	}
}

// followed is how many changes are looked at in one step.
const followed = 256

func (x *Subscriptions) step(position uint64) (next uint64, err error) {
	x.mu.Lock()
	types := x.types
	x.mu.Unlock()
	list, next, err := x.opt.Record.Changes(x.ctx, types, position, followed)
	if err != nil {
		return 0, err
	}
	b := x.book.batch()
	defer b.Close()
	for i := range list {
		c := &list[i]
		if c.Type != "Subscription" {
			if err := x.consider(b, c); err != nil {
				return 0, err
			}
			continue
		}
		if i > 0 { // a step of its own, for what comes before it is noted first
			next = c.Entry
			break
		}
		take := func() error { return x.load(x.ctx, c.ID, false) }
		if c.Op == record.OpDelete { // one that is there under the id by now is another: nothing of the old one, such as its secret, is its own
			take = func() error { return x.drop(c.ID) }
		}
		if err := take(); err != nil {
			return 0, err
		}
		x.settle()
		next = c.Entry + 1 // what of other types comes after this was not looked for
		break
	}
	if len(list) == 0 && next-position < quietly {
		return next, nil
	}
	if err := b.commit(next); err != nil {
		return 0, fmt.Errorf("subscription: %w", err)
	}
	for l, t := range b.grown {
		l.grow(t)
	}
	return next, nil
}

// quietly is how many entries are passed without noting it: those after them are few to be looked at again.
const quietly = 64

// consider finds the Subscriptions that a change is to be told, and notes it for each.
func (x *Subscriptions) consider(b *batch, c *record.Changed) error {
	var k *record.Candidate
	for _, w := range x.of(c) {
		if k == nil {
			var err error
			if k, err = x.opt.Record.Weigh(x.ctx, *c); errors.Is(err, record.ErrGone) {
				return nil
			} else if err != nil {
				return err
			}
		}
		holds, err := k.Holds(x.ctx, &w.by, &w.query)
		if errors.Is(err, record.ErrCostly) && w.status() == failed {
			continue
		}
		if errors.Is(err, record.ErrCostly) {
			x.later(w, failed, "to tell what matches, too much would have to be looked through")
			w.cancel()
			continue
		}
		if err != nil {
			return err
		}
		if holds {
			if err := b.add(w.line, c.Entry, c.Updated, x.opt.Limits.Events); err != nil {
				return fmt.Errorf("subscription: %w", err)
			}
		}
	}
	return nil
}

// of gives the watches that a change may concern. One in error counts on, so that its owner sees what is missing (backport, "Handling Errors").
func (x *Subscriptions) of(c *record.Changed) (list []*watch) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, w := range x.watches {
		if w.query.Type == c.Type && w.wants(c.Op) && c.Entry > w.line.counted().From && w.status() != off && (w.end.IsZero() || c.Updated.Before(w.end)) {
			list = append(list, w)
		}
	}
	return list
}
