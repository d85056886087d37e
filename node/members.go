package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// JoinRequest is what a newcomer hands to the members: who it is, and its consent, bound to this ledger.
type JoinRequest struct {
	Chain   string           `json:"chain"`
	Member  verify.Member    `json:"member"`
	Consent verify.Signature `json:"consent"`
}

// AskToJoin gives a node that was made with `init --wait` the genesis of the ledger it wants to join, and makes its request.
func AskToJoin(dir string, g *verify.Genesis, passphrase []byte) (*JoinRequest, error) {
	l := Layout{dir}
	m, err := ReadMember(dir)
	if err != nil {
		return nil, err
	}
	root, err := vault.OpenPassphraseRoot(l.Root(), passphrase)
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(l.Keys(), root, vault.Options{Escrow: m.Escrow})
	if err != nil {
		return nil, err
	}
	keys, err := loadSigners(v)
	if err := errors.Join(err, v.Close()); err != nil {
		return nil, err
	}
	if err := Adopt(dir, g); err != nil {
		return nil, err
	}
	p := chain.Proposal{Change: chain.Join, Member: *m}
	return &JoinRequest{Chain: g.Chain(), Member: *m, Consent: keys.sign(p.ConsentBytes(g.Chain()))}, nil
}

// proposalLife is how long the members have to vote.
const proposalLife = 30 * 24 * time.Hour

// MembersRequest asks the node to take part in a change of the membership: the first to ask proposes, the others agree.
type MembersRequest struct {
	Join  *JoinRequest  `json:"join,omitempty"`
	Leave *verify.OrgID `json:"leave,omitempty"`
}

// MembersAnswer says what the node did.
type MembersAnswer struct {
	Did     string            `json:"did"` // "proposed", "agreed" or "nothing": it is so already
	Members []verify.Member   `json:"members"`
	Pending []ledger.Proposal `json:"pending"`
	Epoch   uint64            `json:"epoch"`
}

func (n *Node) adminMembers(w http.ResponseWriter, r *http.Request) {
	m, err := n.engine.Members(r.Context())
	if err != nil {
		reply(w, nil, err)
		return
	}
	reply(w, MembersAnswer{Did: "nothing", Members: m.Members, Pending: m.Pending, Epoch: m.Epoch}, nil)
}

func (n *Node) adminPropose(w http.ResponseWriter, r *http.Request) {
	var q MembersRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&q); err != nil {
		reply(w, nil, err)
		return
	}
	answer, err := n.propose(r.Context(), &q)
	reply(w, answer, err)
}

func (n *Node) propose(ctx context.Context, q *MembersRequest) (*MembersAnswer, error) {
	m, err := n.engine.Members(ctx)
	if err != nil {
		return nil, err
	}
	p := chain.Proposal{By: n.org, Expires: time.Now().Add(proposalLife).UnixMilli()}
	switch {
	case q.Join != nil:
		if q.Join.Chain != n.chain {
			return nil, fmt.Errorf("the request is for the ledger %s, and this is %s", q.Join.Chain, n.chain)
		}
		p.Change, p.Member, p.Consent = chain.Join, q.Join.Member, q.Join.Consent
	case q.Leave != nil:
		member := m.Member(*q.Leave)
		if member == nil {
			return &MembersAnswer{Did: "nothing", Members: m.Members, Pending: m.Pending, Epoch: m.Epoch}, nil
		}
		p.Change, p.Member.Org, p.Base = chain.Leave, *q.Leave, chain.MemberHash(member)
	default:
		return nil, errors.New("neither who joins nor who leaves was said")
	}
	did, tx, err := n.ballot(m, &p)
	if err != nil {
		return nil, err
	}
	if tx != nil {
		if err := n.engine.Submit(ctx, tx); err != nil {
			return nil, err
		}
	}
	return &MembersAnswer{Did: did, Members: m.Members, Pending: m.Pending, Epoch: m.Epoch}, nil
}

// ballot makes the transaction that furthers a change: a vote where it is proposed already, else the proposal.
func (n *Node) ballot(m *ledger.Membership, p *chain.Proposal) (did string, tx []byte, err error) {
	if p.Change == chain.Join && m.Member(p.Member.Org) != nil {
		return "nothing", nil, nil
	}
	for _, open := range m.Pending {
		if open.Change != p.Change.String() || open.Member.Org != p.Member.Org {
			continue
		}
		v := chain.Vote{By: n.org, Proposal: open.ID, Yes: true}
		v.Signature = n.keys.sign(v.SigningBytes(n.chain))
		return "agreed", v.Encode(), nil
	}
	for _, proposed := range m.Proposed {
		if proposed.Org == n.org {
			p.Number = proposed.Count
		}
	}
	p.Signature = n.keys.sign(p.SigningBytes(n.chain))
	return "proposed", p.Encode(), nil
}
