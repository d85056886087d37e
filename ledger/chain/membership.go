package chain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// propose puts a proposal to the vote, or carries it out where it is the proposer's own affair.
func (st *step) propose(r *roster, p *parsed) error {
	pr := p.proposal
	by, err := st.member(pr.By)
	if err != nil {
		return fmt.Errorf("proposal: %w", err)
	}
	if want := Proposals(&r.Membership, pr.By); pr.Number != want {
		return fmt.Errorf("proposal: its number is %d, the next one of %s is %d", pr.Number, by.Name, want)
	}
	if pr.Expires <= st.time || pr.Expires > st.time+maxExpiry {
		return errors.New("proposal: it expired, or expires in more than 60 days of the ledger's time")
	}
	if by.Power == 0 && (pr.Change == Join || pr.Member.Org != pr.By) {
		return fmt.Errorf("proposal: %s follows without a vote, and proposes changes of itself alone", by.Name)
	}
	if err := r.admissible(pr.Change, &pr.Member, pr.Base); err != nil {
		return fmt.Errorf("proposal: %s: %w", pr.Change, err)
	}
	if err := st.signed(by.Key, pr.SigningBytes(st.chain), pr.Signature); err != nil {
		return fmt.Errorf("proposal: the %w", err)
	}
	if err := st.consented(r, pr); err != nil {
		return err
	}
	if pr.Change == Update && pr.By == pr.Member.Org && r.alone(&pr.Member, st.height) {
		r.move(&pr.Member, st.height)
		st.moved = true
		return nil
	}
	return r.open(p, by)
}

// consented checks that whoever holds a new signing key wants to be known by it.
func (st *step) consented(r *roster, pr *Proposal) error {
	from := r.Member(pr.Member.Org)
	fresh := pr.Change == Join || pr.Change == Update && from.Key != pr.Member.Key
	if !fresh {
		if pr.Consent != (verify.Signature{}) {
			return errors.New("proposal: a consent where no key is new")
		}
		return nil
	}
	if err := st.signed(pr.Member.Key, pr.ConsentBytes(st.chain), pr.Consent); err != nil {
		return fmt.Errorf("proposal: the consent of the new key: %w", err)
	}
	return nil
}

// open adds a proposal to those under vote. One that is under vote already, in another transaction, is agreed to instead: members who
// propose the same thing at the same time do not split the votes.
func (r *roster) open(p *parsed, by *verify.Member) error {
	pr, mine, places := p.proposal, 0, maxPending
	if by.Power == 0 {
		places = maxVoteless
	}
	same := func(o ledger.Proposal) bool {
		return o.Change == pr.Change.String() && o.Base == pr.Base && MemberHash(&o.Member) == MemberHash(&pr.Member)
	}
	if i := slices.IndexFunc(r.Pending, same); i >= 0 {
		if err := cast(&r.Pending[i], by, true); err != nil {
			return fmt.Errorf("proposal: it is under vote already, and %w", err)
		}
		r.count(pr.By)
		return nil
	}
	for i := range r.Pending {
		if r.Pending[i].By == pr.By {
			mine++
		}
	}
	if mine >= places {
		return fmt.Errorf("proposal: %d by %s are under vote; vote on these first", mine, by.Name)
	}
	r.count(pr.By)
	open := ledger.Proposal{
		ID: p.id, By: pr.By, Change: pr.Change.String(), Member: pr.Member, Base: pr.Base, Expires: pr.Expires,
	}
	if by.Power > 0 {
		open.Yes = []verify.OrgID{pr.By}
	}
	r.Pending = append(r.Pending, open)
	return nil
}

// vote notes a voting member's answer to a proposal. Each answers once.
func (st *step) vote(r *roster, v *Vote) error {
	by, err := st.member(v.By)
	if err != nil {
		return fmt.Errorf("vote: %w", err)
	}
	i := slices.IndexFunc(r.Pending, func(p ledger.Proposal) bool { return p.ID == v.Proposal })
	if i < 0 {
		return fmt.Errorf("vote: no proposal %s is under vote", v.Proposal)
	}
	if err := st.signed(by.Key, v.SigningBytes(st.chain), v.Signature); err != nil {
		return fmt.Errorf("vote: the %w", err)
	}
	if err := cast(&r.Pending[i], by, v.Yes); err != nil {
		return fmt.Errorf("vote: %w", err)
	}
	return nil
}

// cast counts a member's answer, the first one it gives.
func cast(p *ledger.Proposal, by *verify.Member, yes bool) error {
	switch {
	case by.Power == 0:
		return fmt.Errorf("%s follows without a vote", by.Name)
	case slices.Contains(p.Yes, by.Org), slices.Contains(p.No, by.Org):
		return fmt.Errorf("%s voted already", by.Name)
	case yes:
		p.Yes = append(p.Yes, by.Org)
	default:
		p.No = append(p.No, by.Org)
	}
	return nil
}
