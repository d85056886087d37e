package chain

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/verify"
)

func (o *org) sign(b []byte) verify.Signature { return verify.Signature(ed25519.Sign(o.key, b)) }

// proposal makes and signs a proposal; newKey is who consents to a new signing key.
func (o *org) proposal(m *roster, chain string, now int64, c Change, to verify.Member, newKey *org) *Proposal {
	p := &Proposal{
		By: o.Org, Number: Proposals(&m.Membership, o.Org), Change: c, Member: to,
		Expires: now + time.Hour.Milliseconds(),
	}
	if from := m.Member(to.Org); from != nil && c == Update {
		p.Base = verify.SeatHash(from)
	}
	if c == Leave {
		p.Member = verify.Member{Org: to.Org}
	}
	if newKey != nil {
		p.Consent = newKey.sign(p.ConsentBytes(chain))
	}
	p.Signature = o.sign(p.SigningBytes(chain))
	return p
}

func (m *machine) proposal(by *org, c Change, to verify.Member, newKey *org) []byte {
	return by.proposal(m.current.Load().roster, m.chain, m.time, c, to, newKey).Encode()
}

// vote answers a proposal.
func (o *org) vote(chain string, proposal []byte, yes bool) []byte {
	p, err := parse(proposal)
	if err != nil {
		panic(err)
	}
	v := &Vote{By: o.Org, Proposal: p.id, Yes: yes}
	v.Signature = o.sign(v.SigningBytes(chain))
	return v.Encode()
}

func (m *machine) members() []string {
	var names []string
	for _, x := range m.current.Load().roster.Members {
		names = append(names, x.Name)
	}
	return names
}

func four() (a, b, c, d *org, g *verify.Genesis) {
	a, b, c, d = bare("a", 1), bare("b", 1), bare("c", 1), bare("d", 1)
	return a, b, c, d, genesisOf(a, b, c, d)
}

func TestJoinNeedsMoreThanTwoThirds(t *testing.T) {
	a, b, c, _, g := four()
	m, e := newMachine(t, g), bare("e", 5)
	join := m.proposal(a, Join, e.Member, e)
	if res := m.block(join); len(res.ValidatorUpdates) != 0 {
		t.Fatal("one vote of four changed the validators")
	}
	if res := m.block(b.vote(m.chain, join, true)); len(res.ValidatorUpdates) != 0 {
		t.Fatal("two votes of four changed the validators")
	}
	if m.accepts(e.anchor(m.chain)) {
		t.Fatal("a candidate anchors")
	}
	before := m.current.Load().AppHash
	res := m.block(c.vote(m.chain, join, true))
	if len(res.ValidatorUpdates) != 1 || res.ValidatorUpdates[0].Power != 5 {
		t.Fatalf("validator updates %v", res.ValidatorUpdates)
	}
	s := m.current.Load()
	if s.AppHash == before {
		t.Error("a change of the members did not move the application hash")
	}
	last := s.epochs[len(s.epochs)-1]
	if last.Number != 1 || last.Since != s.Height+2 || len(last.Validators) != 5 {
		t.Errorf("epoch %+v at height %d", last, s.Height)
	}
	if s.epochAt(s.Height+1).Number != 0 || s.epochAt(s.Height+2).Number != 1 {
		t.Error("the new set signs from two heights on")
	}
	e.next, e.prev = 0, verify.Hash{}
	first := e.anchor(m.chain)
	if m.accepts(first) || m.accepts(b.vote(m.chain, join, false)) {
		t.Error("the next block, which the old validators sign, is judged by the new members, or by votes that come too late")
	}
	m.block()
	if !m.accepts(first) {
		t.Error("a member does not anchor")
	}
	if m.accepts(join) {
		t.Error("the same proposal is played twice")
	}
	reloaded(t, m)
	governed(t, m)
}

// governed checks that every block is signed by the validators of those by whose keys it is judged, from one seal to the next also.
func governed(t *testing.T, m *machine) {
	t.Helper()
	s := m.current.Load()
	for h := int64(1); h <= s.Height+1; h++ {
		members, err := m.store.membersAt(h)
		if err != nil {
			t.Fatal(err)
		}
		if verify.NewValidatorSet(members.Members).Hash() != s.epochAt(h).Validators.Hash() {
			t.Errorf("block %d is judged by %d members and signed by the %d validators of epoch %d",
				h, len(members.Members), len(s.epochAt(h).Validators), s.epochAt(h).Number)
		}
	}
}

