package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/consensus"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/proxy"
	sm "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// follower is a running node of the chain without a vote: it is fed. It checks each block as a validator would, by CometBFT's own code, and
// executes it with the same state machine into the same files. Nothing of CometBFT runs but its storage: no p2p, no consensus, no mempool.
type follower struct {
	*books
	states sm.Store
	conns  proxy.AppConns
	exec   *sm.BlockExecutor
	opened databases

	// Only the task that feeds touches these.
	state sm.State      // after the last block
	sent  *types.Commit // for the last block, as the member being followed sent it; nil when another sent it

	link  link
	ahead ahead
}

var (
	_ runner = (*follower)(nil)
	_ runner = (*engine)(nil)
)

// follows tells whether this node is to be fed: the ledger gives it no vote, now or as decided, and Config.Feed can feed it.
func (b *books) follows() bool {
	if b.cfg.Feed == nil {
		return false
	}
	s, own := b.app.current.Load(), b.keys.public()
	if signs(s.epochAt(s.Height+1), own) || signs(&s.epochs[len(s.epochs)-1], own) {
		return false
	}
	for i := range s.roster.Members {
		if m := &s.roster.Members[i]; m.NodeID == string(b.self) {
			return m.Power == 0
		}
	}
	return b.cfg.Follower
}

// keepKind has the node begin again as the other kind once the members gave it a vote, or took its vote away.
func (b *books) keepKind(ctx context.Context) {
	was := b.follows()
	for {
		moved := b.app.wait()
		if now := b.follows(); now != was {
			b.log.Info("the members changed whether this node votes; its engine begins again", "votes", !now)
			b.beginAgain()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-moved:
		}
	}
}

func openFollower(ctx context.Context, b *books) (_ *follower, err error) {
	f := &follower{books: b, ahead: ahead{sent: map[[32]byte]forwarded{}}}
	f.opened.wounds = &wounds{log: b.log}
	f.link.doubted = map[verify.OrgID]time.Time{}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.stop())
		}
	}()
	if err := f.openStores(ctx); err != nil {
		return nil, err
	}
	f.background(f.feed)
	f.background(f.keepArchive)
	f.background(f.keepKind)
	f.background(f.keepRoom)
	return f, nil
}

// openStores opens CometBFT's stores and executes the blocks in them that the state machine lacks.
func (f *follower) openStores(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil { // CometBFT panics on a directory that contradicts itself
			err = fmt.Errorf("%w: %w", ErrWedged, damageOf(r))
		}
	}()
	doc, err := genesisDoc(f.cfg.Genesis)
	if err != nil {
		return fmt.Errorf("chain: genesis: %w", err)
	}
	cfg, log := f.cfg.comet(), &cometLog{to: f.log, seen: new(symptoms), full: &f.short}
	blocks, err := f.opened.open(&cmtcfg.DBContext{ID: "blockstore", Config: cfg})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWedged, err)
	}
	states, err := f.opened.open(&cmtcfg.DBContext{ID: "state", Config: cfg})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWedged, err)
	}
	f.blocks = cmtstore.NewBlockStore(blocks)
	f.states = sm.NewStore(states, sm.StoreOptions{DiscardABCIResponses: cfg.Storage.DiscardABCIResponses})
	provide := func() (*types.GenesisDoc, error) { return doc, nil }
	if f.state, doc, err = node.LoadStateFromDBOrGenesisDocProvider(states, provide); err != nil {
		return fmt.Errorf("%w: %w", ErrWedged, err)
	}
	if doc.ChainID != f.app.chain {
		return fmt.Errorf("chain: %s holds the ledger %s, the genesis is of %s", f.cfg.Dir, doc.ChainID, f.app.chain)
	}
	f.conns = proxy.NewAppConns(proxy.NewConnSyncLocalClientCreator(f.app), proxy.NopMetrics())
	if err := f.conns.Start(); err != nil {
		return fmt.Errorf("chain: %w", err)
	}
	if !f.snapshot {
		replay := consensus.NewHandshaker(f.states, f.state, f.blocks, doc)
		replay.SetLogger(log)
		if err := replay.HandshakeWithContext(ctx, f.conns); err != nil {
			return fmt.Errorf("%w: %w", ErrWedged, err)
		}
		if f.state, err = f.states.Load(); err != nil {
			return fmt.Errorf("%w: %w", ErrWedged, err)
		}
	}
	f.archive = &archive{store: f.app.store, blocks: f.blocks, states: f.states}
	f.app.retain = f.retain
	// Two thirds of the validators vouch for the evidence in a block; what it refers to may be older than what is kept here.
	f.exec = sm.NewBlockExecutor(f.states, log, f.conns.Consensus(), new(mempool.NopMempool), sm.EmptyEvidencePool{}, f.blocks)
	return nil
}

// Close stops following, then closes the files.
func (f *follower) Close() error {
	f.close.Do(func() { f.closed = f.stop() })
	return f.closed
}

func (f *follower) stop() error {
	var errs []error
	f.cancel()
	f.tasks.Wait()
	f.files.Lock() // whoever reads is done, and nobody begins
	defer f.files.Unlock()
	if f.conns != nil && f.conns.IsRunning() {
		errs = append(errs, f.conns.Stop())
	}
	return errors.Join(append(errs, f.opened.close(), f.closeBooks())...)
}

// Answer implements Feeder. Transactions are for voting members to take.
func (f *follower) Answer(ctx context.Context, q *Question) ([]byte, error) {
	if q.Ask == AskSubmit {
		return nil, fmt.Errorf("%w: this member has no vote", ledger.ErrDown)
	}
	return f.answer(ctx, q)
}

// Status implements ledger.Engine.
func (f *follower) Status(context.Context) (*ledger.Status, error) {
	leave, err := f.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	s := f.app.current.Load()
	st := &ledger.Status{
		Chain: f.app.chain, Height: s.Height, Base: f.blocks.Base(), LogSize: s.log.size, Sealed: s.Sealed,
		Waiting: f.ahead.count(), EvidenceCount: s.offences, Evidence: s.evidence,
		Begun: f.app.store.begun(), Restoring: f.snapshot && s.Height == 0,
	}
	if f.snapshot {
		st.Left = f.left
	}
	if d := f.opened.wounds.first.Load(); d != nil {
		st.Damage = d.Error()
	}
	select {
	case <-f.behind:
		st.Stopped = true // it begins again
	default:
	}
	member, height := f.link.now()
	for i := range s.roster.Members {
		if m := &s.roster.Members[i]; m.Org == member {
			st.Peers = []ledger.Peer{{NodeID: m.NodeID, Org: member, Address: m.Peer, Ours: true}}
		}
	}
	st.CatchingUp = member == (verify.OrgID{}) || s.Height < height
	if at := f.app.committed.Load(); at != 0 {
		st.Committed = time.Unix(0, at)
	}
	st.Skew, st.SkewKnown = f.skew(s, st)
	st.Wedged = cmp.Or(f.full(), f.wedged(st))
	return st, nil
}

// wedged says why nothing moves although something should; "" when all is well.
func (f *follower) wedged(st *ledger.Status) string {
	switch why := f.link.trouble(); {
	case st.Waiting == 0 && !st.CatchingUp || time.Since(st.Committed) < stalled || time.Since(f.started) < stalled:
		return ""
	case len(st.Peers) == 0 && why != nil:
		return fmt.Sprintf("no voting member sends this node the ledger's blocks: %v; work goes on and is anchored when one does", why)
	}
	return "the voting members make no block of what this node handed them; `sijil status` at one of them says why"
}
