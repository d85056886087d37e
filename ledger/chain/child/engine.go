package child

import (
	"context"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

var _ ledger.Engine = (*engine)(nil)

// current gives the link to the open child; ErrDown while there is none.
func (e *engine) current() (*link, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closing || e.ctx.Err() != nil:
		return nil, ledger.ErrClosed
	case e.link == nil && e.why != nil:
		return nil, fmt.Errorf("%w: %v", ledger.ErrDown, e.why) //nolint:errorlint // what kind of error it was concerns nobody
	case e.link == nil:
		return nil, ledger.ErrDown
	}
	return e.link, nil
}

// callChild makes one call of the open child.
func callChild[T any](ctx context.Context, e *engine, m method, a *args) (T, error) {
	l, err := e.current()
	if err != nil {
		var none T
		return none, err
	}
	return ask[T](ctx, l, m, a)
}

// Submit implements ledger.Engine.
func (e *engine) Submit(ctx context.Context, tx []byte) error {
	_, err := callChild[struct{}](ctx, e, callSubmit, &args{Tx: tx})
	return err
}

// Follow implements ledger.Engine. When the child ends, it goes on with the next one after the last block delivered.
func (e *engine) Follow(ctx context.Context, from int64, fn func(*ledger.Block) error) error {
	next := max(from, 1)
	if from < 0 {
		next = from // the engine's to refuse
	}
	take := func(item cbor.RawMessage) error {
		b := new(ledger.Block)
		if err := decMode.Unmarshal(item, b); err != nil {
			return fmt.Errorf("child: decode: %w", err)
		}
		if err := fn(b); err != nil {
			return &stop{err}
		}
		next = b.Height + 1
		return nil
	}
	for {
		l, err := e.current()
		if err == nil {
			_, err = l.call(ctx, callFollow, &args{Height: next}, take)
		}
		var s *stop
		switch {
		case errors.As(err, &s):
			return s.err
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, ledger.ErrDown) && !errors.Is(err, ledger.ErrClosed) && !errors.Is(err, context.Canceled):
			return err
		case e.done():
			return ledger.ErrClosed
		}
		if err := e.awaitOther(ctx, l); err != nil {
			return err
		}
	}
}

// stop carries an error of the caller's own function past the errors of the connection.
type stop struct{ err error }

func (s *stop) Error() string { return s.err.Error() }

// awaitOther waits until there is another link than this one.
func (e *engine) awaitOther(ctx context.Context, old *link) error {
	for {
		e.mu.Lock()
		now, next := e.link, e.moved
		e.mu.Unlock()
		if now != nil && now != old {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ctx.Done():
			return ledger.ErrClosed
		case <-next:
		}
	}
}

// Proof implements ledger.Engine.
func (e *engine) Proof(ctx context.Context, height int64) (*ledger.BlockProof, error) {
	return callChild[*ledger.BlockProof](ctx, e, callProof, &args{Height: height})
}

// Anchor implements ledger.Engine.
func (e *engine) Anchor(ctx context.Context, org verify.OrgID, seq uint64) (*ledger.Anchored, error) {
	return callChild[*ledger.Anchored](ctx, e, callAnchor, &args{Org: org, From: seq})
}

// AnchorAt implements ledger.Engine.
func (e *engine) AnchorAt(ctx context.Context, index uint64) (*ledger.Anchored, error) {
	return callChild[*ledger.Anchored](ctx, e, callAnchorAt, &args{From: index})
}

// Head implements ledger.Engine.
func (e *engine) Head(ctx context.Context, org verify.OrgID) (ledger.Head, bool, error) {
	h, err := callChild[headResult](ctx, e, callHead, &args{Org: org})
	return h.Head, h.OK, err
}

// LogProof implements ledger.Engine.
func (e *engine) LogProof(ctx context.Context, index, size uint64) ([]verify.Hash, error) {
	return callChild[[]verify.Hash](ctx, e, callLogProof, &args{From: index, To: size})
}

// LogRoot implements ledger.Engine.
func (e *engine) LogRoot(ctx context.Context, size uint64) (verify.Hash, error) {
	return callChild[verify.Hash](ctx, e, callLogRoot, &args{To: size})
}

// Consistency implements ledger.Engine.
func (e *engine) Consistency(ctx context.Context, from, to uint64) ([]verify.Hash, error) {
	return callChild[[]verify.Hash](ctx, e, callConsistency, &args{From: from, To: to})
}

// Members implements ledger.Engine.
func (e *engine) Members(ctx context.Context) (*ledger.Membership, error) {
	return callChild[*ledger.Membership](ctx, e, callMembers, &args{})
}

// MembersAt implements ledger.Engine.
func (e *engine) MembersAt(ctx context.Context, height int64) (*ledger.Membership, error) {
	return callChild[*ledger.Membership](ctx, e, callMembersAt, &args{Height: height})
}

// Epoch implements ledger.Engine.
func (e *engine) Epoch(ctx context.Context, number uint64) (*ledger.Epoch, error) {
	return callChild[*ledger.Epoch](ctx, e, callEpoch, &args{From: number})
}

// Light implements ledger.Engine.
func (e *engine) Light(ctx context.Context, height int64) ([]byte, error) {
	return callChild[[]byte](ctx, e, callLight, &args{Height: height})
}

// Status implements ledger.Engine.
func (e *engine) Status(ctx context.Context) (*ledger.Status, error) {
	st, err := callChild[*ledger.Status](ctx, e, callStatus, &args{})
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	st.Restarts = e.restarts
	return st, nil
}

// Close implements ledger.Engine: the child closes its engine and ends.
func (e *engine) Close() error {
	l, err := e.current()
	e.mu.Lock()
	first := !e.closing
	e.closing = true
	e.mu.Unlock()
	var closeErr error
	if first && err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if _, closeErr = ask[struct{}](ctx, l, callClose, &args{}); errors.Is(closeErr, ledger.ErrDown) {
			closeErr = nil // it ended first
		}
		l.cancel()
	}
	e.cancel()
	e.tasks.Wait()
	return closeErr
}
