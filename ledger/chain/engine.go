package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	cstypes "github.com/cometbft/cometbft/consensus/types"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	cmtstore "github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// engine is a running node of the chain.
type engine struct {
	cfg     Config
	log     *slog.Logger
	app     *app
	node    *node.Node
	blocks  *cmtstore.BlockStore
	pool    mempool.Mempool
	round   func() *cstypes.RoundState // of CometBFT's consensus
	archive *archive
	guard   *guard
	self    p2p.ID
	keys    *keyring
	// snapshot says that this start begins from a snapshot, in place of a state that ended at height left.
	snapshot bool
	left     int64
	behind   chan struct{} // closed by keepUp
	restores atomic.Int64  // chunks of a snapshot taken in since keepUp looked
	seen     *symptoms
	started  time.Time

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	files  sync.RWMutex // held for reading while a call reads files, for writing while they are closed: both stores panic after
	close  sync.Once
	closed error
}

var _ ledger.Engine = (*engine)(nil)

// Open starts a node. It returns when the node's own blocks are replayed; catching up with the others and dialling them
// goes on in the background. The context only bounds the start.
// Errors: ErrInUse, ErrElsewhere, ErrNoSignState; ErrWedged where Diagnose has something to say about the directory.
func Open(ctx context.Context, cfg Config) (ledger.Engine, error) {
	e, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if cfg.StateSync == nil {
		return e, nil
	}
	return newStanding(cfg, e), nil
}

func open(ctx context.Context, cfg Config) (_ *engine, err error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "data"), 0o700); err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	e := &engine{cfg: cfg, log: cfg.Log, seen: new(symptoms), started: time.Now(), behind: make(chan struct{})}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	nodeKey, pv, err := loadKeys(cfg.keys())
	if err != nil {
		return nil, err
	}
	e.self = nodeKey.ID()
	if pv.last.torn {
		e.log.Warn("chain: one of the two records of what the validator key signed cannot be read, by a power cut or damage; the other is used",
			"file", pv.file, "height", pv.last.Height)
	}
	if e.guard, err = holdKey(cfg.keys(), pv); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.stop())
		}
	}()
	if e.snapshot, e.left, err = cfg.leaveBehind(ctx); err != nil {
		return nil, err
	}
	if e.snapshot {
		e.log.Info("state sync: the members no longer keep the blocks after this height; beginning from a snapshot of theirs", "height", e.left)
	}
	if err := e.openState(); err != nil {
		return nil, err
	}
	if e.keys, err = openKeyring(cfg.keys(), pv, e.guard, e.app.current.Load); err != nil {
		return nil, err
	}
	if err := e.openNode(ctx, nodeKey, e.keys); err != nil {
		return nil, err
	}
	if err := e.node.Start(); err != nil {
		return nil, fmt.Errorf("chain: start: %w", err)
	}
	e.background(e.promote)
	e.background(e.keepPeers)
	e.background(e.promptly)
	e.background(e.keepArchive)
	e.background(e.keepMoving)
	e.background(e.keepLogSmall)
	e.background(e.keepUp)
	return e, nil
}

// openState opens the state machine.
func (e *engine) openState() error {
	st, err := openStore(filepath.Join(e.cfg.Dir, "state"), pebbleLog{e.log})
	if err != nil {
		return err
	}
	if e.app, err = newApp(e.cfg.Genesis, st); err != nil {
		return errors.Join(err, st.close())
	}
	e.app.restored = func(height int64, chunk, of int) {
		e.restores.Add(1)
		e.log.Info("state sync: taking in a snapshot", "height", height, "chunk", chunk, "of", of)
		if chunk == of {
			e.log.Info("state sync: the snapshot is in; blocks follow from here", "height", height)
		}
	}
	if e.cfg.StateSync != nil {
		e.app.trusted = e.cfg.StateSync.Trusted
	}
	for _, peer := range e.cfg.Peers {
		id, _ := splitPeer(peer)
		e.app.friends[string(id)] = true
	}
	return nil
}

