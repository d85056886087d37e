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
				member.Name, strings.Join(differences(member, &p.Member), ", "))
		}
		return p, nil
	case q.Update != nil:
		p.Change, p.Member = chain.Update, q.Update.Update
		member := m.Member(p.Member.Org)
		if member == nil {
			return nil, fmt.Errorf("%s is not a member of this ledger; it asks to join with `sijil join`", p.Member.Name)
		}
		// The ledger asks for a consent to a new signing key only. Members ask for it always: nobody else shall put a key into the record.
		if !p.Member.Key.Verify(p.ConsentBytes(n.chain), q.Update.Consent) {
			return nil, fmt.Errorf("the request of %s: %w", p.Member.Name, ErrNotSigned)
		}
		p.Base = chain.MemberHash(member)
		if !q.Update.Base.IsZero() && q.Update.Base != p.Base && p.Base != chain.MemberHash(&p.Member) {
			return nil, fmt.Errorf("the record of %[1]s on the ledger has changed since this request was made, which would undo that; "+
				"have %[1]s make a new one with `sijil rotate`, and agree to that", member.Name)
		}
		if member.Key != p.Member.Key {
			p.Consent = q.Update.Consent
		}
		return p, nil
	case q.Leave != nil:
		p.Change, p.Member.Org = chain.Leave, *q.Leave
		if member := m.Member(*q.Leave); member != nil {
			p.Base = chain.MemberHash(member)
		}
		return p, nil
	}
	return nil, errors.New("neither who joins, nor who leaves, nor whose record changes was said")
}

// ErrNotSigned says that a request is not what its organisation signed: it was changed since, or another key signed it.
var ErrNotSigned = errors.New("it does not match its signature")

// differences names what a member's record and the one asked for say otherwise.
func differences(on, asked *verify.Member) (names []string) {
	for _, d := range []struct {
		name string
		same bool
	}{
		{"name", on.Name == asked.Name}, {"signing key", on.Key == asked.Key}, {"validator key", on.Validator == asked.Validator},
		{"power", on.Power == asked.Power}, {"addresses", on.Peer == asked.Peer && on.P2P == asked.P2P && on.NodeID == asked.NodeID},
	} {
		if !d.same {
			names = append(names, d.name)
		}
	}
	if len(names) == 0 {
		names = []string{"other keys"}
	}
	return names
}

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
