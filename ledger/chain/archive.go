package chain

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	sm "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
)

// archive keeps the light block before each epoch for ever: with these alone a stranger gets from the genesis to any
// later validator set.
type archive struct {
	store  *store
	blocks *cmtstore.BlockStore
	states sm.Store
}

// fetch reads the light block of a height from CometBFT's stores.
func (a *archive) fetch(height int64) (*lightBlock, error) {
	head, base := a.blocks.Height(), a.blocks.Base()
	if height < 1 || height > head {
		return nil, ledger.ErrNotFound
	}
	meta, err := loadMeta(a.blocks, height)
	if err != nil {
		return nil, err
	}
	c, err := loadCommit(a.blocks, height)
	if err != nil {
		return nil, err
	}
	if height < base || meta == nil || c == nil {
		return nil, &ledger.PrunedError{Height: height, Base: max(base, a.blocks.Base())}
	}
	vals, err := a.states.LoadValidators(height)
	if err != nil {
		return nil, fmt.Errorf("chain: validators of height %d: %w", height, err)
	}
	next, err := a.states.LoadValidators(height + 1)
	if err != nil {
		return nil, fmt.Errorf("chain: validators of height %d: %w", height+1, err)
	}
	return &lightBlock{&types.SignedHeader{Header: &meta.Header, Commit: c}, vals, next}, nil
}

// light gives the encoded light block of a height, from the blocks or from what is kept for ever.
func (a *archive) light(s *state, height int64) ([]byte, error) {
	l, err := a.fetch(height)
	if err == nil {
		return l.encode()
	}
	for i := range s.epochs {
		if e := &s.epochs[i]; e.Number > 0 && e.Since-1 == height {
			if raw, kept := a.store.get(key(rowLight, e.Number)); kept == nil {
				return raw, nil
			}
		}
	}
	return nil, err
}

// save keeps the light block before an epoch.
func (s *store) saveLight(epoch uint64, raw []byte) error {
	if err := s.db.Set(key(rowLight, epoch), raw, pebble.Sync); err != nil {
		return fmt.Errorf("chain: keep the light block of epoch %d: %w", epoch, err)
	}
	return nil
}

// missing gives the first epoch whose light block is not kept yet; ok is false when none is missing.
func (s *store) missing(epochs []ledger.Epoch) (e ledger.Epoch, ok bool, err error) {
	for _, e := range epochs[1:] {
		switch _, err := s.get(key(rowLight, e.Number)); {
		case errors.Is(err, ledger.ErrNotFound):
			return e, true, nil
		case err != nil:
			return e, false, err
		}
	}
	return ledger.Epoch{}, false, nil
}

// catchUp keeps what is due. It returns the lowest height still needed for it, 0 when none is: blocks from there on must
// not be pruned.
func (a *archive) catchUp(s *state) (int64, error) {
	for {
		e, ok, err := a.store.missing(s.epochs)
		if err != nil || !ok {
			return 0, err
		}
		need := e.Since - 1
		l, err := a.fetch(need)
		if errors.Is(err, ledger.ErrNotFound) {
			return need, nil // to come
		}
		if err != nil {
			return need, err
		}
		raw, err := l.encode()
		if err != nil {
			return need, err
		}
		if err := a.store.saveLight(e.Number, raw); err != nil {
			return need, err
		}
	}
}
