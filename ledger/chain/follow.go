package chain

import (
	"context"
	"fmt"

	"github.com/sijil-health/sijil/ledger"
)

// Follow implements ledger.Engine. It reads the history of the state machine, which is never pruned.
func (e *books) Follow(ctx context.Context, from int64, fn func(*ledger.Block) error) error {
	if from < 0 {
		return fmt.Errorf("chain: there is no height %d", from)
	}
	for height := max(from, 1); ; height++ {
		if err := e.reach(ctx, height); err != nil {
			return err
		}
		b, err := e.block(height)
		if err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
	}
}

// reach waits until a height is committed.
func (e *books) reach(ctx context.Context, height int64) error {
	for {
		moved := e.app.wait() // before looking: a commit in between closes it
		if e.app.current.Load().Height >= height {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ctx.Done():
			return ledger.ErrClosed
		case <-moved:
		}
	}
}

func (e *books) block(height int64) (*ledger.Block, error) {
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return e.app.store.block(height)
}

// block reads a block of the history.
func (s *store) block(height int64) (*ledger.Block, error) {
	before, err := s.record(height - 1)
	if err != nil {
		return nil, fmt.Errorf("chain: record of block %d: %w", height-1, err)
	}
	rec, err := s.record(height)
	if err != nil {
		return nil, fmt.Errorf("chain: record of block %d: %w", height, err)
	}
	b := &ledger.Block{
		Height: height, Time: rec.Time, LogSize: rec.LogSize, Epoch: rec.Epoch,
		Members: rec.Members != nil, Changes: rec.Changes,
	}
	if before.LogSize == rec.LogSize {
		return b, nil
	}
	b.Anchors = make([]*ledger.Anchored, 0, rec.LogSize-before.LogSize)
	return b, s.anchors(before.LogSize, rec.LogSize, func(a *ledger.Anchored) error {
		b.Anchors = append(b.Anchors, a)
		return nil
	})
}
