package chain

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/sijil-health/sijil/verify"
)

// Whoever verifiers would refuse as a member does not get in: not as proposed, not as a record that changes.
func TestNobodyJoinsWhomVerifiersRefuse(t *testing.T) {
	for name, spoil := range map[string]func(e *verify.Member, a *org){
		"a control character in the name":   func(e *verify.Member, _ *org) { e.Name = "clinic\n" },
		"its signing key validates":         func(e *verify.Member, _ *org) { e.Validator = e.Key },
		"another's signing key validates":   func(e *verify.Member, a *org) { e.Validator = a.Key },
		"another's validator key validates": func(e *verify.Member, a *org) { e.Validator = a.Validator },
		"no validator key":                  func(e *verify.Member, _ *org) { e.Validator = verify.PublicKey{} },
		"a short ML-DSA key":                func(e *verify.Member, _ *org) { e.MLDSA = []byte{1} },
	} {
		t.Run(name, func(t *testing.T) {
			a, b, _, _, g := four()
			m, e := newMachine(t, g), bare("e", 5)
			if !m.accepts(m.proposal(b, Join, e.Member, e)) {
				t.Fatal("it is refused as it is")
			}
			spoil(&e.Member, a)
			if m.accepts(m.proposal(b, Join, e.Member, e)) {
				t.Error("it may be voted in")
			}
		})
	}
	a, b, _, _, g := four()
	m, to := newMachine(t, g), a.Member
	to.Validator = b.Key
	if m.accepts(m.proposal(a, Update, to, nil)) {
		t.Error("another's signing key becomes a validator key")
	}
}

func TestAsManyMembersAsVerifiersTake(t *testing.T) {
	a, b, c, d, _ := four()
	all := []*org{a, b, c, d}
	for i := len(all); i < verify.MaxMembers-1; i++ {
		all = append(all, bare(fmt.Sprint("follower ", i), 0))
	}
	last, over := bare("last", 1), bare("over", 1)
	m := newMachine(t, genesisOf(all...))
	join := m.proposal(a, Join, last.Member, last)
	m.block(join, b.vote(m.chain, join, true), c.vote(m.chain, join, true))
	m.block()
	if n := len(m.members()); n != verify.MaxMembers || m.accepts(m.proposal(a, Join, over.Member, over)) {
		t.Errorf("%d members, and one more is let in: %v", n, n == verify.MaxMembers)
	}
}

// A member that is voted out, or whose key is changed, does not end the vote by what it may do alone.
func TestOwnAffairsEndNoVote(t *testing.T) {
	a, b, c, d, g := four()
	m, e := newMachine(t, g), bare("e", 1)
	rotated, moved := d.Member, d.Member
	rotated.Validator = bare("d's new key", 1).Validator
	moved.P2P = "elsewhere.example:1"
	leave, rotate, join := m.proposal(a, Leave, d.Member, nil), m.proposal(b, Update, rotated, nil), m.proposal(c, Join, e.Member, e)
	m.block(leave, rotate, join, b.vote(m.chain, leave, true), a.vote(m.chain, rotate, true))

	posed := d.Member
	posed.NodeID = e.NodeID
	pose := m.proposal(d, Update, posed, nil)
	m.block(pose)
	if r := m.current.Load().roster; r.Member(d.Org).NodeID != d.NodeID || len(r.Pending) != 4 {
		t.Fatalf("a member took the node of a newcomer under vote; %d are under vote", len(r.Pending))
	}
	m.block(m.proposal(d, Update, moved, nil), c.vote(m.chain, rotate, true))
	m.block()
	now := m.current.Load().roster.Member(d.Org)
	if now.Validator != rotated.Validator || now.P2P != moved.P2P {
		t.Fatalf("validator key changed %v, address %q: one undid the other", now.Validator == rotated.Validator, now.P2P)
	}
	m.block(c.vote(m.chain, leave, true))
	m.block()
	if got := m.members(); len(got) != 3 {
		t.Fatalf("members %v", got)
	}
	reloaded(t, m)
	governed(t, m)
}

// What begins an epoch for verifiers is put to the vote, and what does not takes effect alone once in a while.
func TestOwnAffairsAreBounded(t *testing.T) {
	_, _, _, d, g := four()
	m := newMachine(t, g)
	address := func(i int) []byte {
		to := *m.current.Load().roster.Member(d.Org)
		to.P2P = fmt.Sprintf("d.example:%d", i)
		return m.proposal(d, Update, to, nil)
	}
	at := func() string { return m.current.Load().roster.Member(d.Org).P2P }
	before := verify.MembersHash(m.current.Load().roster.Members)
	m.block(address(1))
	if at() != "d.example:1" {
		t.Fatal("an address needs a vote")
	}
	if verify.MembersHash(m.current.Load().roster.Members) != before {
		t.Error("an address begins an epoch")
	}
	to := *m.current.Load().roster.Member(d.Org)
	to.MLDSA = bytes.Repeat([]byte{1}, 1952)
	m.block(m.proposal(d, Update, to, nil))
	m.block(address(2))
	if s := m.current.Load(); verify.MembersHash(s.roster.Members) != before || len(s.roster.Pending) != 2 || at() != "d.example:1" {
		t.Errorf("a member alone began an epoch, or moves in every block: %d under vote, at %s", len(s.roster.Pending), at())
	}
	for m.current.Load().Height < 1+ownEvery-1 {
		m.block()
	}
	m.block(address(3))
	if at() != "d.example:3" {
		t.Errorf("the next address needs a vote for ever: %s", at())
	}
}

// Members without a vote, and members who use up their own places, keep nobody from proposing.
func TestPlacesUnderVote(t *testing.T) {
	a, b, c, d, _ := four()
	f := bare("follower", 0)
	m := newMachine(t, genesisOf(a, b, c, d, f))
	e := bare("e", 1)
	for name, tx := range map[string][]byte{
		"a join":                  m.proposal(f, Join, e.Member, e),
		"another's expulsion":     m.proposal(f, Leave, a.Member, nil),
		"a change of another one": m.proposal(f, Update, renamed(a.Member, "x"), nil),
	} {
		if m.accepts(tx) {
			t.Errorf("a member without a vote proposes %s", name)
		}
	}
	taken := func(by *org, of verify.Member) (n int) {
		for ; m.accepts(m.proposal(by, Update, renamed(of, fmt.Sprint(n)), nil)); n++ {
			m.block(m.proposal(by, Update, renamed(of, fmt.Sprint(n)), nil))
		}
		return n
	}
	if n := taken(f, f.Member); n != maxVoteless {
		t.Errorf("a member without a vote has %d places", n)
	}
	for _, o := range []*org{a, b, c} {
		if n := taken(o, o.Member); n != maxPending {
			t.Errorf("%s has %d places", o.Name, n)
		}
	}
	if n := taken(d, d.Member); n != maxPending {
		t.Errorf("the others left %d places", n)
	}
}

func renamed(m verify.Member, name string) verify.Member {
	m.Name += name
	return m
}
