package chain

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

const (
	// maxPending bounds the proposals under vote by one organisation, maxVoteless those by one without a vote: an Update and a Leave of
	// itself. There is no bound on all together, for whoever filled it would keep the others from voting anybody in or out.
	maxPending  = 4
	maxVoteless = 2
	// maxExpiry is how long a proposal may live, in milliseconds from the last header: twice what nodes give it, for the last header of
	// a ledger at rest may be old.
	maxExpiry = 60 * 24 * 60 * 60 * 1000
	// ownEvery is in how many blocks a member may change its own record once without a vote: each change keeps the whole membership
	// for ever. An address that changes twice in that time is put to the vote.
	ownEvery = 100
)

// roster is the membership with its pending proposals. A value in a state is never written to: change works on a clone.
type roster struct{ ledger.Membership }

func (r *roster) clone() *roster {
	c := *r
	c.Members = slices.Clone(r.Members)
	c.Proposed = slices.Clone(r.Proposed)
	c.Pending = slices.Clone(r.Pending)
	for i := range c.Pending {
		c.Pending[i].Yes = slices.Clone(c.Pending[i].Yes)
		c.Pending[i].No = slices.Clone(c.Pending[i].No)
	}
	return &c
}

// voters counts the members with a vote.
func (r *roster) voters() int {
	n := 0
	for i := range r.Members {
		if r.Members[i].Power > 0 {
			n++
		}
	}
	return n
}

// isNode tells whether a member's node has this p2p identity.
func (r *roster) isNode(id string) bool {
	return slices.ContainsFunc(r.Members, func(m verify.Member) bool { return m.NodeID == id })
}

// Proposals counts the proposals an organisation ever made: the Number of its next one.
func Proposals(m *ledger.Membership, org verify.OrgID) uint64 {
	if i, ok := findProposed(m.Proposed, org); ok {
		return m.Proposed[i].Count
	}
	return 0
}

func findProposed(list []ledger.Proposed, org verify.OrgID) (int, bool) {
	return slices.BinarySearchFunc(list, org, func(p ledger.Proposed, o verify.OrgID) int {
		return bytes.Compare(p.Org[:], o[:])
	})
}

// count notes one more proposal of an organisation.
func (r *roster) count(org verify.OrgID) *ledger.Proposed {
	i, ok := findProposed(r.Proposed, org)
	if !ok {
		r.Proposed = slices.Insert(r.Proposed, i, ledger.Proposed{Org: org})
	}
	r.Proposed[i].Count++
	return &r.Proposed[i]
}

// alone tells whether a member may go over to a record at a height without a vote: it is its own affair, the last one is some blocks ago, and
// the record claims no node that is under vote, else it would end that vote.
func (r *roster) alone(to *verify.Member, height int64) bool {
	i, ok := findProposed(r.Proposed, to.Org)
	return ownAffair(r.Member(to.Org), to) &&
		(!ok || r.Proposed[i].Moved == 0 || height-r.Proposed[i].Moved >= ownEvery) &&
		!slices.ContainsFunc(r.Pending, func(p ledger.Proposal) bool { return p.Member.Org != to.Org && p.Member.NodeID == to.NodeID })
}

// move makes a change that needs no vote. What is under vote for that member's seat goes on, and leaves alone what the member changed.
func (r *roster) move(to *verify.Member, height int64) {
	r.count(to.Org).Moved = height
	r.change(Update, to)
	for i := range r.Pending {
		p := &r.Pending[i]
		p.SeatOnly = p.SeatOnly || p.Member.Org == to.Org && changeOf(p.Change) == Update
	}
}

// admissible tells whether a change may be made to this membership now. It is asked when the change is proposed and
// again when it takes effect, for others may have come first. What comes of it must be what verifiers take: a membership that they refuse
// would break every receipt from then on.
func (r *roster) admissible(change Change, to *verify.Member, base verify.Hash) error {
	from := r.Member(to.Org)
	switch {
	case change == Join && from != nil:
		return errors.New("it is a member already")
	case change == Join && verify.OrgOf(to.Key) != to.Org:
		return errors.New("its identifier does not belong to its key")
	case change == Join && !base.IsZero():
		return errors.New("a joining member has no earlier record")
	case change != Join && from == nil:
		return errors.New("it is not a member")
	case change == Update && verify.SeatHash(from) != base:
		return errors.New("its record changed since this was proposed")
	case change == Update && MemberHash(from) == MemberHash(to):
		return errors.New("its record is so already")
	}
	for i := range r.Members {
		if m := &r.Members[i]; change != Leave && m.Org != to.Org && m.NodeID == to.NodeID {
			return fmt.Errorf("%s has the same node", m.Name)
		}
	}
	after := roster{ledger.Membership{Members: slices.Clone(r.Members)}}
	after.change(change, to)
	return verify.CheckMembers(after.Members)
}

