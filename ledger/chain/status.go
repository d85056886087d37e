package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// stalled is for how long transactions may wait before Status says why.
const stalled = 10 * time.Second

// maxSkew is above which a difference between clocks is not one but a block that was not seen live.
const maxSkew = 24 * time.Hour

// Status implements ledger.Engine.
func (e *engine) Status(context.Context) (*ledger.Status, error) {
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	s, left := e.app.current.Load(), int64(0)
	if e.snapshot {
		left = e.left
	}
	st := &ledger.Status{
		Chain:         e.app.chain,
		Height:        s.Height,
		Base:          e.blocks.Base(),
		Peers:         e.connected(s),
		CatchingUp:    e.node.ConsensusReactor().WaitSync(),
		LogSize:       s.log.size,
		Sealed:        s.Sealed,
		Waiting:       e.app.pool.waiting(),
		EvidenceCount: s.offences,
		Evidence:      s.evidence,
		Stopped:       e.seen.failure.Load() != nil || e.opened.wounds.ended.Load() != nil,
		Begun:         e.app.store.begun(),
		Restoring:     e.snapshot && s.Height == 0,
		Left:          left,
	}
	if d := e.opened.wounds.first.Load(); d != nil {
		st.Damage = d.Error()
	}
	select {
	case <-e.behind:
		st.Stopped = true // a supervisor starts it again, and then it begins from a snapshot
	default:
	}
	st.Voting = signs(s.epochAt(s.Height+1), e.keys.public())
	if at := e.app.committed.Load(); at != 0 {
		st.Committed = time.Unix(0, at)
	}
	st.Skew, st.SkewKnown = e.skew(s, st)
	st.Wedged = e.wedged(s, st)
	return st, nil
}

func (e *engine) connected(s *state) []ledger.Peer {
	var list []ledger.Peer
	for _, p := range e.node.Switch().Peers().Copy() {
		peer := ledger.Peer{NodeID: string(p.ID()), Ours: p.IsOutbound()}
		if a := p.RemoteAddr(); a != nil {
			peer.Address = a.String()
		}
		for i := range s.roster.Members {
			if s.roster.Members[i].NodeID == peer.NodeID {
				peer.Org = s.roster.Members[i].Org
			}
		}
		list = append(list, peer)
	}
	return list
}

// skew compares this machine's clock, when it saw the last commit, with the median of the clocks that signed it. It is
// known only where others signed too and the block was seen as it was made: seenLive.
func (e *books) skew(s *state, st *ledger.Status) (time.Duration, bool) {
	if st.CatchingUp || st.Committed.IsZero() || s.Height == 0 {
		return 0, false
	}
	c, err := loadSeen(e.blocks, s.Height)
	if c == nil || err != nil {
		return 0, false
	}
	bc, others := commit(c), false
	set, own := s.epochAt(s.Height).Validators, e.keys.public()
	for i, sig := range bc.Signatures {
		others = others || sig.Flag == verify.VoteCommit && i < len(set) && set[i].Key != own
	}
	median := set.MedianTime(&bc)
	d := st.Committed.Sub(median.Time())
	return d, others && median != 0 && d.Abs() < maxSkew && seenLive(median.Time(), st.Committed, e.started)
}

// startBacklog is for how long after a start blocks that were voted for before it may still come in.
const startBacklog = time.Minute

// seenLive tells whether a block's votes can have come as they were cast: not those from before the start, which are caught up on. Once the
// start is past, such a date is this machine's clock, which is ahead, and no sign of an old block.
func seenLive(voted, committed, started time.Time) bool {
	return !voted.Before(started) || committed.Sub(started) > startBacklog
}

// wedged says why nothing moves although something should; "" when all is well.
func (e *engine) wedged(s *state, st *ledger.Status) string {
	if why := e.full(); why != "" {
		return why
	}
	if d := e.opened.wounds.ended.Load(); d != nil {
		return fmt.Sprintf("this node takes no more part in consensus: %v; work goes on and is not anchored; stop the node and run `sijil doctor`", d)
	}
	if why := e.seen.failure.Load(); why != nil {
		return fmt.Sprintf("consensus stopped on this node: %s; restart it, and run `sijil doctor` if it stops again", *why)
	}
	if st.Waiting == 0 && !st.CatchingUp || time.Since(st.Committed) < stalled || time.Since(e.started) < stalled {
		return ""
	}
	if why := e.seen.signing.Load(); why != nil && st.Waiting > 0 {
		return fmt.Sprintf("this node's validator key refuses to sign: %s; run `sijil doctor`", *why)
	}
	if here, all := e.reachable(s, st); 3*here <= 2*all {
		return "" // the engine is well: who is not reached, Peers tells
	}
	if st.CatchingUp {
		return "catching up makes no progress: the connected members may no longer keep the blocks that this node lacks; " +
			"it begins from a snapshot as soon as one of them says so"
	}
	return ""
}

// reachable is the voting power of this node and of those connected, and of all.
func (e *engine) reachable(s *state, st *ledger.Status) (here, all int64) {
	connected := map[string]bool{string(e.self): true}
	for _, p := range st.Peers {
		connected[p.NodeID] = true
	}
	for i := range s.roster.Members {
		m := &s.roster.Members[i]
		all += m.Power
		if connected[m.NodeID] {
			here += m.Power
		}
	}
	return here, all
}
