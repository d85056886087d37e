package verify

import (
	"errors"
	"testing"
)

// Attacks on the history as a whole: forks, truncation, epochs, and a founder that rewrites what it founded.

func wantFork(t *testing.T, err error, step Step) {
	t.Helper()
	wantStep(t, err, step)
	if !errors.Is(err, ErrFork) {
		t.Fatalf("got %v, want a fork", err)
	}
}

func TestForkAndTruncationAgainstAPinnedCheckpoint(t *testing.T) {
	s := tell(t)
	tr := s.trust()
	tr.Checkpoints = []string{s.receipt.Log.Checkpoint}
	for name, alter := range map[string]func(c *Checkpoint){
		"another root at one size":     func(c *Checkpoint) { c.Root[0] ^= 1 },
		"fewer anchors at more blocks": func(c *Checkpoint) { c.Size, c.Height = c.Size-1, c.Height+1 },
		"more anchors at one block":    func(c *Checkpoint) { c.Size++ },
		"more anchors at fewer blocks": func(c *Checkpoint) { c.Size, c.Height = c.Size+1, c.Height-1 },
	} {
		t.Run(name, func(t *testing.T) {
			c := s.world.checkpoint()
			alter(c)
			r := copyOf(t, s.receipt)
			r.Log.Checkpoint = s.note(c, s.orgs...).Encode()
			_, err := check(t, r, tr)
			wantFork(t, err, StepCheckpoint)
		})
	}
}

func TestTrustFileThatContradictsItself(t *testing.T) {
	s := tell(t)
	tr := s.trust()
	c := s.world.checkpoint()
	c.Root[0] ^= 1
	tr.Checkpoints = []string{s.receipt.Log.Checkpoint, s.note(c, s.lab).Encode()}
	if err := tr.Check(); !errors.Is(err, ErrFork) {
		t.Fatalf("got %v, want a fork", err)
	}
}

func TestCheckConsistency(t *testing.T) {
	s := tell(t)
	at := func(size int, height int64) *Checkpoint {
		return NewCheckpoint(s.chain, 0, s.members(), height, uint64(size), s.root(size))
	}
	proof := consistency(dataLeaves(s.log), 4, true)
	early, late := at(4, 2), at(10, 5)
	if err := CheckConsistency(early, late, proof); err != nil {
		t.Fatal(err)
	}
	if err := CheckConsistency(late, late, nil); err != nil {
		t.Fatal(err)
	}
	rewritten := *late
	rewritten.Root[0] ^= 1
	for name, err := range map[string]error{
		"rewritten":      CheckConsistency(early, &rewritten, proof),
		"truncated":      CheckConsistency(late, early, nil),
		"forked":         CheckConsistency(late, &rewritten, nil),
		"without proof":  CheckConsistency(early, late, nil),
		"shrunk in time": CheckConsistency(early, at(10, 1), proof),
	} {
		if !errors.Is(err, ErrFork) {
			t.Errorf("%s: got %v, want a fork", name, err)
		}
	}
	other := *late
	other.Origin = OriginOf("sijil-other")
	if err := CheckConsistency(early, &other, proof); err == nil || errors.Is(err, ErrFork) {
		t.Errorf("different logs: %v", err)
	}
	if err := CheckConsistency(early, late, make([]Hash, maxPath+1)); err == nil {
		t.Error("a proof without bound passes")
	}
}

func TestAFounderRewritingFromHeightOne(t *testing.T) {
	founder := newOrg("Lone Hospital", 1)
	uni := witness(t, "university.example/w1")

	// What happened: an entry, anchored, the checkpoint cosigned.
	honest := newWorld(t, founder)
	entries := chart(founder, 3)
	h, c, txs := honest.block(honest.orgs, honest.anchor(founder, honest.pad(entries)))
	r := honest.receipt(entries, 0, h, c, txs, 0)
	honest.prove(r, honest.cosign(honest.note(honest.checkpoint(), founder), uni))
	tr := honest.trust()
	tr.Witnesses = []Witness{{VKey: uni.Key().String()}}
	if _, err := check(t, r, tr); err != nil {
		t.Fatal(err)
	}

	// What the founder would rather have had: the same ledger without that entry.
	rewrite := func() (*world, *Receipt) {
		founder.seq, founder.prev = 0, Hash{}
		w := newWorld(t, founder)
		h, c, txs := w.block(w.orgs, w.anchor(founder, w.pad(entries[1:])))
		return w, w.receipt(entries[1:], 0, h, c, txs, 0)
	}
	t.Run("by itself", func(t *testing.T) {
		_, r := rewrite()
		res, err := check(t, r, tr)
		wantUnwitnessed(t, res, err, founder.label())
	})
	t.Run("with its own checkpoint", func(t *testing.T) {
		w, r := rewrite()
		w.prove(r, w.note(w.checkpoint(), founder))
		res, err := check(t, r, tr)
		wantUnwitnessed(t, res, err, founder.label())
	})
	t.Run("with the old cosignature", func(t *testing.T) {
		w, r2 := rewrite()
		n := w.note(w.checkpoint(), founder)
		n.Add(must(ParseNote(r.Log.Checkpoint)).Signatures[1])
		w.prove(r2, n)
		_, err := check(t, r2, tr)
		wantStep(t, err, StepCheckpoint)
	})
	t.Run("against a pinned checkpoint", func(t *testing.T) {
		w, r2 := rewrite()
		w.prove(r2, w.note(w.checkpoint(), founder))
		pinned := *tr
		pinned.Checkpoints = []string{r.Log.Checkpoint}
		_, err := check(t, r2, &pinned)
		wantFork(t, err, StepCheckpoint)
		r2.Log = nil
		res, err := check(t, r2, &pinned)
		wantUnwitnessed(t, res, err, founder.label())
	})
	t.Run("with members of its own making", func(t *testing.T) {
		w, _ := rewrite()
		rewriteWithPuppets(t, w, founder, entries[1:], tr)
	})
}

// rewriteWithPuppets lets the founder bring in members whose keys it holds itself, and sign as four.
func rewriteWithPuppets(t *testing.T, w *world, founder *org, entries []OpenedEntry, tr *Trust) {
	puppets := []*org{founder, newOrg("Puppet A", 1), newOrg("Puppet B", 1), newOrg("Puppet C", 1)}
	w.begin(puppets, founder)
	h, c, txs := w.block(puppets, w.anchor(founder, w.pad(entries), puppets[1]))
	r := w.receipt(entries, 0, h, c, txs, 0)
	w.prove(r, w.note(w.checkpoint(), puppets...))
	r.Epochs = w.epochs
	res, err := check(t, r, tr)
	wantUnwitnessed(t, res, err, founder.label())

	w.begin(puppets[:3], puppets...) // one more step does not wash it clean
	h, c, txs = w.block(puppets[:3], w.anchor(founder, w.pad(entries)))
	r = w.receipt(entries, 0, h, c, txs, 0)
	r.Epochs = w.epochs
	res, err = check(t, r, tr)
	wantUnwitnessed(t, res, err, founder.label())
}
