package chain

import (
	"errors"
	"fmt"

	cmtstore "github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
)

// CometBFT's store of blocks panics on what it cannot read. To whoever asks this package that is an error, *ledger.Damage.

// loadMeta gives a block's header and identifier; nil when they are not kept.
func loadMeta(b *cmtstore.BlockStore, height int64) (*types.BlockMeta, error) {
	return loading(func() *types.BlockMeta { return b.LoadBlockMeta(height) })
}

// loadBlock gives a block and the commit for it; nil for what is not kept.
func loadBlock(b *cmtstore.BlockStore, height int64) (*types.Block, *types.Commit, error) {
	block, err := loading(func() *types.Block { return b.LoadBlock(height) })
	if err != nil {
		return nil, nil, err
	}
	c, err := loadCommit(b, height)
	return block, c, err
}

// loadCommit gives the commit for a height: the one in the next block or, at the head, the one this node saw; nil when neither is kept.
func loadCommit(b *cmtstore.BlockStore, height int64) (*types.Commit, error) {
	c, err := loading(func() *types.Commit { return b.LoadBlockCommit(height) })
	if c != nil || err != nil {
		return c, err
	}
	return loadSeen(b, height)
}

// loadSeen gives the commit that this node saw for a height; nil when it is not kept.
func loadSeen(b *cmtstore.BlockStore, height int64) (*types.Commit, error) {
	return loading(func() *types.Commit { return b.LoadSeenCommit(height) })
}

// loading reads. wounds knows it by its name as a place where a panic is recovered.
func loading[T any](read func() *T) (v *T, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, damageOf(r)
		}
	}()
	return read(), nil
}

// damageOf is what a panic of CometBFT's over its files means.
func damageOf(r any) error {
	d := new(ledger.Damage)
	if err, ok := r.(error); ok && errors.As(err, &d) {
		return d
	}
	return &ledger.Damage{What: blocksName, Detail: fmt.Sprint(r)}
}
