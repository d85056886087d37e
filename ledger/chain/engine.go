package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/consensus"
	cstypes "github.com/cometbft/cometbft/consensus/types"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// engine is a running node of the chain that takes part in consensus.
type engine struct {
	*books
	node   *node.Node
	pool   mempool.Mempool
	round  func() *cstypes.RoundState // of CometBFT's consensus
	seen   *symptoms
	opened databases
	state  *consensus.State
	broken bool // CometBFT panicked while it started: see stopBroken
}

var _ ledger.Engine = (*engine)(nil)

// Open starts a node. It returns when the node's own blocks are replayed; catching up with the others and dialling them
// goes on in the background. The context only bounds the start.
// Errors: ErrInUse, ErrElsewhere, ErrNoSignState; ErrWedged where Diagnose has something to say about the directory.
func Open(ctx context.Context, cfg Config) (ledger.Engine, error) {
	r, err := start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newStanding(cfg, r), nil
}

// runner is a node of either kind.
type runner interface {
	ledger.Engine
	Feeder
	again() <-chan struct{}
}

// start opens the node as the kind that the ledger says it is.
func start(ctx context.Context, cfg Config) (runner, error) {
	b, err := openBooks(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if b.follows() {
		return openFollower(ctx, b)
	}
	return openEngine(ctx, b)
}

// open opens a node that takes part in consensus.
func open(ctx context.Context, cfg Config) (*engine, error) {
	b, err := openBooks(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return openEngine(ctx, b)
}

func openEngine(ctx context.Context, b *books) (_ *engine, err error) {
	e := &engine{books: b, seen: new(symptoms)}
	e.opened.wounds = &wounds{log: b.log}
	b.app.wounds = e.opened.wounds
	defer func() {
		if err != nil {
			err = errors.Join(err, e.stop())
		}
	}()
	if err := e.openNode(ctx, e.nodeKey, e.keys); err != nil {
		return nil, err
	}
	if err := e.startNode(); err != nil {
		return nil, err
	}
	e.background(e.promote)
	e.background(e.keepPeers)
	e.background(e.promptly)
	e.background(e.keepArchive)
	e.background(e.keepMoving)
	e.background(e.keepLogSmall)
	e.background(e.keepUp)
	e.background(e.keepKind)
	e.background(e.keepRoom)
	return e, nil
}

// startNode starts CometBFT, which reads its last blocks first and panics on what it cannot read.
func (e *engine) startNode() (err error) {
	defer func() {
		if r := recover(); r != nil {
			e.broken, err = true, fmt.Errorf("%w: %w", ErrWedged, damageOf(r))
		}
	}()
	if err := e.node.Start(); err != nil {
		return fmt.Errorf("chain: start: %w", err)
	}
	return nil
}

// openNode makes the CometBFT node, which replays the blocks that the state machine lacks.
func (e *engine) openNode(ctx context.Context, key *p2p.NodeKey, pv types.PrivValidator) (err error) {
	defer func() {
		if r := recover(); r != nil { // CometBFT panics on a directory that contradicts itself
			err = fmt.Errorf("%w: %w", ErrWedged, damageOf(r))
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
	e.node, err = node.NewNodeWithContext(ctx, cfg, pv, key,
		proxy.NewConnSyncLocalClientCreator(e.app),
		func() (*types.GenesisDoc, error) { return doc, nil },
		e.opened.open, node.DefaultMetricsProvider(cfg.Instrumentation), &cometLog{to: e.log, seen: e.seen, full: &e.short}, options...)
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
	state, ok := env.ConsensusState.(*consensus.State)
	if !ok {
		return errors.New("chain: CometBFT does not show its consensus")
	}
	e.state, e.round = state, state.GetRoundState
	e.archive = &archive{store: e.app.store, blocks: e.blocks, states: env.StateStore}
	e.app.retain = e.retain
	e.app.pool.evict = func(id verify.Hash) {
		_ = e.pool.RemoveTxByKey(types.TxKey(id)) // not there: committed, which is as good
	}
	return nil
}

// stopLimit is how long CometBFT may take to stop after one of its goroutines was ended because of damage.
const stopLimit = 10 * time.Second

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
	switch {
	case e.node == nil:
	case e.broken:
		errs = append(errs, stopBroken(e.state))
	case e.opened.wounds.ended.Load() != nil: // what waits for the goroutine that was ended waits for ever
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			_ = e.node.Stop() // it runs
		}()
		select {
		case <-stopped:
		case <-time.After(stopLimit):
		}
	case e.node.IsRunning():
		errs = append(errs, e.node.Stop())
	default:
		e.node.OnStop() // made but never started
	}
	return errors.Join(append(errs, e.opened.close(), e.closeBooks())...)
}
