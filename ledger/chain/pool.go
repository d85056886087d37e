package chain

import (
	"context"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// Codes of CheckTx. All but codeOK keep the transaction out of the mempool.
const (
	codeOK        uint32 = 0
	codeInvalid   uint32 = 1 // can never be committed
	codeCommitted uint32 = 2 // is committed
	codeHeld      uint32 = 3 // is in the mempool or kept aside already
	codeEarly     uint32 = 4 // kept aside until its predecessor is in the mempool
	codeFull      uint32 = 5 // no room now
)

const (
	// window is how many anchors of one organisation may be underway: in the mempool or kept aside.
	window = 512
	// maxHeld bounds all transactions that the pool lets into the mempool; CometBFT's own limit is above it, so that what
	// the pool admitted is never dropped behind its back.
	maxHeld = 8192
	// maxMembership bounds the membership transactions among them.
	maxMembership = 256
	// maxAside bounds the anchors kept aside, of all organisations: at most 5 MiB.
	maxAside = 4096
)

// pool keeps the mempool such that all of it can be committed as it is: of each organisation an unbroken run of anchors
// from its head on. CometBFT makes blocks for as long as its mempool is not empty; an anchor in it that waits for a
// missing predecessor, or whose place was taken, would have it make empty blocks for ever. Anchors that come too early
// are therefore kept aside, and those that a block made void are evicted in its commit.
type pool struct {
	app *app

	mu      sync.Mutex
	runs    map[verify.OrgID]*run
	members map[verify.Hash][]byte // membership transactions in the mempool, by SHA-256
	held    int                    // transactions in the mempool, all kinds
	aside   int                    // anchors kept aside, of all runs

	// evict takes a transaction out of the mempool; it is only called within Commit, while the mempool is locked.
	evict func(id verify.Hash)
	// ready is signalled when an anchor kept aside may have become the next of its run.
	ready chan struct{}
}

// run is what is underway of one organisation.
type run struct {
	first uint64            // number of txs[0]
	txs   []pending         // in the mempool, unbroken from the head on
	early map[uint64][]byte // kept aside, by number
}

type pending struct {
	id     verify.Hash
	anchor *verify.Anchor
}

func newPool(a *app) *pool {
	return &pool{
		app: a, runs: map[verify.OrgID]*run{}, members: map[verify.Hash][]byte{},
		evict: func(verify.Hash) {}, ready: make(chan struct{}, 1),
	}
}

// CheckTx decides whether a transaction, of our own or from a peer, may enter the mempool. It runs under the mempool's
// lock, never at the same time as a commit.
func (a *app) CheckTx(_ context.Context, req *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	code, err := a.pool.admit(req.Tx)
	res := &abci.ResponseCheckTx{Code: code}
	if err != nil {
		res.Log = err.Error()
	}
	return res, nil
}

func (p *pool) admit(tx []byte) (uint32, error) {
	t, err := parse(tx)
	if err != nil {
		return codeInvalid, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.anchor == nil {
		return p.admitMembership(t, tx)
	}
	return p.admitAnchor(t, tx)
}

func (p *pool) admitMembership(t *parsed, tx []byte) (uint32, error) {
	if _, ok := p.members[t.id]; ok {
		return codeHeld, nil
	}
	if len(p.members) >= maxMembership || p.held >= maxHeld {
		return codeFull, nil
	}
	s := p.app.current.Load()
	if err := p.trial(s).applyParsed(t, tx); err != nil {
		return codeInvalid, err
	}
	p.members[t.id] = tx
	p.held++
	return codeOK, nil
}

// trial judges on top of the last block.
func (p *pool) trial(s *state) *step {
	return s.step(p.app.chain, s.time, p.app.seen)
}

func (p *pool) admitAnchor(t *parsed, tx []byte) (uint32, error) {
	a, s := t.anchor, p.app.current.Load()
	r := p.run(s, a.Org)
	next := r.first + uint64(len(r.txs))
	switch {
	case a.Seq < r.first:
		return p.past(t)
	case a.Seq < next:
		if r.txs[a.Seq-r.first].id == t.id {
			return codeHeld, nil
		}
		return codeInvalid, errPast
	case a.Seq >= r.first+window:
		return codeFull, nil
	case a.Seq > next:
		return p.keepAside(s, r, t, tx)
	case a.Prev != r.tip(s, a.Org):
		return codeInvalid, errConflict
	case p.held >= maxHeld:
		return codeFull, nil
	}
	if err := p.trial(s).vouched(a); err != nil {
		return codeInvalid, err
	}
	p.unlay(r, a.Seq)
	r.txs = append(r.txs, pending{t.id, a})
	p.held++
	if _, ok := r.early[a.Seq+1]; ok {
		p.signal()
	}
	return codeOK, nil
}

// past judges an anchor whose number is committed: the same one, or another.
func (p *pool) past(t *parsed) (uint32, error) {
	on, err := p.app.store.byOrder(t.anchor.Org, t.anchor.Seq)
	if err != nil {
		return codeInvalid, err
	}
	if on.ID == t.id {
		return codeCommitted, nil
	}
	return codeInvalid, errPast
}

// keepAside holds an anchor that came before its predecessor. Its signatures are checked first: nobody else can fill an
// organisation's window.
func (p *pool) keepAside(s *state, r *run, t *parsed, tx []byte) (uint32, error) {
	if _, ok := r.early[t.anchor.Seq]; ok {
		return codeHeld, nil
	}
	if err := p.trial(s).vouched(t.anchor); err != nil {
		return codeInvalid, err
	}
	if p.aside >= maxAside {
		return codeFull, nil
	}
	r.early[t.anchor.Seq] = tx
	p.aside++
	return codeEarly, nil
}

// unlay forgets an anchor kept aside, if there is one of that number.
func (p *pool) unlay(r *run, seq uint64) {
	if _, ok := r.early[seq]; ok {
		delete(r.early, seq)
		p.aside--
	}
}

// run gives an organisation's run, begun at its head where there is none.
func (p *pool) run(s *state, org verify.OrgID) *run {
	r := p.runs[org]
	if r == nil {
		r = &run{early: map[uint64][]byte{}}
		if h, ok := s.heads[org]; ok {
			r.first = h.Seq + 1
		}
		if s.roster.Member(org) != nil { // strangers leave no trace
			p.runs[org] = r
		}
	}
	return r
}

// tip is the ID that the next anchor of the run names as its predecessor.
func (r *run) tip(s *state, org verify.OrgID) verify.Hash {
	if n := len(r.txs); n > 0 {
		return r.txs[n-1].id
	}
	return s.heads[org].ID // zero when there is none
}

func (p *pool) signal() {
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// promotable takes out the anchors kept aside that are next in their runs.
func (p *pool) promotable() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var txs [][]byte
	for _, r := range p.runs {
		next := r.first + uint64(len(r.txs))
		if tx, ok := r.early[next]; ok {
			p.unlay(r, next)
			txs = append(txs, tx)
		}
	}
	return txs
}

// waiting counts what is underway.
func (p *pool) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held + p.aside
}

// oldest gives up to n of the transactions in the mempool, the next of each run first.
func (p *pool) oldest(n int) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var txs [][]byte
	for _, tx := range p.members {
		if len(txs) < n {
			txs = append(txs, tx)
		}
	}
	for i, more := 0, true; more && len(txs) < n; i++ {
		more = false
		for _, r := range p.runs {
			if i < len(r.txs) && len(txs) < n {
				txs, more = append(txs, r.txs[i].anchor.Encode()), true
			}
		}
	}
	return txs
}

// reset forgets everything, after the mempool was emptied or the state was replaced.
func (p *pool) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.runs)
	clear(p.members)
	p.held, p.aside = 0, 0
}

// head is what the organisation's sequence has reached in a state.
func (s *state) head(org verify.OrgID) (ledger.Head, bool) {
	h, ok := s.heads[org]
	return h, ok
}
