package chain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	cmtcfg "github.com/cometbft/cometbft/config"
	cmtstore "github.com/cometbft/cometbft/store"

	"github.com/sijil-health/sijil/ledger"
)

// leaveBehind puts aside this node's blocks and state when its peers no longer keep the block that it needs next: it can then
// only begin from a snapshot, like a newcomer. The signing state stays: what was signed was signed. Whether the
// snapshot continues the same history is checked like any newcomer's, from genesis.
func (c *Config) leaveBehind(ctx context.Context) error {
	if c.StateSync == nil {
		return nil
	}
	height, err := c.storedHeight()
	if err != nil || height == 0 {
		return err
	}
	if _, err = c.StateSync.Source.Light(ctx, height+1); !errors.Is(err, ledger.ErrPruned) {
		return nil // kept, not there yet, or nobody to ask: go on from here
	}
	aside := filepath.Join(c.Dir, "behind") // the last one left behind, should anyone want to look
	errs := []error{os.RemoveAll(aside), os.Mkdir(aside, 0o700)}
	for _, name := range []string{"state", "data"} {
		errs = append(errs, os.Rename(filepath.Join(c.Dir, name), filepath.Join(aside, name)))
	}
	if err := errors.Join(append(errs, os.Mkdir(filepath.Join(c.Dir, "data"), 0o700))...); err != nil {
		return fmt.Errorf("chain: leave an outdated state behind: %w", err)
	}
	return nil
}

// storedHeight is the height of the last block that CometBFT stored.
func (c *Config) storedHeight() (int64, error) {
	cfg := c.comet()
	if _, err := os.Stat(filepath.Join(cfg.DBDir(), "blockstore.db")); err != nil {
		return 0, nil //nolint:nilerr // no blocks yet
	}
	db, err := openDB(&cmtcfg.DBContext{ID: "blockstore", Config: cfg})
	if err != nil {
		return 0, fmt.Errorf("chain: open the blocks: %w", err)
	}
	blocks := cmtstore.NewBlockStore(db)
	return blocks.Height(), blocks.Close()
}
