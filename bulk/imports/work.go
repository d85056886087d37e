package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// work is one import.
type work struct {
	*Imports
	id     string
	passes Passes
	again  bool // an earlier process began it

	mu      sync.Mutex // guards all below; it is written by Run alone
	state   *state
	segment []byte // what is to be said of lines refused since the durable position
	saved   time.Time
}

// errFailed is why an import ended that an earlier process ended.
var errFailed = errors.New("the import failed")

// Run goes on from the durable position to the end.
func (w *work) Run(ctx context.Context) error {
	w.passes = w.gate.Import(w.state.Access, w.again)
	err := w.fetch(ctx)
	for err == nil && !w.state.Done {
		if err = w.pass(ctx); err == nil {
			err = w.turn(ctx)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err() // the next process goes on, unless it was dropped
	}
	if err != nil {
		w.mu.Lock()
		w.state.Done, w.state.Failed, w.state.Finished = true, true, time.Now().UTC()
		w.mu.Unlock()
		err = errors.Join(err, w.save())
	}
	w.hold(-w.size())
	w.removeSpool()
	return err
}

// Remove removes all that is kept of an import.
func (w *work) Remove() error {
	if !w.state.Done {
		w.hold(-w.size())
	}
	return w.files.Remove(w.id)
}

// save makes the state durable.
func (w *work) save() error {
	w.mu.Lock()
	b, err := json.Marshal(w.state)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return w.files.Put(w.id, stateName, b)
}

// turn ends a pass: another comes if lines wait, and in that none waits any more if this one brought nothing that they wait for.
func (w *work) turn(ctx context.Context) error {
	s := w.state
	if s.Waiting == 0 {
		return w.finish(ctx)
	}
	w.mu.Lock()
	s.Last = s.Pass > 1 && s.Waiting == s.Waited
	s.Pass, s.Index, s.Waited, s.Waiting = s.Pass+1, 0, s.Waiting, 0
	w.mu.Unlock()
	return w.save()
}

// finish leaves the entry that an import is complete, and keeps what is to be said of it.
func (w *work) finish(ctx context.Context) error {
	if err := w.collect(); err != nil {
		return err
	}
	var sum Input
	for i := range w.state.Inputs {
		in := &w.state.Inputs[i]
		sum.Created, sum.Updated, sum.Unchanged, sum.Refused = sum.Created+in.Created, sum.Updated+in.Updated, sum.Unchanged+in.Unchanged, sum.Refused+in.Refused
	}
	said := fmt.Sprintf("the import is complete: %d created, %d updated, %d unchanged, %d refused", sum.Created, sum.Updated, sum.Unchanged, sum.Refused)
	if err := patiently(ctx, func() error { return w.opt.Record.Took(ctx, w.state.Access, policy.Write, said) }); err != nil {
		return err
	}
	w.mu.Lock()
	w.state.Done, w.state.Finished = true, time.Now().UTC()
	w.mu.Unlock()
	return w.save()
}

// patiently does what the record may not be able to do at the moment again, until it can.
func patiently(ctx context.Context, do func() error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := do()
		if err == nil || ctx.Err() != nil || !errors.Is(err, record.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
