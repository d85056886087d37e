package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cometbft/cometbft/p2p"
	cmtstore "github.com/cometbft/cometbft/store"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/ledger"
)

// books are what a node keeps of the chain, however it gets the blocks: the state machine, the latest blocks, the keys that belong to the
// directory, and the tasks that run over them. Whoever reads the ledger reads these. Both kinds of node lay them out alike on disk, so
// that a directory changes from one kind to the other with a restart.
type books struct {
	cfg     Config
	log     *slog.Logger
	app     *app
	blocks  *cmtstore.BlockStore
	archive *archive
	guard   *guard
	nodeKey *p2p.NodeKey
	self    p2p.ID
	keys    *keyring
	// snapshot says that this start begins from a snapshot, in place of a state that ended at height left.
	snapshot bool
	left     int64
	behind   chan struct{} // closed when the node must begin again: from a snapshot, or as the other kind of node
	leave    sync.Once     // closes behind
	restores atomic.Int64  // chunks of a snapshot taken in since keepUp looked
	started  time.Time
	short    shortage

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	files  sync.RWMutex // held for reading while a call reads files, for writing while they are closed: both stores panic after
	close  sync.Once
	closed error
}

// openBooks takes hold of the keys and opens the state machine.
func openBooks(ctx context.Context, cfg Config) (_ *books, err error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := durable.MkdirAll(filepath.Join(cfg.Dir, "data"), 0o700); err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	b := &books{cfg: cfg, log: cfg.Log, started: time.Now(), behind: make(chan struct{})}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	nodeKey, pv, err := loadKeys(cfg.keys())
	if err != nil {
		return nil, err
	}
	b.nodeKey, b.self = nodeKey, nodeKey.ID()
	if pv.last.torn {
		b.log.Warn("chain: one of the two records of what the validator key signed cannot be read, by a power cut or damage; the other is used",
			"file", pv.file, "height", pv.last.Height)
	}
	if b.guard, err = holdKey(cfg.keys(), pv); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.closeBooks())
		}
	}()
	if b.snapshot, b.left, err = cfg.leaveBehind(ctx); err != nil {
		return nil, err
	}
	if b.snapshot {
		b.log.Info("state sync: the members no longer keep the blocks after this height; beginning from a snapshot of theirs", "height", b.left)
	}
	if err := b.openState(); err != nil {
		return nil, err
	}
	b.keys, err = openKeyring(cfg.keys(), pv, b.guard, b.app.current.Load)
	return b, err
}

// openState opens the state machine.
func (b *books) openState() error {
	st, err := openStore(filepath.Join(b.cfg.Dir, "state"), pebbleLog{b.log, &b.short})
	if err != nil {
		return err
	}
	if b.app, err = newApp(b.cfg.Genesis, st); err != nil {
		return errors.Join(err, st.close())
	}
	b.app.restored = func(height int64, chunk, of int) {
		b.restores.Add(1)
		b.log.Info("state sync: taking in a snapshot", "height", height, "chunk", chunk, "of", of)
		if chunk == of {
			b.log.Info("state sync: the snapshot is in; blocks follow from here", "height", height)
		}
	}
	if b.cfg.StateSync != nil {
		b.app.trusted = b.cfg.StateSync.Trusted
	}
	for _, peer := range b.cfg.Peers {
		id, _ := splitPeer(peer)
		b.app.friends[string(id)] = true
	}
	return nil
}

// closeBooks closes what openBooks opened.
func (b *books) closeBooks() error {
	var errs []error
	b.cancel()
	if b.app != nil {
		b.app.discard()
		errs = append(errs, b.app.store.close())
	}
	return errors.Join(append(errs, b.guard.release())...)
}

// background runs a task until Close.
func (b *books) background(task func(context.Context)) {
	b.tasks.Add(1)
	go func() {
		defer b.tasks.Done()
		task(b.ctx)
	}()
}

// beginAgain has whoever stands before this node close it and open it anew.
func (b *books) beginAgain() { b.leave.Do(func() { close(b.behind) }) }

// again is closed when the node must begin again.
func (b *books) again() <-chan struct{} { return b.behind }

// enter keeps the files open until leave is called; ErrClosed after Close.
func (b *books) enter() (leave func(), err error) {
	b.files.RLock()
	if b.ctx.Err() != nil {
		b.files.RUnlock()
		return nil, ledger.ErrClosed
	}
	return b.files.RUnlock, nil
}
