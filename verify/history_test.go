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

// successor is a ledger whose fourth member left and was replaced; the receipt is of the second epoch.
func successor(t testing.TB) (s *story, r *Receipt, newcomer *org) {
	s = tell(t)
	newcomer = newOrg("Dental Clinic", 1)
	s.begin([]*org{s.hospital, s.clinic, s.lab, newcomer}, s.hospital, s.clinic, s.lab)
	entries := chart(newcomer, 2)
	h, c, txs := s.block(s.orgs, s.anchor(newcomer, s.pad(entries), s.lab))
	r = s.world.receipt(entries, 1, h, c, txs, 0)
	s.prove(r, s.note(s.world.checkpoint(), s.orgs...))
	r.Epochs = s.epochs
	return s, r, newcomer
}

func TestEpochs(t *testing.T) {
	s, r, _ := successor(t)
	res, err := check(t, r, s.trust())
	if err != nil || res.Epoch != 1 || len(res.Keys) != 3 {
		t.Fatal(res, err) // the newcomer is hearsay: three members vouched for it
	}
	tr := s.trust()
	tr.Epochs = s.epochs
	if res, err = check(t, r, tr); err != nil || len(res.Keys) != 4 {
		t.Fatal(res, err)
	}
	r.Epochs = nil
	if res, err = check(t, r, tr); err != nil || len(res.Keys) != 4 {
		t.Fatal(res, err)
	}
	_, err = check(t, r, s.trust()) // without any word of the epoch, the newcomer is a stranger
	wantStep(t, err, StepOwner)
	r.Block = nil
	_, err = check(t, r, s.trust())
	wantStep(t, err, StepOwner)

	// A receipt of epoch 0 still holds, by its old checkpoint and by a new one.
	tr.Checkpoints = []string{s.receipt.Log.Checkpoint}
	if res, err = check(t, s.receipt, tr); err != nil || res.Epoch != 0 {
		t.Fatal(res, err)
	}
	old := copyOf(t, s.receipt)
	s.prove(old, s.note(s.world.checkpoint(), s.orgs...))
	if res, err = check(t, old, tr); err != nil || res.Epoch != 0 || len(res.Keys) != 5 {
		t.Fatal(res, err)
	}

	// The checkpoint that begins epoch 1, signed by members of epoch 0, proves as well; its tree is the pinned one, so that
	// the pinned signatures count too.
	s.prove(old, must(ParseNote(s.epochs[0].Checkpoint)))
	old.Block = nil
	if res, err = check(t, old, tr); err != nil || len(res.Keys) != 5 {
		t.Fatal(res, err)
	}
	tr.Checkpoints = nil
	if res, err = check(t, old, tr); err != nil || len(res.Keys) != 3 {
		t.Fatal(res, err)
	}
}

// Two changes in neighbouring blocks can begin at one height; the first of the two epochs then governs no block.
func TestAnEpochMayBeEmpty(t *testing.T) {
	s := tell(t)
	newcomer := newOrg("Dental Clinic", 1)
	s.begin([]*org{s.hospital, s.clinic, s.lab, newcomer}, s.hospital, s.clinic, s.lab)
	s.begin([]*org{s.hospital, s.clinic, s.lab}, s.hospital, s.clinic, s.lab)
	h, c, txs := s.block(s.orgs, s.anchor(s.hospital, s.pad(s.entries)))
	r := s.world.receipt(s.entries, 0, h, c, txs, 0)
	r.Epochs = s.epochs
	res, err := check(t, r, s.trust())
	if err != nil || res.Epoch != 2 || len(res.Keys) != 3 {
		t.Fatal(res, err)
	}
}

