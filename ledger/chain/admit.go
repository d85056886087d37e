package chain

import (
	"context"
	"errors"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/sijil-health/sijil/verify"
)

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

var errProposing = errors.New("proposal: another one of its organisation is underway; try again when the ledger has counted that")

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
	if t.proposal != nil && p.proposes(t.proposal.By) {
		return codeInvalid, errProposing // both bear the next number: one would never come into a block
	}
	p.members[t.id] = tx
	p.held++
	return codeOK, nil
}

// proposes tells whether a proposal of an organisation is underway.
func (p *pool) proposes(org verify.OrgID) bool {
	for _, tx := range p.members {
		if t, err := parse(tx); err == nil && t.proposal != nil && t.proposal.By == org {
			return true
		}
	}
	return false
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

// judge says what admit would, and leaves the pool as it is.
func (p *pool) judge(tx []byte) (uint32, error) {
	t, err := parse(tx)
	if err != nil {
		return codeInvalid, err
	}
	s := p.app.current.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.anchor == nil {
		if _, ok := p.members[t.id]; ok {
			return codeHeld, nil
		}
		if err := p.trial(s).applyParsed(t, tx); err != nil {
			// In CometBFT's cache and without effect any more: it was committed.
			return codeCommitted, nil
		}
		return codeFull, nil
	}
	r := p.run(s, t.anchor.Org)
	next := r.first + uint64(len(r.txs))
	switch seq := t.anchor.Seq; {
	case seq < r.first:
		return p.past(t)
	case seq < next && r.txs[seq-r.first].id == t.id:
		return codeHeld, nil
	case seq < next:
		return codeInvalid, errPast
	case seq == next && t.anchor.Prev != r.tip(s, t.anchor.Org):
		return codeInvalid, errConflict
	}
	return codeFull, nil // underway between CometBFT and the pool
}
