package chain

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// decide proposes a change and lets all given members vote for it, and waits until a node knows it.
func (n *network) decide(by *org, c Change, to verify.Member, newKey *org, voters ...*org) {
	n.t.Helper()
	s := by.e.app.current.Load()
	now := time.Now().UnixMilli()
	tx := by.proposal(s.roster, n.genesis.Chain(), max(s.time, now), c, to, newKey).Encode()
	submit(n.t, by.e, tx)
	p, err := parse(tx)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, v := range voters {
		await(n.t, v.e, "the proposal", func(s *state) bool {
			return slices.ContainsFunc(s.roster.Pending, func(x ledger.Proposal) bool { return x.ID == p.id })
		})
		submit(n.t, v.e, v.vote(n.genesis.Chain(), tx, true))
	}
	for _, o := range append(voters, by) {
		await(n.t, o.e, "the change", func(s *state) bool {
			now := s.roster.Member(to.Org)
			return c == Leave && now == nil || c != Leave && now != nil && MemberHash(now) == MemberHash(&to)
		})
	}
}

func TestMembershipLive(t *testing.T) {
	n := newNetwork(t, 10, 10, 10, 10)
	a, b, c, d := n.orgs[0], n.orgs[1], n.orgs[2], n.orgs[3]
	n.commit(a, d.e)

	e := newOrg(t, "newcomer", 10)
	e.cfg.Peers = []string{a.NodeID + "@" + a.P2P}
	n.start(e)
	n.orgs = append(n.orgs, e)
	t.Run("a stranger's node stays out", func(t *testing.T) {
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			for _, o := range n.orgs[:4] { // the stranger itself sees a connection until it is refused
				if o.e.node.Switch().Peers().Has(e.e.self) {
					t.Fatalf("%s has a stranger as its peer", o.Name)
				}
			}
		}
		if e.e.app.current.Load().Height != 0 {
			t.Fatal("a stranger read the chain")
		}
	})
	t.Run("join", func(t *testing.T) {
		n.decide(a, Join, e.Member, e, b, c)
		await(t, e.e, "its own joining", func(s *state) bool { return s.roster.Member(e.Org) != nil })
		n.awaitSeq(e.e, a, a.next-1)
		n.commit(e, d.e)
		n.commit(e, a.e)
		eventually(t, "a vote of the newcomer", func() bool {
			n.commit(a, e.e)
			p, err := e.e.Proof(t.Context(), e.e.app.current.Load().Height)
			return err == nil && len(p.Commit.Signatures) == 5
		})
	})
	t.Run("leave", func(t *testing.T) {
		n.decide(b, Leave, d.Member, nil, a, c, e)
		eventually(t, "the end of its connections", func() bool {
			return !a.e.node.Switch().Peers().Has(d.e.self)
		})
		n.commit(a, e.e)
	})
	t.Run("rotate", func(t *testing.T) {
		fresh := newOrg(t, "fresh keys", 10)
		to := a.Member
		to.Key, to.Validator = fresh.Key, fresh.Validator
		n.decide(b, Update, to, fresh, a, c)
		if err := a.e.Submit(t.Context(), a.anchor(n.genesis.Chain())); !errors.Is(err, ledger.ErrRejected) {
			t.Errorf("the old key anchors: %v", err)
		}
		a.next, a.key, a.Member = a.next-1, fresh.key, to
		on, err := b.e.Anchor(t.Context(), a.Org, a.next-1)
		if err != nil {
			t.Fatal(err)
		}
		a.prev = on.ID
		submit(t, b.e, a.anchor(n.genesis.Chain()))
		n.awaitSeq(c.e, a, a.next-1)
	})
	t.Run("epochs", func(t *testing.T) {
		s := c.e.app.current.Load()
		if len(s.epochs) != 4 {
			t.Fatalf("%d epochs", len(s.epochs))
		}
		chain := newTrustChain(n.genesis, c.e)
		if err := chain.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last := chain.epochs[len(chain.epochs)-1]; last.Number < 2 || last.Validators.Hash() != s.epochs[last.Number].Validators.Hash() {
			t.Fatalf("followed to epoch %d", last.Number)
		}
		for h := int64(1); h <= c.e.app.current.Load().Height; h++ {
			m, err := c.e.MembersAt(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			p, err := c.e.Proof(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			if verify.NewValidatorSet(m.Members).Hash() != p.Header.Validators {
				t.Errorf("block %d is judged by others (%d members) than those whose validators sign it", h, len(m.Members))
			}
		}
	})
}

func TestFollowers(t *testing.T) {
	n := newNetwork(t, 10, 0)
	hospital, clinic := n.orgs[0], n.orgs[1]
	n.commit(hospital, clinic.e)
	n.commit(clinic, clinic.e)
	st, err := clinic.e.Status(t.Context())
	if err != nil || st.Voting || st.Height == 0 || len(st.Peers) != 1 || st.Peers[0].Org != hospital.Org {
		t.Fatalf("%+v, %v", st, err)
	}
	if st, _ := hospital.e.Status(t.Context()); !st.Voting || st.Wedged != "" {
		t.Fatalf("%+v", st)
	}
}

// TestSnapshotLive prunes the blocks that a newcomer would need, and lets it begin from a snapshot, from a source that
// is another member; then lets it fall behind and do so again.
func TestSnapshotLive(t *testing.T) {
	n, hospital, clinic := pruned(t)
	if _, err := hospital.e.Proof(t.Context(), 1); !errors.Is(err, ledger.ErrPruned) {
		t.Fatalf("a pruned block: %v", err)
	}
	on, err := hospital.e.Anchor(t.Context(), hospital.Org, hospital.next-1)
	if err != nil {
		t.Fatal(err)
	}
	proves(t, n, hospital.e, on)

	clinic.cfg.StateSync = &StateSync{Source: hospital.e}
	for _, name := range []string{"state", "data"} { // its first start read some blocks
		if err := os.RemoveAll(filepath.Join(clinic.cfg.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	n.start(clinic)
	n.awaitSeq(clinic.e, hospital, hospital.next-1)
	n.commit(clinic, clinic.e)
	if base := clinic.e.blocks.Base(); base < 2 {
		t.Fatalf("it read the chain from block %d", base)
	}
	same(t, hospital.e, clinic.e)

	n.stop(clinic)
	n.prune(hospital)
	n.start(clinic)
	n.awaitSeq(clinic.e, hospital, hospital.next-1)
	same(t, hospital.e, clinic.e)
	n.stop(clinic)
	n.start(clinic) // with its own blocks now
	n.commit(clinic, hospital.e)
}

// pruned is a hospital that runs and no longer keeps its first blocks, and a clinic that follows and does not run.
func pruned(t *testing.T) (n *network, hospital, clinic *org) {
	t.Helper()
	n = newNetwork(t, 10, 0)
	hospital, clinic = n.orgs[0], n.orgs[1]
	n.stop(clinic)
	n.stop(hospital)
	hospital.cfg.Keep = -1
	n.start(hospital)
	n.prune(hospital)
	return n, hospital, clinic
}

// prune drops blocks as CometBFT does: they become old by time also, and a test cannot wait for that. It anchors until the ledger has
// snapshots, and drops the blocks before the latest.
func (n *network) prune(o *org) {
	n.t.Helper()
	for range 3 * sealEvery {
		n.commit(o, o.e)
	}
	s := o.e.app.current.Load()
	state, err := o.e.archive.states.Load()
	if err != nil {
		n.t.Fatal(err)
	}
	if _, _, err := o.e.blocks.PruneBlocks(s.Seals[0], state); err != nil {
		n.t.Fatal(err)
	}
}

// same waits until two nodes are at one height and compares them there.
func same(t *testing.T, x, y *engine) {
	t.Helper()
	eventually(t, "one height", func() bool {
		return x.app.current.Load().Height == y.app.current.Load().Height
	})
	a, b := x.app.current.Load(), y.app.current.Load()
	if a.Digest != b.Digest || a.log.root() != b.log.root() {
		t.Fatalf("two nodes differ at height %d", a.Height)
	}
}

// TestPruning keeps blocks by number and by age: a chain faster than the age of evidence keeps more.
func TestPruning(t *testing.T) {
	n := newNetwork(t, 10)
	o := n.orgs[0]
	n.commit(o, o.e)
	s := *o.e.app.current.Load()
	s.Height = DefaultKeep + pruneEvery - DefaultKeep%pruneEvery
	if got := o.e.retain(&s); got != 0 {
		t.Fatalf("blocks from %d on are kept, though all are young", got)
	}
	s.time += 2 * evidenceAge.Milliseconds()
	for range 10 {
		n.commit(o, o.e)
	}
	// Of the blocks that are there the first few are beyond Keep now; the search must stop at those of the real chain.
	if got := o.e.retain(&s); got <= 1 || got > s.Height-DefaultKeep {
		t.Fatalf("blocks from %d on are kept at height %d", got, s.Height)
	}
	s.Height++
	if got := o.e.retain(&s); got != 0 {
		t.Fatal("pruning at every block")
	}
}
