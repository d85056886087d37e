package verify

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each attack is made on a copy of the honest receipt, with whatever keys the attacker would hold. The step that refuses
// it is part of the assertion: a check that fires for the wrong reason protects by accident.

type attack struct {
	name  string
	spoil func(s *story, r *Receipt)
	step  Step
}

// groups are the attacks by what they alter.
func groups() map[string][]attack {
	return map[string][]attack{
		"entry": alteredEntry(), "anchor": alteredAnchor(), "block": alteredBlock(), "checkpoint": alteredCheckpoint(),
	}
}

func TestAttacks(t *testing.T) {
	s := tell(t)
	for group, attacks := range groups() {
		for _, a := range attacks {
			t.Run(group+"/"+a.name, func(t *testing.T) {
				r := copyOf(t, s.receipt)
				a.spoil(s, r)
				_, err := check(t, r, s.trust())
				wantStep(t, err, a.step)
			})
		}
	}
}

// TestEveryByteMatters damages the compact receipt byte by byte. What still holds must say the same as before, but for two
// things that no signature covers: a signature line drops out of account where damage hits the name or identifier of its
// key, and a vote where damage hits its flag. Neither adds a key, and without a vote the time stays among those signed.
func TestEveryByteMatters(t *testing.T) {
	s := tell(t)
	s.checkpoint.Signatures = s.checkpoint.Signatures[:5]
	s.prove(s.receipt, s.checkpoint)
	v, err := NewVerifier(s.trust())
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.receipt.EncodeCompact()
	if err != nil {
		t.Fatal(err)
	}
	honest, err := v.Verify(s.receipt, Options{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	var signed []Timestamp
	for _, vote := range s.receipt.Block.Commit.Signatures {
		signed = append(signed, vote.Time)
	}
	held := 0
	for i := range b {
		for _, bit := range []byte{1, 1 << (i % 8)} {
			bad := bytes.Clone(b)
			bad[i] ^= bit
			r, err := DecodeCompact(bad)
			if err != nil {
				continue
			}
			res, err := v.Verify(r, Options{Content: content})
			if err != nil {
				continue
			}
			held++
			for _, k := range res.Keys {
				if !slices.Contains(honest.Keys, k) {
					t.Fatalf("byte %d: damage adds the key %s", i, k)
				}
			}
			if res.Time != honest.Time && !slices.Contains(signed, res.Time) {
				t.Fatalf("byte %d: damage makes up the time %v", i, res.Time.Time())
			}
			res.Keys, res.Cosigned, res.Time = honest.Keys, honest.Cosigned, honest.Time
			if diff := cmp.Diff(honest, res); diff != "" {
				t.Fatalf("byte %d: damage changes what is proven: %s", i, diff)
			}
		}
	}
	t.Logf("%d bytes; %d damages only took a signature out of account", len(b), held)
}

// reanchor puts an altered anchor, signed again by its owner, in place of the receipt's, with its custodians' signatures
// left as they are.
func (s *story) reanchor(r *Receipt, owner *org, alter func(a *Anchor)) {
	a, err := DecodeAnchor(r.Anchor)
	if err != nil {
		s.t.Fatal(err)
	}
	alter(a)
	a.Signature = sign(owner.key, a.SigningBytes(s.chain))
	r.Anchor = a.Encode()
}

func alteredEntry() []attack {
	return []attack{
		{"envelope", func(s *story, r *Receipt) { r.Entry.Envelope[0] ^= 1 }, StepBatch},
		{"tag", func(s *story, r *Receipt) { r.Entry.Tag[0] ^= 1 }, StepBatch},
		{"key commitment", func(s *story, r *Receipt) { r.Entry.Key[0] ^= 1 }, StepBatch},
		{"salt", func(s *story, r *Receipt) { r.Entry.Salt[0] ^= 1 }, StepBatch},
		{"another actor", func(s *story, r *Receipt) {
			e, _ := DecodeEntry(r.Entry.Body)
			e.Actor = "Practitioner/nobody"
			r.Entry.Body = e.Encode()
		}, StepBatch},
		{"no entry", func(s *story, r *Receipt) { r.Entry.Body = []byte("entry") }, StepLeaf},
		{"unsorted encoding", func(s *story, r *Receipt) { r.Entry.Body = append(r.Entry.Body, 0) }, StepLeaf},
		{"path", func(s *story, r *Receipt) { r.Batch.Path[1][5] ^= 1 }, StepBatch},
		{"short path", func(s *story, r *Receipt) { r.Batch.Path = r.Batch.Path[1:] }, StepBatch},
		{"another place", func(s *story, r *Receipt) { r.Batch.Index = 1 }, StepBatch},
		{"place beyond the batch", func(s *story, r *Receipt) { r.Batch.Index += 16 }, StepBatch},
		{"a dummy shown as an entry", func(s *story, r *Receipt) { r.Batch.Index = 5 }, StepBatch},
	}
}

func alteredAnchor() []attack {
	return []attack{
		{"no anchor", func(s *story, r *Receipt) { r.Anchor = r.Anchor[:60] }, StepAnchor},
		{"root", func(s *story, r *Receipt) { s.reanchor(r, s.hospital, func(a *Anchor) { a.Root[0] ^= 1 }) }, StepBatch},
		{"time, unsigned", func(s *story, r *Receipt) {
			s.reanchor(r, s.lab, func(a *Anchor) { a.Time++ })
		}, StepSignature},
		{"malleated signature", func(s *story, r *Receipt) {
			a, _ := DecodeAnchor(r.Anchor)
			a.Signature = malleate(a.Signature)
			r.Anchor = a.Encode()
		}, StepSignature},
		{"another chain's anchor", func(s *story, r *Receipt) {
			a, _ := DecodeAnchor(r.Anchor)
			a.Signature = sign(s.hospital.key, a.SigningBytes("sijil-other"))
			r.Anchor = a.Encode()
		}, StepSignature},
		{"a member anchors the entry of another", func(s *story, r *Receipt) {
			s.reanchor(r, s.lab, func(a *Anchor) { a.Org, a.Custodians = s.lab.id, nil })
		}, StepOwner},
		{"no member", func(s *story, r *Receipt) {
			o := newOrg("Stranger", 1)
			s.reanchor(r, o, func(a *Anchor) { a.Org, a.Custodians = o.id, nil })
		}, StepOwner},
		{"batch altered after custody", func(s *story, r *Receipt) {
			s.reanchor(r, s.hospital, func(a *Anchor) { a.Time++ })
		}, StepCustody},
		{"custodian is no member", func(s *story, r *Receipt) {
			o := newOrg("Stranger", 1)
			s.reanchor(r, s.hospital, func(a *Anchor) {
				a.Custodians = []Custody{{o.id, sign(o.key, a.CustodyBytes(s.chain))}}
			})
		}, StepCustody},
		{"never in the block", func(s *story, r *Receipt) {
			s.reanchor(r, s.hospital, func(a *Anchor) { a.Custodians = nil })
		}, StepData},
	}
}

func alteredBlock() []attack {
	// resign lets two of four validators sign whatever the attacker likes.
	resign := func(s *story, r *Receipt, signers ...*org) {
		r.Block.Commit = *s.commit(NewValidatorSet(s.members()), &r.Block.Header, signers)
	}
	return []attack{
		{"data path", func(s *story, r *Receipt) { r.Block.Path[0][0] ^= 1 }, StepData},
		{"place in the block", func(s *story, r *Receipt) { r.Block.Index = 0 }, StepData},
		{"transactions in the block", func(s *story, r *Receipt) { r.Block.Total = 2 }, StepData},
		{"header", func(s *story, r *Receipt) { r.Block.Header.Time++ }, StepHeader},
		{"height of the commit", func(s *story, r *Receipt) { r.Block.Commit.Height++ }, StepHeader},
		{"height zero", func(s *story, r *Receipt) { r.Block.Header.Height, r.Block.Commit.Height = 0, 0 }, StepHeader},
		{"header and block identifier", func(s *story, r *Receipt) {
			r.Block.Header.App = []byte{1}
			r.Block.Commit.Block.Hash = r.Block.Header.Hash()
		}, StepCommit},
		{"validators of its own", func(s *story, r *Receipt) {
			r.Block.Header.Validators = ValidatorSet{{publicOf(s.lab.validator), 1}}.Hash()
			resign(s, r, s.lab)
		}, StepValidators},
		{"two of four sign", func(s *story, r *Receipt) { resign(s, r, s.hospital, s.lab) }, StepCommit},
		{"nobody signs", func(s *story, r *Receipt) { resign(s, r) }, StepCommit},
		{"two sign nil", func(s *story, r *Receipt) {
			for i := range 2 {
				r.Block.Commit.Signatures[i].Flag = VoteNil
			}
		}, StepCommit},
		{"unknown flags", func(s *story, r *Receipt) {
			for i := range 2 {
				r.Block.Commit.Signatures[i].Flag = 9
			}
		}, StepCommit},
		{"one validator twice", func(s *story, r *Receipt) {
			resign(s, r, s.hospital, s.lab)
			c := &r.Block.Commit
			double(c, func(from, to int) { c.Signatures[to] = c.Signatures[from] })
		}, StepCommit},
		{"one validator twice under another's name", func(s *story, r *Receipt) {
			resign(s, r, s.hospital, s.lab)
			c, set := &r.Block.Commit, NewValidatorSet(s.members())
			double(c, func(from, to int) {
				c.Signatures[to] = c.Signatures[from]
				c.Signatures[to].Validator = set[to].Address()
			})
		}, StepCommit},
		{"more places than validators", func(s *story, r *Receipt) {
			r.Block.Commit.Signatures = append(r.Block.Commit.Signatures, r.Block.Commit.Signatures[0])
		}, StepCommit},
		{"malleated vote", func(s *story, r *Receipt) {
			r.Block.Commit.Signatures[0].Signature = malleate(r.Block.Commit.Signatures[0].Signature)
		}, StepCommit},
		{"an absent vote with a signature", func(s *story, r *Receipt) {
			r.Block.Commit.Signatures[0].Flag = VoteAbsent
		}, StepCommit},
		{"time of a vote", func(s *story, r *Receipt) { r.Block.Commit.Signatures[2].Time++ }, StepCommit},
		{"round", func(s *story, r *Receipt) { r.Block.Commit.Round = 1 }, StepCommit},
		{"parts", func(s *story, r *Receipt) { r.Block.Commit.Block.PartsTotal = 2 }, StepCommit},
	}
}

// double fills every absent place of a commit from one that is not.
func double(c *BlockCommit, fill func(from, to int)) {
	from := 0
	for i := range c.Signatures {
		if c.Signatures[i].Flag == VoteCommit {
			from = i
		}
	}
	for i := range c.Signatures {
		if c.Signatures[i].Flag == VoteAbsent {
			fill(from, i)
		}
	}
}

func alteredCheckpoint() []attack {
	// renote replaces the receipt's checkpoint by another that signers sign.
	renote := func(s *story, r *Receipt, alter func(c *Checkpoint), signers ...*org) {
		c := s.world.checkpoint()
		alter(c)
		r.Log.Checkpoint = s.note(c, signers...).Encode()
	}
	return []attack{
		{"no note", func(s *story, r *Receipt) { r.Log.Checkpoint = "checkpoint" }, StepCheckpoint},
		{"text altered", func(s *story, r *Receipt) {
			n, _ := ParseNote(r.Log.Checkpoint)
			c, _ := ParseCheckpoint(n.Text)
			c.Height++
			n.Text = c.Text()
			r.Log.Checkpoint = n.Encode()
		}, StepCheckpoint},
		{"signed by nobody known", func(s *story, r *Receipt) {
			renote(s, r, func(*Checkpoint) {}, newOrg("Stranger", 1))
		}, StepCheckpoint},
		{"signed by a witness only", func(s *story, r *Receipt) {
			n, _ := ParseNote(r.Log.Checkpoint)
			n.Signatures = n.Signatures[4:5]
			r.Log.Checkpoint = n.Encode()
		}, StepCheckpoint},
		{"another log", func(s *story, r *Receipt) {
			renote(s, r, func(c *Checkpoint) { c.Origin = OriginOf("sijil-other") }, s.hospital)
		}, StepCheckpoint},
		{"other validators", func(s *story, r *Receipt) {
			renote(s, r, func(c *Checkpoint) { c.Validators[0] ^= 1 }, s.hospital)
		}, StepCheckpoint},
		{"other members", func(s *story, r *Receipt) {
			renote(s, r, func(c *Checkpoint) { c.Members[0] ^= 1 }, s.hospital)
		}, StepCheckpoint},
		{"an epoch not shown", func(s *story, r *Receipt) {
			renote(s, r, func(c *Checkpoint) { c.Epoch = 1 }, s.hospital)
		}, StepCheckpoint},
		{"malleated signature of a member", func(s *story, r *Receipt) {
			n, _ := ParseNote(r.Log.Checkpoint)
			m := malleate(Signature(n.Signatures[0].Signature))
			n.Signatures[0].Signature = m[:]
			r.Log.Checkpoint = n.Encode()
		}, StepCheckpoint},
		{"time of a cosignature", func(s *story, r *Receipt) {
			n, _ := ParseNote(r.Log.Checkpoint)
			n.Signatures[4].Signature[7] ^= 1
			r.Log.Checkpoint = n.Encode()
		}, StepCheckpoint},
		{"post-quantum signature", func(s *story, r *Receipt) {
			n, _ := ParseNote(r.Log.Checkpoint)
			n.Signatures[5].Signature[100] ^= 1
			r.Log.Checkpoint = n.Encode()
		}, StepCheckpoint},
		{"another root", func(s *story, r *Receipt) {
			renote(s, r, func(c *Checkpoint) { c.Root[0] ^= 1 }, s.hospital)
		}, StepLog},
		{"log path", func(s *story, r *Receipt) { r.Log.Path[0][0] ^= 1 }, StepLog},
		{"place in the log", func(s *story, r *Receipt) { r.Log.Index++ }, StepLog},
	}
}

func TestAnchorAfterItsOwnCheckpointIsAFork(t *testing.T) {
	s := tell(t)
	r := copyOf(t, s.receipt)
	c := s.world.checkpoint()
	c.Height = 1 // the block is number 2
	r.Log.Checkpoint = s.note(c, s.hospital).Encode()
	_, err := check(t, r, s.trust())
	wantStep(t, err, StepLog)
	if !errors.Is(err, ErrFork) {
		t.Fatal(err)
	}
}

func TestWrongChainAndWrongGenesis(t *testing.T) {
	s := tell(t)
	other := s.trust()
	other.Genesis.Nonce[0] ^= 1
	_, err := check(t, s.receipt, other)
	wantStep(t, err, StepChain)

	// Renaming the chain in the receipt does not help: the name is in what everybody signed.
	r := copyOf(t, s.receipt)
	r.Chain = other.Genesis.Chain()
	_, err = check(t, r, other)
	wantStep(t, err, StepChain)
	r.Block.Header.ChainID = r.Chain
	_, err = check(t, r, other)
	wantStep(t, err, StepSignature)

	// A genesis that names another organisation as the owner.
	other = s.trust()
	other.Genesis.Members = membersOf([]*org{s.clinic, s.lab, s.university, newOrg("Stranger", 1)})
	r.Chain = other.Genesis.Chain()
	r.Block.Header.ChainID = r.Chain
	_, err = check(t, r, other)
	wantStep(t, err, StepOwner)
}

func TestContent(t *testing.T) {
	s := tell(t)
	for name, c := range map[string]struct {
		content []byte
		spoil   func(r *Receipt)
	}{
		"another resource": {[]byte(`{"resourceType":"Observation","status":"amended"}`), func(*Receipt) {}},
		"an empty file":    {[]byte{}, func(*Receipt) {}},
		"a wrong salt": {content, func(r *Receipt) {
			f := r.Contents[0]
			f.Salt[0] ^= 1
			r.Contents[0] = f
		}},
		"no content":            {content, func(r *Receipt) { r.Contents = nil }},
		"a content for nothing": {nil, func(r *Receipt) { r.Contents[7] = r.Contents[0] }},
		"another's commitments": {[]byte("x"), func(r *Receipt) { r.Contents[0] = FormsOf(Salt{1}, []byte("x"), []byte("x")) }},
		"the forms exchanged": {nil, func(r *Receipt) {
			f := r.Contents[0]
			f.Source, f.Served = f.Served, f.Source
			r.Contents[0] = f
		}},
	} {
		r := copyOf(t, s.receipt)
		c.spoil(r)
		_, err := Verify(r, s.trust(), Options{Content: c.content})
		t.Run(name, func(t *testing.T) { wantStep(t, err, StepContent) })
	}
}