// What a member does of its own accord in the block in between goes with what was decided on: neither undoes the other, and no record claims
// what the decided one does.
func TestTheBlockInBetween(t *testing.T) {
	a, b, c, d, g := four()
	m, e := newMachine(t, g), bare("e", 1)
	join := m.proposal(a, Join, e.Member, e)
	m.block(join, b.vote(m.chain, join, true), c.vote(m.chain, join, true))
	moved, posed := d.Member, d.Member
	moved.P2P, posed.NodeID = "d.example:1", e.NodeID
	if m.accepts(m.proposal(d, Update, posed, nil)) {
		t.Error("a member takes the identity of the node of a newcomer that was decided on")
	}
	if m.accepts(m.proposal(b, Join, e.Member, e)) {
		t.Error("who was decided on is proposed again")
	}
	m.block(m.proposal(d, Update, moved, nil), a.anchor(m.chain))
	if r := m.current.Load().roster; len(r.Members) != 5 || r.Member(d.Org).P2P != moved.P2P || len(r.Pending) != 0 {
		t.Fatalf("members %v, %d under vote", m.members(), len(r.Pending))
	}
	leave := m.proposal(a, Leave, d.Member, nil)
	m.block(leave, b.vote(m.chain, leave, true), c.vote(m.chain, leave, true), e.vote(m.chain, leave, true))
	m.block(d.anchor(m.chain)) // of the old epoch yet
	if m.accepts(d.anchor(m.chain)) {
		t.Error("who left anchors")
	}
	reloaded(t, m)
	governed(t, m)
}

func TestVotesAgainst(t *testing.T) {
	a, b, c, _, g := four()
	m, e := newMachine(t, g), bare("e", 0)
	join := m.proposal(a, Join, e.Member, e)
	m.block(join)
	if m.accepts(a.vote(m.chain, join, false)) {
		t.Error("its proposer votes twice")
	}
	m.block(b.vote(m.chain, join, false))
	if n := len(m.current.Load().roster.Pending); n != 1 {
		t.Fatalf("%d under vote", n)
	}
	m.block(c.vote(m.chain, join, false))
	if n := len(m.current.Load().roster.Pending); n != 0 {
		t.Fatal("what cannot be carried any more is still under vote")
	}
	if m.accepts(b.vote(m.chain, join, true)) {
		t.Error("a vote on nothing")
	}
}

// Members that propose the same thing at the same time agree with one another.
func TestTheSameProposedTwice(t *testing.T) {
	a, b, c, _, g := four()
	m, e := newMachine(t, g), bare("e", 0)
	first, second := m.proposal(a, Join, e.Member, e), m.proposal(b, Join, e.Member, e)
	m.block(first, second, c.vote(m.chain, first, true))
	if p := m.current.Load().roster.Pending; len(p) != 1 || p[0].Since == 0 || len(p[0].Yes) != 3 {
		t.Fatalf("under vote: %+v", p)
	}
	m.block()
	if len(m.members()) != 5 || m.accepts(second) {
		t.Error("it was not decided on, or is played twice")
	}
	reloaded(t, m)
}

func TestProposalsLapse(t *testing.T) {
	a, _, _, _, g := four()
	m, e := newMachine(t, g), bare("e", 0)
	m.block(m.proposal(a, Join, e.Member, e))
	m.time += 2 * time.Hour.Milliseconds()
	m.block()
	if n := len(m.current.Load().roster.Pending); n != 0 {
		t.Fatal("an expired proposal is under vote")
	}
}

func TestOwnAddressNeedsNoVote(t *testing.T) {
	a, b, _, _, g := four()
	m := newMachine(t, g)
	to := a.Member
	to.P2P, to.Peer = "hospital.example:1", "hospital.example:2"
	change := m.proposal(a, Update, to, nil)
	if res := m.block(change); len(res.ValidatorUpdates) != 0 {
		t.Fatal("an address changed the validators")
	}
	if got := m.current.Load().roster.Member(a.Org).P2P; got != to.P2P {
		t.Fatalf("address %q", got)
	}
	if m.accepts(change) {
		t.Error("played twice")
	}
	m.block(m.proposal(b, Update, a.Member, nil)) // somebody else's wish is put to the vote
	if got := m.current.Load().roster.Member(a.Org).P2P; got != to.P2P {
		t.Fatal("another member changed an address")
	}
}

