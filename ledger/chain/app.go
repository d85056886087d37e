package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// appVersion is the version of the rules of this state machine; headers carry it.
const appVersion = 1

// app is the replicated state machine behind ABCI. CometBFT calls it on four connections at once: consensus (one call
// at a time), mempool, queries, snapshots.
type app struct {
	abci.BaseApplication
	chain   string
	genesis *verify.Genesis
	store   *store
	seen    *signatures
	pool    *pool
	retain  func(*state) int64   // lowest height whose block is to be kept; 0 keeps all
	trusted []*verify.Checkpoint // that a restored history must go through
	// restored is told of each chunk of a snapshot that was taken in.
	restored func(height int64, chunk, of int)
	friends  map[string]bool // node identities that the operator admits besides the members'
	wounds   *wounds         // of the engine that calls; nil where CometBFT's goroutines are not its own

	// current is the state after the last committed block. Only Commit and a finished restore replace it.
	current atomic.Pointer[state]
	// moved is closed and replaced whenever current is; mu guards the replacement.
	mu    sync.Mutex
	moved chan struct{}
	// committed is when the last block was committed since the start, on this machine's clock, in Unix nanoseconds.
	committed atomic.Int64

	// staged is what FinalizeBlock made and Commit makes current; both run on the consensus connection.
	staged *staged
	// restoring is the snapshot being applied; only the snapshot connection touches it.
	restoring *restore
	// unfinished says that the store's row of an unfinished restore is there; the next commit takes it away.
	unfinished bool
}

type staged struct {
	state *state
	batch *pebble.Batch
}

func newApp(g *verify.Genesis, st *store) (*app, error) {
	a := &app{
		chain: g.Chain(), genesis: g, store: st,
		seen: new(signatures), friends: map[string]bool{}, moved: make(chan struct{}),
		retain:   func(*state) int64 { return 0 },
		restored: func(int64, int, int) {},
	}
	a.pool = newPool(a)
	if err := st.dropRestore(); err != nil {
		return nil, err
	}
	s, err := st.load()
	if errors.Is(err, ledger.ErrNotFound) {
		s, _ = genesisState(g)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	a.current.Store(s)
	return a, nil
}

func heightOf(k []byte) int64 { return int64(binary.BigEndian.Uint64(k[1:])) }

// Info tells CometBFT from which height to replay.
func (a *app) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	s := a.current.Load()
	res := &abci.ResponseInfo{Data: "sijil", AppVersion: appVersion, LastBlockHeight: s.Height}
	if s.Height > 0 {
		res.LastBlockAppHash = s.AppHash[:]
	}
	return res, nil
}

// InitChain writes the genesis. It is repeated after a crash before the first block.
func (a *app) InitChain(_ context.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	if req.ChainId != a.chain || req.InitialHeight != 1 {
		return nil, fmt.Errorf("chain: asked to begin %s at %d, the genesis is of %s", req.ChainId, req.InitialHeight, a.chain)
	}
	s, rec := genesisState(a.genesis)
	b := a.store.db.NewBatch()
	if err := errors.Join(a.store.write(b, nil, s, rec, nil), b.Commit(pebble.Sync)); err != nil {
		return nil, err
	}
	a.advance(s)
	return &abci.ResponseInitChain{AppHash: s.AppHash[:]}, nil
}

// FinalizeBlock executes a decided block and stages the state after it. It is a function of the block and the state
// alone: no clock, no map order, no cache decides anything.
func (a *app) FinalizeBlock(_ context.Context, req *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	res, err := a.finalize(req)
	return res, a.failing(err)
}

// failing gives CometBFT an error that it is going to panic on.
func (a *app) failing(err error) error {
	if err == nil {
		return nil
	}
	d := &ledger.Damage{What: stateName, File: a.store.dir, Detail: err.Error()}
	_ = errors.As(err, &d) // the file itself, where the error names it
	a.wounds.survive(d)
	return err
}

