package chain

import (
	"sync"

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