func TestRotateKeys(t *testing.T) {
	a, b, c, _, g := four()
	m, fresh := newMachine(t, g), bare("a's new key", 1)
	to := a.Member
	to.Key, to.Validator = fresh.Key, fresh.Validator
	if m.accepts(m.proposal(a, Update, to, nil)) {
		t.Fatal("a new key that did not consent")
	}
	rotate := m.proposal(b, Update, to, fresh)
	res := m.block(rotate, a.vote(m.chain, rotate, true), c.vote(m.chain, rotate, true))
	if len(res.ValidatorUpdates) != 2 {
		t.Fatalf("validator updates %v", res.ValidatorUpdates)
	}
	rotated := &org{Member: to, key: fresh.key}
	old, now := a.anchor(m.chain), rotated.anchor(m.chain)
	if !m.accepts(old) || m.accepts(now) {
		t.Error("the old validator key signs the next block, and the old signing key does not anchor in it")
	}
	m.block()
	if m.accepts(old) || !m.accepts(now) {
		t.Error("the new validator key signs the next block, and the new signing key does not anchor in it")
	}
	governed(t, m)
}

func TestOneChangeABlock(t *testing.T) {
	a, b, c, d, g := four()
	m, e := newMachine(t, g), bare("e", 1)
	join, leave := m.proposal(a, Join, e.Member, e), m.proposal(b, Leave, d.Member, nil)
	m.block(join, leave, b.vote(m.chain, join, true), a.vote(m.chain, leave, true))
	m.block(c.vote(m.chain, join, true), c.vote(m.chain, leave, true))
	for _, want := range []int{5, 4} {
		before := m.current.Load().AppHash
		m.block() // CometBFT makes this one by itself, for the application hash moved
		if n := len(m.members()); n != want || want == 5 && m.current.Load().AppHash == before {
			t.Fatalf("%d members, want %d: two changes in one block, or the second did not follow", n, want)
		}
	}
	if n := m.current.Load().epochs; len(n) != 3 {
		t.Fatalf("%d epochs", len(n))
	}
	governed(t, m)
}

func TestLastVoterStays(t *testing.T) {
	a, follower := bare("a", 1), bare("follower", 0)
	m := newMachine(t, genesisOf(a, follower))
	demoted := a.Member
	demoted.Power, demoted.Validator = 0, verify.PublicKey{}
	if m.accepts(m.proposal(a, Leave, a.Member, nil)) || m.accepts(m.proposal(a, Update, demoted, nil)) {
		t.Fatal("the last voting member may go")
	}
	if !m.accepts(m.proposal(a, Leave, follower.Member, nil)) {
		t.Fatal("a follower may not go")
	}
	leave := m.proposal(a, Leave, follower.Member, nil)
	m.block(leave)
	m.block()
	if diff := cmp.Diff([]string{"a"}, m.members()); diff != "" {
		t.Fatal(diff)
	}
}

func TestProposalRefusesBadRecords(t *testing.T) {
	a, b, _, _, g := four()
	m := newMachine(t, g)
	for name, spoil := range map[string]func(*verify.Member){
		"another's identifier": func(x *verify.Member) { x.Org = b.Org },
		"another's node":       func(x *verify.Member) { x.NodeID = b.NodeID },
		"another's validator":  func(x *verify.Member) { x.Power, x.Validator = 1, b.Validator },
		"no name":              func(x *verify.Member) { x.Name = "" },
		"negative power":       func(x *verify.Member) { x.Power = -1 },
		"power without a key":  func(x *verify.Member) { x.Power = 1 },
		"a bad node":           func(x *verify.Member) { x.NodeID = "node" },
		"too much power":       func(x *verify.Member) { x.Power = MaxPower + 1 },
	} {
		e := bare("e", 0)
		spoil(&e.Member)
		if m.accepts(m.proposal(a, Join, e.Member, e)) {
			t.Errorf("accepted: %s", name)
		}
	}
	e := bare("e", 0)
	p := a.proposal(m.current.Load().roster, m.chain, m.time, Join, e.Member, e)
	p.Signature[3] ^= 1
	if m.accepts(p.Encode()) {
		t.Error("accepted: a forged signature")
	}
	if f := bare("f", 0); m.accepts(f.proposal(m.current.Load().roster, m.chain, m.time, Join, e.Member, e).Encode()) {
		t.Error("accepted: a stranger's proposal")
	}
}
