package chain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/consensus"
	sm "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
)

const (
	// askLimit bounds how long the members are asked what they still keep.
	askLimit = 5 * time.Second
	// lookBehind is how often a node that stands still while others go on asks whether it can catch up at all.
	lookBehind = 5 * time.Second
	// syncPatience is how long a start from a snapshot may take without getting anywhere before it begins again.
	syncPatience = 2 * time.Minute
)

// pruned tells whether the members no longer keep the blocks that a node at a height needs next. Of two heights asked for, one may be
// kept for ever because an epoch began after it.
func (c *Config) pruned(ctx context.Context, height int64) bool {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	for next := height + 1; next <= height+2; next++ {
		if _, err := c.StateSync.Source.Light(ctx, next); errors.Is(err, ledger.ErrPruned) {
			return true
		}
	}
	return false // kept, not there yet, or nobody to ask: go on from here
}

// leaveBehind tells whether the node must begin from a snapshot, and puts aside its blocks and state, if it has any: its peers no longer
// keep the block that it needs next. The signing state stays: what was signed was signed. Whether the snapshot continues the same history
// is checked like any newcomer's, from genesis.
func (c *Config) leaveBehind(ctx context.Context) (snapshot bool, height int64, err error) {
	if c.StateSync == nil {
		return false, 0, nil
	}
	height, cut, err := c.storedHeight()
	if err != nil {
		return false, height, err
	}
	snapshot = c.pruned(ctx, height)
	if !snapshot && !cut || height == 0 && !cut {
		return snapshot, height, nil
	}
	aside := filepath.Join(c.Dir, "behind") // the last one left behind, should anyone want to look
	errs := []error{os.RemoveAll(aside), os.Mkdir(aside, 0o700)}
	for _, name := range []string{"state", "data"} {
		errs = append(errs, moved(filepath.Join(c.Dir, name), filepath.Join(aside, name)))
	}
	if err := errors.Join(append(errs, os.Mkdir(filepath.Join(c.Dir, "data"), 0o700))...); err != nil {
		return false, height, fmt.Errorf("chain: leave an outdated state behind: %w", err)
	}
	return snapshot, height, nil
}

// storedHeight is the height of the last block that CometBFT stored. cut says that a start from a snapshot ended before the first block
// after it: nothing can go on from there.
func (c *Config) storedHeight() (height int64, cut bool, err error) {
	defer func() {
		if r := recover(); r != nil { // CometBFT panics on what it cannot read
			err = fmt.Errorf("%w: %w", ErrWedged, damageOf(r))
		}
	}()
	cfg := c.comet()
	if _, err := os.Stat(filepath.Join(cfg.DBDir(), "blockstore.db")); err != nil {
		return 0, false, nil //nolint:nilerr // no blocks yet
	}
	db, err := openDB(&cmtcfg.DBContext{ID: "blockstore", Config: cfg})
	if err != nil {
		return 0, false, wedged("open the blocks", err)
	}
	blocks := cmtstore.NewBlockStore(db)
	height = blocks.Height()
	if err := blocks.Close(); err != nil || height > 0 {
		return height, false, err
	}
	if db, err = openDB(&cmtcfg.DBContext{ID: "state", Config: cfg}); err != nil {
		return 0, false, wedged("open the chain's state", err)
	}
	states := sm.NewStore(db, sm.StoreOptions{})
	state, err := states.Load()
	return 0, state.LastBlockHeight > 0, errors.Join(err, states.Close())
}

// wedged is why a database of CometBFT's does not open: the doctor knows more, unless it is the disk's own refusal.
func wedged(what string, err error) error {
	if ofDisk(err) {
		return fmt.Errorf("chain: %s: %w", what, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrWedged, what, err)
}

// keepUp finds out that this node can go on only by beginning from a snapshot, again or for the first time: it stands still, others are
// ahead or it has yet to catch up, and nobody keeps the block that it needs next. It closes behind, once.
func (e *engine) keepUp(ctx context.Context) {
	if e.cfg.StateSync == nil {
		return
	}
	tick := time.NewTicker(lookBehind)
	defer tick.Stop()
	last, since := e.app.current.Load().Height, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		height := e.app.current.Load().Height
		if height != last || e.restores.Swap(0) > 0 {
			last, since = height, time.Now()
			continue
		}
		waits := e.node.ConsensusReactor().WaitSync()
		if !waits && !e.outrun(height) || e.snapshot && height == 0 && time.Since(since) < syncPatience {
			continue
		}
		if e.cfg.pruned(ctx, height) {
			e.log.Warn("state sync: the members no longer keep the blocks that this node lacks; it begins from a snapshot", "height", height)
			e.beginAgain()
			return
		}
	}
}

// outrun tells whether a connected node is two blocks ahead or more: one block apart is how a chain moves.
func (e *engine) outrun(height int64) bool {
	for _, p := range e.node.Switch().Peers().Copy() {
		if ps, ok := p.Get(types.PeerStateKey).(*consensus.PeerState); ok && ps.GetHeight() > height+2 { // the height it works on
			return true
		}
	}
	return false
}
