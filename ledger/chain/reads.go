package chain

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// Proof implements ledger.Engine.
func (e *books) Proof(_ context.Context, height int64) (*ledger.BlockProof, error) {
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	s, base := e.app.current.Load(), e.blocks.Base()
	if height < 1 || height > s.Height {
		return nil, fmt.Errorf("%w: height %d", ledger.ErrNotFound, height)
	}
	block, c, err := loadBlock(e.blocks, height)
	if err != nil {
		return nil, err
	}
	if height < base || block == nil || c == nil {
		base = e.blocks.Base()
		if base == 0 { // begun from a snapshot, and no block since
			base = s.Height + 1
		}
		return nil, &ledger.PrunedError{Height: height, Base: base}
	}
	p := &ledger.BlockProof{Header: header(&block.Header), Commit: commit(c), Epoch: s.epochAt(height).Number}
	for _, tx := range block.Txs {
		p.Txs = append(p.Txs, sha256.Sum256(tx))
	}
	return p, nil
}

// Anchor implements ledger.Engine.
func (e *books) Anchor(_ context.Context, org verify.OrgID, seq uint64) (*ledger.Anchored, error) {
	return reading(e, func(s *store, _ *state) (*ledger.Anchored, error) { return s.byOrder(org, seq) })
}

// AnchorAt implements ledger.Engine.
func (e *books) AnchorAt(_ context.Context, index uint64) (*ledger.Anchored, error) {
	return reading(e, func(s *store, _ *state) (*ledger.Anchored, error) { return s.anchor(index) })
}

// Head implements ledger.Engine.
func (e *books) Head(_ context.Context, org verify.OrgID) (ledger.Head, bool, error) {
	if e.ctx.Err() != nil {
		return ledger.Head{}, false, ledger.ErrClosed
	}
	h, ok := e.app.current.Load().head(org)
	return h, ok, nil
}

// LogProof implements ledger.Engine.
func (e *books) LogProof(_ context.Context, index, size uint64) ([]verify.Hash, error) {
	return reading(e, func(st *store, s *state) ([]verify.Hash, error) {
		if err := within(size, s); err != nil {
			return nil, err
		}
		return st.inclusion(index, size)
	})
}

// LogRoot implements ledger.Engine.
func (e *books) LogRoot(_ context.Context, size uint64) (verify.Hash, error) {
	return reading(e, func(st *store, s *state) (verify.Hash, error) {
		if err := within(size, s); err != nil {
			return verify.Hash{}, err
		}
		f, err := st.frontierAt(size)
		return f.root(), err
	})
}

// Consistency implements ledger.Engine.
func (e *books) Consistency(_ context.Context, from, to uint64) ([]verify.Hash, error) {
	return reading(e, func(st *store, s *state) ([]verify.Hash, error) {
		if err := within(to, s); err != nil {
			return nil, err
		}
		return st.consistency(from, to)
	})
}

func within(size uint64, s *state) error {
	if size > s.log.size {
		return fmt.Errorf("%w: the log has %d anchors, asked for %d", ledger.ErrNotFound, s.log.size, size)
	}
	return nil
}

// Members implements ledger.Engine.
func (e *books) Members(context.Context) (*ledger.Membership, error) {
	if e.ctx.Err() != nil {
		return nil, ledger.ErrClosed
	}
	m := e.app.current.Load().roster.clone().Membership
	return &m, nil
}

// MembersAt implements ledger.Engine. The transactions of a block are judged by the membership after the block before.
func (e *books) MembersAt(_ context.Context, height int64) (*ledger.Membership, error) {
	return reading(e, func(st *store, s *state) (*ledger.Membership, error) {
		if height < 1 || height > s.Height {
			return nil, fmt.Errorf("%w: height %d", ledger.ErrNotFound, height)
		}
		return st.membersAt(height)
	})
}

// Epoch implements ledger.Engine.
func (e *books) Epoch(_ context.Context, number uint64) (*ledger.Epoch, error) {
	if e.ctx.Err() != nil {
		return nil, ledger.ErrClosed
	}
	epochs := e.app.current.Load().epochs
	if number >= uint64(len(epochs)) {
		return nil, fmt.Errorf("%w: epoch %d", ledger.ErrNotFound, number)
	}
	ep := epochs[number]
	return &ep, nil
}

// Light implements ledger.Engine.
func (e *books) Light(_ context.Context, height int64) ([]byte, error) {
	return reading(e, func(_ *store, s *state) ([]byte, error) { return e.archive.light(s, height) })
}

// reading runs a read while the files are open.
func reading[T any](e *books, read func(*store, *state) (T, error)) (T, error) {
	leave, err := e.enter()
	if err != nil {
		var none T
		return none, err
	}
	defer leave()
	return read(e.app.store, e.app.current.Load())
}
