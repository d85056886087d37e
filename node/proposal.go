package node

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// proposal makes the proposal that a request comes to on this membership; nothing is signed yet.
func (n *Node) proposal(m *ledger.Membership, q *MembersRequest) (*chain.Proposal, error) {
	p := &chain.Proposal{By: n.org, Expires: time.Now().Add(proposalLife).UnixMilli()}
	if named := q.chain(); named != "" && named != n.chain {
		return nil, lang.NewProblem("request_ledger", named, n.chain)
	}
	switch {
	case q.Join != nil:
		p.Change, p.Member, p.Consent = chain.Join, q.Join.Member, q.Join.Consent
		if !p.Member.Key.Verify(p.ConsentBytes(n.chain), p.Consent) {
			return nil, fmt.Errorf("the request of %s to join: %w", p.Member.Name, ErrNotSigned)
		}
		if member := m.Member(p.Member.Org); member != nil && chain.MemberHash(member) != chain.MemberHash(&p.Member) {
			return nil, lang.NewProblem("member_differs", member.Name, strings.Join(fields(Differences(member, &p.Member)), ", "))
		}
		return p, nil
	case q.Update != nil:
		return p, n.update(p, m, q.Update)
	case q.Leave != nil:
		p.Change, p.Member.Org = chain.Leave, *q.Leave
		return p, nil
	}
	return nil, lang.NewProblem("no_change")
}

// update makes the proposal of an organisation's request about its own record. The ledger asks for a consent to a new signing key only. Members
// ask for one always, by the key that the ledger knows: whoever handed in the request, nobody else shall put a key into the record.
func (n *Node) update(p *chain.Proposal, m *ledger.Membership, q *UpdateRequest) error {
	p.Change, p.Member = chain.Update, q.Update
	member := m.Member(p.Member.Org)
	switch {
	case member == nil:
		return lang.NewProblem("update_stranger", p.Member.Name)
	case p.Member.Key != member.Key:
		return lang.NewProblem("update_key", member.Name)
	case !member.Key.Verify(q.signingBytes(n.chain), q.Consent):
		return fmt.Errorf("the request of %s: %w", member.Name, ErrNotSigned)
	}
	p.Base = verify.SeatHash(member)
	now := chain.MemberHash(member)
	if q.Base != now && now != chain.MemberHash(&p.Member) && under(m, p) == nil {
		return lang.NewProblem("update_old", member.Name)
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
