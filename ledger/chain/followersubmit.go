package chain

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sijil-health/sijil/ledger"
)

const (
	// maxAhead bounds the transactions of this node that are handed in and in no block yet.
	maxAhead = 2 * window
	// submitLimit is how long one member may take to accept a transaction before the next is asked.
	submitLimit = 3 * time.Second
	// overdue is after how long without a block a transaction is thought to be lost with the member it was handed to.
	overdue = 2 * time.Second
	// forgotten is after how long a transaction is no longer counted: its owner submits it again if it is still wanted.
	forgotten = 5 * time.Minute
)

// ahead are the transactions that this node handed to members and has not seen in a block.
type ahead struct {
	mu   sync.Mutex
	sent map[[32]byte]forwarded // by SHA-256
}

type forwarded struct {
	first, last time.Time
	times       int
}

func (a *ahead) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sent)
}

// overdue tells whether something is in no block for longer than a block takes.
func (a *ahead) overdue() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, f := range a.sent {
		if time.Since(f.last) > forgotten {
			delete(a.sent, id)
		} else if time.Since(f.first) > overdue {
			return true
		}
	}
	return false
}

// handing notes that a transaction is about to be handed in, and how often it was before; ok is false when there is no room.
func (a *ahead) handing(id [32]byte) (times int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, known := a.sent[id]
	if !known && len(a.sent) >= maxAhead {
		return 0, false
	}
	now := time.Now()
	if times = f.times; !known {
		f.first = now
	}
	f.last, f.times = now, times+1
	a.sent[id] = f
	return times, true
}

func (a *ahead) drop(id [32]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sent, id)
}

// took notes what a block holds.
func (a *ahead) took(txs [][]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, tx := range txs {
		delete(a.sent, sha256.Sum256(tx))
	}
}

// Submit implements ledger.Engine. A transaction is handed to the member being followed or, when that one does not take it or took it before
// in vain, to another. It is nil once one has it. Errors: besides those of the interface ledger.ErrDown, when no member answers.
func (f *follower) Submit(ctx context.Context, tx []byte) error {
	done, err := f.settled(tx)
	if done || err != nil {
		return err
	}
	id := sha256.Sum256(tx)
	times, ok := f.ahead.handing(id)
	if !ok {
		return ledger.ErrFull
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	err = f.hand(ctx, tx, times)
	switch {
	case f.ctx.Err() != nil:
		return ledger.ErrClosed
	case err != nil && times == 0:
		f.ahead.drop(id)
	}
	return err
}

// settled tells whether a transaction is committed already, and refuses one that can never be.
func (f *follower) settled(tx []byte) (bool, error) {
	leave, err := f.enter()
	if err != nil {
		return false, err
	}
	defer leave()
	p, err := parse(tx)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ledger.ErrRejected, err)
	}
	if p.anchor == nil {
		return false, nil // the members judge it
	}
	switch code, err := f.app.pool.judge(tx); code {
	case codeCommitted:
		return true, nil
	case codeInvalid:
		return false, fmt.Errorf("%w: %w", ledger.ErrRejected, err)
	}
	return false, nil
}

// hand gives a transaction to the first member that takes it. That one refuses it proves nothing: more than a third must, or one dishonest
// member could have an anchor given up.
func (f *follower) hand(ctx context.Context, tx []byte, times int) error {
	members, err := f.cfg.Feed.Members(ctx)
	if err != nil {
		return err
	}
	list, refused := f.voters(f.link.order(members, f.first()+times)), 0
	why := fmt.Errorf("%w: no voting member takes the transaction", ledger.ErrDown)
	for _, member := range list {
		ask, cancel := context.WithTimeout(ctx, submitLimit)
		_, err := f.cfg.Feed.Ask(ask, member, &Question{Ask: AskSubmit, Tx: tx})
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ledger.ErrFull):
			why = err
		case errors.Is(err, ledger.ErrRejected):
			if refused++; 3*refused > len(members) {
				return err
			}
		}
	}
	return why
}