// change makes an admissible change.
func (r *roster) change(c Change, to *verify.Member) {
	i, ok := slices.BinarySearchFunc(r.Members, to.Org, func(m verify.Member, o verify.OrgID) int {
		return bytes.Compare(m.Org[:], o[:])
	})
	switch {
	case c == Leave:
		r.Members = slices.Delete(r.Members, i, i+1)
	case ok:
		r.Members[i] = *to
	default:
		r.Members = slices.Insert(r.Members, i, *to)
	}
}

// outcome gives the record that a proposal comes to.
func (r *roster) outcome(p *ledger.Proposal) *verify.Member {
	to := p.Member
	if from := r.Member(to.Org); p.SeatOnly && from != nil {
		to.NodeID, to.P2P, to.Peer, to.Escrow = from.NodeID, from.P2P, from.Peer, from.Escrow
	}
	return &to
}

// enacted gives a copy in which the change that was decided on, if any, is carried out; ok tells whether there was one.
func (r *roster) enacted() (c *roster, ok bool) {
	c = r.clone()
	i := slices.IndexFunc(c.Pending, func(p ledger.Proposal) bool { return p.Since != 0 })
	if i < 0 {
		return c, false
	}
	p := c.Pending[i]
	c.Pending = slices.Delete(c.Pending, i, i+1)
	c.change(changeOf(p.Change), c.outcome(&p))
	return c, true
}

// lasts tells whether a member votes and will go on to once what is decided on takes effect.
func (r *roster) lasts(org verify.OrgID) bool {
	m := r.Member(org)
	if m == nil || m.Power == 0 {
		return false
	}
	i := slices.IndexFunc(r.Pending, func(p ledger.Proposal) bool { return p.Since != 0 })
	if i < 0 || r.Pending[i].Member.Org != org {
		return true
	}
	return changeOf(r.Pending[i].Change) != Leave && r.Pending[i].Member.Power > 0
}

// settle ends what is decided: it drops proposals that expired, were refused or became inadmissible, marks those that
// more than two thirds of the voting members want, and gives the oldest of these, which is to be decided on. One change a
// block lets every validator set be checked by the set before it; others that are carried wait for the next block.
func (r *roster) settle(now int64) (next *ledger.Proposal) {
	voters := r.voters()
	votes := func(orgs []verify.OrgID) (n int) {
		for _, org := range orgs {
			if m := r.Member(org); m != nil && m.Power > 0 {
				n++
			}
		}
		return n
	}
	r.Pending = slices.DeleteFunc(r.Pending, func(p ledger.Proposal) bool {
		return r.admissible(changeOf(p.Change), r.outcome(&p), p.Base) != nil ||
			!p.Carried && 3*votes(p.Yes) <= 2*voters && (p.Expires <= now || 3*votes(p.No) >= voters)
	})
	for i := range r.Pending {
		p := &r.Pending[i]
		p.Carried = p.Carried || 3*votes(p.Yes) > 2*voters
		if p.Carried && next == nil {
			next = p
		}
	}
	return next
}

func changeOf(name string) Change {
	for _, c := range []Change{Join, Update, Leave} {
		if c.String() == name {
			return c
		}
	}
	return 0
}

// validatorUpdate is a validator key whose power changes; 0 takes it away.
type validatorUpdate struct {
	key   verify.PublicKey
	power int64
}

// updates lists what leads from one validator set to the other, in ascending order of keys: every node gives CometBFT
// the same list.
func updates(from, to verify.ValidatorSet) []validatorUpdate {
	power := make(map[verify.PublicKey]int64, len(from)+len(to))
	for _, v := range from {
		power[v.Key] = 0
	}
	for _, v := range to {
		power[v.Key] = v.Power
	}
	for _, v := range from {
		if power[v.Key] == v.Power {
			delete(power, v.Key)
		}
	}
	list := make([]validatorUpdate, 0, len(power))
	for key, p := range power {
		list = append(list, validatorUpdate{key, p})
	}
	slices.SortFunc(list, func(a, b validatorUpdate) int {
		return cmp.Or(bytes.Compare(a.key[:], b.key[:]), cmp.Compare(a.power, b.power))
	})
	return list
}
