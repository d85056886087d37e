package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// proposalLife is how long the members have to vote.
const proposalLife = 30 * 24 * time.Hour

// MembersRequest asks the node to take part in a change of the membership: the first to ask proposes, the others agree.
type MembersRequest struct {
	Join   *JoinRequest   `json:"join,omitempty"`
	Update *UpdateRequest `json:"update,omitempty"`
	Leave  *verify.OrgID  `json:"leave,omitempty"`
}

// MembersAnswer says what the node did.
type MembersAnswer struct {
	Did     string            `json:"did"` // "proposed", "agreed", "nothing": it is so already, "waits": the ledger has not taken it up yet
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
	reply(w, MembersAnswer{Did: "nothing", Members: m.Members, Pending: m.Pending, Epoch: n.epoch(r.Context())}, nil)
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

// ballotPatience is how long the ledger may take until it has counted a proposal or vote.
const ballotPatience = 10 * time.Second

// propose takes part in a change. One at a time, until the ledger has counted it: each bears a number that follows from the one before.
func (n *Node) propose(ctx context.Context, q *MembersRequest) (*MembersAnswer, error) {
	n.ballots.Lock()
	defer n.ballots.Unlock()
	m, err := n.engine.Members(ctx)
	if err != nil {
		return nil, err
	}
	p, err := n.proposal(m, q)
	if err == nil && q.Leave != nil {
		err = n.leaver(ctx, m, *q.Leave)
	}
	if err != nil {
		return nil, err
	}
	did, tx, err := n.ballot(m, p)
	if err != nil {
		return nil, err
	}
	if tx != nil {
		if err := n.engine.Submit(ctx, tx); err != nil {
			return nil, err
		}
		now, err := n.counted(ctx, m, p)
		if err != nil {
			return nil, err
		}
		if m = now; m == nil {
			did, m = "waits", n.roster.now.Load()
		}
	}
	return &MembersAnswer{Did: did, Members: m.Members, Pending: m.Pending, Epoch: n.epoch(ctx)}, nil
}

// leaver refuses the leave of an organisation that never was a member, and names those that are: it was mistyped. One that has left already
// is no mistake of whoever agrees late.
func (n *Node) leaver(ctx context.Context, m *ledger.Membership, org verify.OrgID) error {
	if m.Member(org) != nil {
		return nil
	}
	left, err := n.roster.leftAt(ctx, m, org)
	if err != nil || left > 0 {
		return err
	}
	var known []string
	for i := range m.Members {
		known = append(known, fmt.Sprintf("%s (%s)", m.Members[i].Org, m.Members[i].Name))
	}
	return lang.NewProblem("leave_unknown", org, strings.Join(known, ", "))
}

// counted waits until the ledger has counted the ballot that this node cast when the membership was as given, and gives the membership as it
// is then; nil when it takes too long.
func (n *Node) counted(ctx context.Context, before *ledger.Membership, p *chain.Proposal) (*ledger.Membership, error) {
	ctx, cancel := context.WithTimeout(ctx, ballotPatience)
	defer cancel()
	for {
		m, err := n.engine.Members(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, ledger.ErrDown) {
			return nil, err
		}
		if err == nil {
			open := under(m, p)
			if open == nil && under(before, p) != nil || open != nil && slices.Contains(open.Yes, n.org) ||
				chain.Proposals(m, n.org) > chain.Proposals(before, n.org) {
				return m, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// under gives the change under vote that a proposal comes to, by its content: nobody agrees to what was not shown.
func under(m *ledger.Membership, p *chain.Proposal) *ledger.Proposal {
	for i := range m.Pending {
		if open := &m.Pending[i]; open.Change == p.Change.String() && open.Base == p.Base && chain.MemberHash(&open.Member) == chain.MemberHash(&p.Member) {
			return open
		}
	}
	return nil
}

// ballot makes the transaction that furthers a change: none where it is so already, a vote where it is proposed, else the proposal.
func (n *Node) ballot(m *ledger.Membership, p *chain.Proposal) (did string, tx []byte, err error) {
	member := m.Member(p.Member.Org)
	switch {
	case p.Change == chain.Join && member != nil,
		p.Change == chain.Leave && member == nil,
		p.Change == chain.Update && chain.MemberHash(member) == chain.MemberHash(&p.Member):
		return "nothing", nil, nil
	}
	if open := under(m, p); open != nil {
		if open.Carried || slices.Contains(open.Yes, n.org) {
			return "agreed", nil, nil
		}
		v := chain.Vote{By: n.org, Proposal: open.ID, Yes: true}
		v.Signature = n.keys.sign(v.SigningBytes(n.chain))
		return "agreed", v.Encode(), nil
	}
	p.Number = chain.Proposals(m, n.org)
	p.Signature = n.keys.sign(p.SigningBytes(n.chain))
	return "proposed", p.Encode(), nil
}