// openNode makes the CometBFT node, which replays the blocks that the state machine lacks.
func (e *engine) openNode(ctx context.Context, key *p2p.NodeKey, pv types.PrivValidator) (err error) {
	defer func() {
		if r := recover(); r != nil { // CometBFT panics on a directory that contradicts itself
			err = fmt.Errorf("%w: %v", ErrWedged, r)
		}
	}()
	doc, err := genesisDoc(e.cfg.Genesis)
	if err != nil {
		return fmt.Errorf("chain: genesis: %w", err)
	}
	var options []node.Option
	if e.snapshot {
		options = append(options, node.StateProvider(newProvider(e.cfg.Genesis, e.cfg.StateSync, e.app.store.saveLight)))
	}
	cfg := e.cfg.comet()
	if err := cfg.ValidateBasic(); err != nil {
		return fmt.Errorf("chain: configuration: %w", err)
	}
	cfg.StateSync.Enable = e.snapshot // only now: the check would ask for RPC servers, which our provider replaces
	var opened databases
	defer func() {
		if e.node == nil { // nobody else closes them
			err = errors.Join(err, opened.close())
		}
	}()
	e.node, err = node.NewNodeWithContext(ctx, cfg, pv, key,
		proxy.NewConnSyncLocalClientCreator(e.app),
		func() (*types.GenesisDoc, error) { return doc, nil },
		opened.open, node.DefaultMetricsProvider(cfg.Instrumentation), &cometLog{to: e.log, seen: e.seen}, options...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWedged, err)
	}
	if e.node.GenesisDoc().ChainID != doc.ChainID {
		return fmt.Errorf("chain: %s holds the ledger %s, the genesis is of %s", e.cfg.Dir, e.node.GenesisDoc().ChainID, doc.ChainID)
	}
	env, err := e.node.ConfigureRPC() // the only way to CometBFT's state; no RPC is served
	if err != nil {
		return fmt.Errorf("chain: %w", err)
	}
	e.blocks, e.pool = e.node.BlockStore(), e.node.Mempool()
	consensus, ok := env.ConsensusState.(interface{ GetRoundState() *cstypes.RoundState })
	if !ok {
		return errors.New("chain: CometBFT does not show its round")
	}
	e.round = consensus.GetRoundState
	e.archive = &archive{store: e.app.store, blocks: e.blocks, states: env.StateStore}
	e.app.retain = e.retain
	e.app.pool.evict = func(id verify.Hash) {
		_ = e.pool.RemoveTxByKey(types.TxKey(id)) // not there: committed, which is as good
	}
	return nil
}

// background runs a task until Close.
func (e *engine) background(task func(context.Context)) {
	e.tasks.Add(1)
	go func() {
		defer e.tasks.Done()
		task(e.ctx)
	}()
}

// Close stops the node: its part in consensus first, then the files.
func (e *engine) Close() error {
	e.close.Do(func() { e.closed = e.stop() })
	return e.closed
}

func (e *engine) stop() error {
	var errs []error
	e.cancel()
	e.tasks.Wait()
	e.files.Lock() // whoever reads is done, and nobody begins
	defer e.files.Unlock()
	if e.node != nil {
		if e.node.IsRunning() {
			errs = append(errs, e.node.Stop())
		} else {
			e.node.OnStop() // made but never started: closes its databases
		}
	}
	if e.app != nil {
		e.app.discard()
		errs = append(errs, e.app.store.close())
	}
	return errors.Join(append(errs, e.guard.release())...)
}

// enter keeps the files open until leave is called; ErrClosed after Close.
func (e *engine) enter() (leave func(), err error) {
	e.files.RLock()
	if e.ctx.Err() != nil {
		e.files.RUnlock()
		return nil, ledger.ErrClosed
	}
	return e.files.RUnlock, nil
}