func TestForgedEpochs(t *testing.T) {
	s, honest, newcomer := successor(t)
	replace := func(alter func(c *Checkpoint, e *Epoch), signers ...*org) func(r *Receipt) {
		return func(r *Receipt) {
			e := r.Epochs[0]
			c, err := ParseCheckpoint(must(ParseNote(e.Checkpoint)).Text)
			if err != nil {
				t.Fatal(err)
			}
			alter(c, &e)
			e.Checkpoint = s.note(c, signers...).Encode()
			r.Epochs = []Epoch{e}
		}
	}
	same := func(*Checkpoint, *Epoch) {}
	three := []*org{s.hospital, s.clinic, s.lab}
	for name, spoil := range map[string]func(r *Receipt){
		"two of four sign":             replace(same, s.hospital, s.clinic),
		"the new members sign":         replace(same, s.hospital, s.clinic, newcomer),
		"one member signs three times": replace(same, s.hospital, s.hospital, s.hospital),
		"replayed":                     func(r *Receipt) { r.Epochs = append(r.Epochs, replayed(s, r.Epochs[0], three)) },
		"an epoch left out":            replace(func(c *Checkpoint, _ *Epoch) { c.Epoch = 2 }, three...),
		"epoch zero again":             replace(func(c *Checkpoint, _ *Epoch) { c.Epoch = 0 }, three...),
		"members exchanged":            func(r *Receipt) { r.Epochs[0].Members = membersOf(three) },
		"a key exchanged": func(r *Receipt) {
			members := append([]Member(nil), r.Epochs[0].Members...)
			members[0].Key[0] ^= 1
			r.Epochs[0].Members = members
		},
		"a stranger under a member's identifier": replace(func(c *Checkpoint, e *Epoch) {
			e.Members = append([]Member(nil), e.Members...)
			i := findMember(e.Members, newcomer.id)
			e.Members[i].Key = publicOf(newOrg("Stranger", 1).key)
			c.Members = MembersHash(e.Members)
		}, three...),
		"no signature line": func(r *Receipt) { r.Epochs[0].Checkpoint = must(ParseNote(r.Epochs[0].Checkpoint)).Text },
	} {
		t.Run(name, func(t *testing.T) {
			r := copyOf(t, honest)
			spoil(r)
			_, err := check(t, r, s.trust())
			wantStep(t, err, StepEpochs)
		})
	}
}

// replayed shows the beginning of an epoch once more, as if it began the one after.
func replayed(s *story, e Epoch, signers []*org) Epoch {
	c, _ := ParseCheckpoint(must(ParseNote(e.Checkpoint)).Text)
	c.Epoch++
	return Epoch{Checkpoint: s.note(c, signers...).Encode(), Members: e.Members}
}

func TestTwoBeginningsOfOneEpochAreAFork(t *testing.T) {
	s, honest, _ := successor(t)
	tr := s.trust()
	tr.Epochs = s.epochs
	r := copyOf(t, honest)
	c, _ := ParseCheckpoint(must(ParseNote(s.epochs[0].Checkpoint)).Text)
	e := Epoch{Members: membersOf([]*org{s.hospital, s.clinic, s.lab})}
	c = NewCheckpoint(s.chain, 1, e.Members, c.Height, c.Size, c.Root)
	e.Checkpoint = s.note(c, s.hospital, s.clinic, s.lab).Encode()
	r.Epochs = []Epoch{e}
	_, err := check(t, r, tr)
	wantFork(t, err, StepEpochs)

	e.Checkpoint = s.note(c, s.hospital).Encode() // one member's word is no second history
	r.Epochs = []Epoch{e}
	_, err = check(t, r, tr)
	wantStep(t, err, StepEpochs)
	if errors.Is(err, ErrFork) {
		t.Fatal("a claim that too few signed is called a fork")
	}
}

func TestTheOldValidatorsAreRefusedOnceAnEpochIsKnown(t *testing.T) {
	s, _, _ := successor(t)
	tr := s.trust()
	tr.Epochs = s.epochs

	// The members of epoch 0, the one that left included, go on by themselves after epoch 1 began.
	old := []*org{s.hospital, s.clinic, s.lab, s.university}
	s.epochs, s.orgs = nil, old
	h, c, txs := s.block(old, s.anchor(s.hospital, s.pad(s.entries)))
	r := s.world.receipt(s.entries, 0, h, c, txs, 0)
	_, err := check(t, r, tr)
	wantStep(t, err, StepValidators)
	r.Epochs = tr.Epochs // the receipt's own epochs convict it as well
	_, err = check(t, r, s.trust())
	wantStep(t, err, StepValidators)
	r.Epochs = nil
	if _, err = check(t, r, s.trust()); err != nil {
		t.Fatal(err) // who has never heard of epoch 1 cannot know
	}

	// And their checkpoints are refused too.
	s.prove(r, s.note(s.world.checkpoint(), old...))
	r.Block = nil
	_, err = check(t, r, tr)
	wantStep(t, err, StepCheckpoint)
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
		puppets := []*org{founder, newOrg("Puppet A", 1), newOrg("Puppet B", 1), newOrg("Puppet C", 1)}
		w.begin(puppets, founder)
		h, c, txs := w.block(puppets, w.anchor(founder, w.pad(entries[1:]), puppets[1]))
		r := w.receipt(entries[1:], 0, h, c, txs, 0)
		w.prove(r, w.note(w.checkpoint(), puppets...))
		r.Epochs = w.epochs
		res, err := check(t, r, tr)
		wantUnwitnessed(t, res, err, founder.label())

		w.begin(puppets[:3], puppets...) // one more step does not wash it clean
		h, c, txs = w.block(puppets[:3], w.anchor(founder, w.pad(entries[1:])))
		r = w.receipt(entries[1:], 0, h, c, txs, 0)
		r.Epochs = w.epochs
		res, err = check(t, r, tr)
		wantUnwitnessed(t, res, err, founder.label())
	})
}

