package node

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// proposal makes the proposal that a request comes to on this membership; nothing is signed yet.
func (n *Node) proposal(m *ledger.Membership, q *MembersRequest) (*chain.Proposal, error) {
	p := &chain.Proposal{By: n.org, Expires: time.Now().Add(proposalLife).UnixMilli()}
	if named := q.chain(); named != "" && named != n.chain {
		return nil, fmt.Errorf("the request is for the ledger %s, and this is %s", named, n.chain)
	}
	switch {
	case q.Join != nil:
		p.Change, p.Member, p.Consent = chain.Join, q.Join.Member, q.Join.Consent
		if !p.Member.Key.Verify(p.ConsentBytes(n.chain), p.Consent) {
			return nil, fmt.Errorf("the request of %s to join: %w", p.Member.Name, ErrNotSigned)
		}
		if member := m.Member(p.Member.Org); member != nil && chain.MemberHash(member) != chain.MemberHash(&p.Member) {
			return nil, fmt.Errorf("%s is a member already, and the ledger's record of it differs: %s; it changes its record with `sijil rotate`",
				member.Name, strings.Join(fields(Differences(member, &p.Member)), ", "))
		}
		return p, nil
	case q.Update != nil:
		return p, n.update(p, m, q.Update)
	case q.Leave != nil:
		p.Change, p.Member.Org = chain.Leave, *q.Leave
		return p, nil
	}
	return nil, errors.New("neither who joins, nor who leaves, nor whose record changes was said")
}

// update makes the proposal of an organisation's request about its own record. The ledger asks for a consent to a new signing key only. Members
// ask for one always, by the key that the ledger knows: whoever handed in the request, nobody else shall put a key into the record.
func (n *Node) update(p *chain.Proposal, m *ledger.Membership, q *UpdateRequest) error {
	p.Change, p.Member = chain.Update, q.Update
	member := m.Member(p.Member.Org)
	switch {
	case member == nil:
		return fmt.Errorf("%s is not a member of this ledger; it asks to join with `sijil join`", p.Member.Name)
	case p.Member.Key != member.Key:
		return fmt.Errorf("the request puts another signing key into the record of %[1]s, and no request can show that %[1]s wants that: have it "+
			"leave with `sijil leave`, and join anew under its new key", member.Name)
	case !member.Key.Verify(q.signingBytes(n.chain), q.Consent):
		return fmt.Errorf("the request of %s: %w", member.Name, ErrNotSigned)
	}
	p.Base = verify.SeatHash(member)
	now := chain.MemberHash(member)
	if q.Base != now && now != chain.MemberHash(&p.Member) && under(m, p) == nil {
		return fmt.Errorf("the record of %[1]s on the ledger has changed since this request was made, which would undo that; "+
			"have %[1]s make a new one with `sijil rotate`, and agree to that", member.Name)
	}
	return nil
}

// ErrNotSigned says that a request is not what its organisation signed: it was changed since, or another key signed it.
var ErrNotSigned = errors.New("it does not match its signature")

// chain is the ledger that a request names; "" where it names none.
func (q *MembersRequest) chain() string {
	switch {
	case q.Join != nil:
		return q.Join.Chain
	case q.Update != nil:
		return q.Update.Chain
	}
	return ""
}
