package chain

import (
	"github.com/sijil-health/sijil/verify"
)

// committed brings the pool in line with a new block: it forgets what the block holds and evicts what the block made
// void. CometBFT takes the block's own transactions out of its mempool right after.
func (p *pool) committed(base, s *state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	members := base.roster != s.roster
	for org, r := range p.runs {
		p.follow(s, org, r)
		if members {
			p.revalidate(s, org, r)
		}
		if _, ok := r.early[r.first+uint64(len(r.txs))]; ok {
			p.signal()
		}
	}
	p.settle(s) // also without a change: a proposal may have expired
}

// follow drops from a run what is committed or taken.
func (p *pool) follow(s *state, org verify.OrgID, r *run) {
	head, ok := s.heads[org]
	if !ok || head.Seq < r.first {
		return
	}
	done := head.Seq - r.first + 1
	// The run goes on only when its anchor of the head's number is the head.
	unbroken := done <= uint64(len(r.txs)) && r.txs[done-1].id == head.ID
	for i := range r.txs {
		if uint64(i) >= done && unbroken {
			break
		}
		p.evict(r.txs[i].id) // no harm when the block holds it
		p.held--
	}
	if unbroken {
		r.txs = append([]pending(nil), r.txs[done:]...)
	} else {
		r.txs = nil
	}
	r.first = head.Seq + 1
	for seq := range r.early {
		if seq < r.first {
			p.unlay(r, seq)
		}
	}
}

// revalidate evicts a run that a change of the membership made void: its organisation left or has another key.
func (p *pool) revalidate(s *state, org verify.OrgID, r *run) {
	good := 0
	for good < len(r.txs) && p.trial(s).vouched(r.txs[good].anchor) == nil {
		good++
	}
	for _, t := range r.txs[good:] {
		p.evict(t.id)
		p.held--
	}
	r.txs = r.txs[:good]
	for seq := range r.early { // their owner submits them again
		p.unlay(r, seq)
	}
	if s.roster.Member(org) == nil {
		delete(p.runs, org)
	}
}

// settle evicts the membership transactions that can no longer be committed, committed ones included.
func (p *pool) settle(s *state) {
	for id, tx := range p.members {
		t, err := parse(tx)
		if err == nil {
			err = p.trial(s).applyParsed(t, tx)
		}
		if err != nil {
			p.drop(id)
		}
	}
}

func (p *pool) drop(id verify.Hash) {
	p.evict(id)
	delete(p.members, id)
	p.held--
}