func TestDroppedEntriesShow(t *testing.T) {
	o := newOrg("Teaching Hospital", 1)
	whole := chart(o, 6)
	if err := VerifyChain(whole); err != nil {
		t.Fatal(err)
	}
	remade := chart(o, 4) // entry 3 dropped before it was anchored, and its number given to what came next
	e, _ := DecodeEntry(remade[3].Body)
	e.Actor = "Practitioner/other"
	remade[3].Body = e.Encode()
	spliced := append(append([]OpenedEntry(nil), remade...), whole[4:]...)
	reused := append([]OpenedEntry(nil), whole...)
	reused[5].Tag = reused[2].Tag
	foreign := append([]OpenedEntry(nil), whole...)
	foreign[2] = chart(newOrg("Laboratory", 1), 3)[2]
	for name, c := range map[string]struct {
		entries []OpenedEntry
		number  uint64
	}{
		"left out":          {append(append([]OpenedEntry(nil), whole[:3]...), whole[4:]...), 3},
		"the first missing": {whole[1:], 0},
		"replaced":          {spliced, 4},
		"a tag reused":      {reused, 5},
		"of another chart":  {foreign, 2},
		"twice":             {append(append([]OpenedEntry(nil), whole[:3]...), whole[2:]...), 3},
		"no entry":          {[]OpenedEntry{{}}, 0},
	} {
		var ce *ChartError
		if err := VerifyChain(c.entries); !errors.As(err, &ce) || ce.Number != c.number {
			t.Errorf("%s: got %v, want entry %d named", name, err, c.number)
		}
	}
}

func TestAnchorsOfOneOrganisation(t *testing.T) {
	o := newOrg("Teaching Hospital", 1)
	w := newWorld(t, o)
	entries := chart(o, 6)
	tags := func(e []OpenedEntry) (out []Tag) {
		for i := range e {
			out = append(out, e[i].Tag)
		}
		return out
	}
	first, second := w.pad(entries[:3]), w.pad(entries[3:])
	a, b := w.anchor(o, first), w.anchor(o, second)
	key := publicOf(o.key)
	walk := func(anchors []*Anchor, batches ...Batch) error {
		walk := AnchorWalk{Chain: w.chain, Org: o.id}
		for i := range anchors {
			var batch Batch
			if i < len(batches) {
				batch = batches[i]
			}
			if err := walk.Add(anchors[i], key, batch); err != nil {
				return err
			}
		}
		return nil
	}
	one, two := Batch{tags(entries[:3]), first}, Batch{tags(entries[3:]), second}
	if err := walk([]*Anchor{a, b}, one, two); err != nil {
		t.Fatal(err)
	}
	if err := walk([]*Anchor{a, b}); err != nil {
		t.Fatal(err)
	}

	// The administrator drops entry 2 once a custodian holds it, and uses its number again in the next batch.
	again := Batch{Tags: append([]Tag{entries[2].Tag}, two.Tags...)}
	if err := walk([]*Anchor{a, b}, one, again); !errors.Is(err, ErrTagReused) {
		t.Fatalf("got %v, want a reused tag", err)
	}
	if err := walk([]*Anchor{a}, Batch{Tags: []Tag{{1}, {1}}}); !errors.Is(err, ErrTagReused) {
		t.Fatalf("got %v, want a reused tag", err)
	}
	unsigned, fork := *b, *b
	unsigned.Time++
	fork.Prev[0] ^= 1
	fork.Signature = sign(o.key, fork.SigningBytes(w.chain))
	other := w.anchor(newOrg("Laboratory", 1), first)
	for name, err := range map[string]error{
		"left out":      walk([]*Anchor{b}),
		"twice":         walk([]*Anchor{a, a}),
		"unsigned":      walk([]*Anchor{a, &unsigned}),
		"predecessor":   walk([]*Anchor{a, &fork}),
		"other owner":   walk([]*Anchor{other}),
		"other leaves":  walk([]*Anchor{a, b}, one, Batch{two.Tags, first}),
		"too many tags": walk([]*Anchor{a}, Batch{Tags: make([]Tag, 16)}),
	} {
		var ae *AnchorError
		if !errors.As(err, &ae) {
			t.Errorf("%s: got %v, want an AnchorError", name, err)
		}
	}
}