func (a *app) finalize(req *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	base := a.current.Load()
	if req.Height != base.Height+1 {
		return nil, fmt.Errorf("chain: block %d does not follow %d", req.Height, base.Height)
	}
	st := base.step(a.chain, req.Time.UnixMilli(), a.seen)
	res := &abci.ResponseFinalizeBlock{TxResults: make([]*abci.ExecTxResult, len(req.Txs))}
	for i, tx := range req.Txs {
		res.TxResults[i] = new(abci.ExecTxResult)
		if err := st.apply(tx); err != nil {
			// Only two thirds of dishonest validators can bring this about; it is then passed over alike by all.
			res.TxResults[i].Code = codeInvalid
		}
	}
	batch := a.store.db.NewBatch()
	next, rec, err := st.finish(offences(base, req), nodeWriter(batch))
	if err != nil {
		return nil, err
	}
	if err := a.store.write(batch, base, next, rec, st.anchors); err != nil {
		return nil, err
	}
	if n := len(req.Txs); n > 0 {
		// In the results, not in the application hash: a node that computed otherwise is found at the next block, and
		// no block is made for it.
		res.TxResults[n-1].Data = next.Digest[:]
	}
	if rec.NewEpoch != nil {
		res.ValidatorUpdates = validatorUpdates(base.epochs[len(base.epochs)-1].Validators, rec.NewEpoch.Validators)
	}
	res.AppHash = next.AppHash[:]
	a.discard()
	a.staged = &staged{next, batch}
	return res, nil
}

// discard drops what an earlier FinalizeBlock staged and nobody committed.
func (a *app) discard() {
	if a.staged != nil {
		_ = a.staged.batch.Close() // an uncommitted batch holds nothing but memory
		a.staged = nil
	}
}

// Commit makes the staged state the current one, atomically with its height. The write is not synced, but for the seals:
// CometBFT replays what a power cut takes, from blocks that it did sync.
func (a *app) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	res, err := a.commit()
	return res, a.failing(err)
}

func (a *app) commit() (*abci.ResponseCommit, error) {
	if a.staged == nil {
		return nil, errors.New("chain: nothing to commit")
	}
	next, opt := a.staged.state, pebble.NoSync
	if len(next.Seals) > 0 && next.Seals[len(next.Seals)-1] == next.Height {
		opt = pebble.Sync
	}
	if a.unfinished {
		opt = pebble.Sync
		if err := a.staged.batch.Delete([]byte{rowRestore}, nil); err != nil {
			return nil, fmt.Errorf("chain: write the state: %w", err)
		}
		a.unfinished = false
	}
	if err := a.staged.batch.Commit(opt); err != nil {
		return nil, fmt.Errorf("chain: write the state: %w", err)
	}
	base := a.current.Load()
	a.staged = nil
	a.committed.Store(time.Now().UnixNano())
	a.advance(next)
	a.pool.committed(base, next)
	return &abci.ResponseCommit{RetainHeight: a.retain(next)}, nil
}

// advance makes a state the current one and wakes whoever waits for it.
func (a *app) advance(s *state) {
	a.current.Store(s)
	a.mu.Lock()
	close(a.moved)
	a.moved = make(chan struct{})
	a.mu.Unlock()
}

// wait gives a channel that is closed when the state moves on from what current shows after the call.
func (a *app) wait() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.moved
}

// offences turns CometBFT's evidence into ours.
func offences(s *state, req *abci.RequestFinalizeBlock) []ledger.Evidence {
	var list []ledger.Evidence
	for _, m := range req.Misbehavior {
		e := ledger.Evidence{Kind: "duplicate vote", Height: m.Height, Time: m.Time.UnixMilli(), Recorded: req.Height}
		if m.Type == abci.MisbehaviorType_LIGHT_CLIENT_ATTACK {
			e.Kind = "light client attack"
		}
		copy(e.Validator[:], m.Validator.Address)
		e.Org = s.owner(e.Validator)
		list = append(list, e)
	}
	return list
}

func validatorUpdates(from, to verify.ValidatorSet) []abci.ValidatorUpdate {
	var list []abci.ValidatorUpdate
	for _, u := range updates(from, to) {
		list = append(list, abci.Ed25519ValidatorUpdate(u.key[:], u.power))
	}
	return list
}
