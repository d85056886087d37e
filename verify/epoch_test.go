package verify

import (
	"errors"
	"testing"
)

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

// Two epochs that begin at one height are made up: a change of the members takes a block at least.
func TestAnEpochGovernsABlock(t *testing.T) {
	s := tell(t)
	newcomer := newOrg("Dental Clinic", 1)
	s.begin([]*org{s.hospital, s.clinic, s.lab, newcomer}, s.hospital, s.clinic, s.lab)
	s.begin([]*org{s.hospital, s.clinic, s.lab}, s.hospital, s.clinic, s.lab)
	h, c, txs := s.block(s.orgs, s.anchor(s.hospital, s.pad(s.entries)))
	r := s.world.receipt(s.entries, 0, h, c, txs, 0)
	r.Epochs = s.epochs
	if _, err := check(t, r, s.trust()); err == nil {
		t.Fatal("accepted: an epoch without a block")
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
