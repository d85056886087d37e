package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sijil-health/sijil/lang"
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
	m, err := ReadMember(dir)
	if err != nil {
		return nil, err
	}
	keys, err := signersIn(dir, passphrase)
	if err != nil {
		return nil, err
	}
	if err := Adopt(dir, g); err != nil {
		return nil, err
	}
	p := chain.Proposal{Change: chain.Join, Member: *m}
	return &JoinRequest{Chain: g.Chain(), Member: *m, Consent: keys.sign(p.ConsentBytes(g.Chain()))}, nil
}

// UpdateRequest is what an organisation hands to the members when its record on the ledger shall change: the record as it shall be, the one that
// it replaces, and the organisation's signature over both, by the signing key that stands in either.
type UpdateRequest struct {
	Chain   string           `json:"chain"`
	Update  verify.Member    `json:"update"`
	Consent verify.Signature `json:"consent"`
	// Base names the record that is to be changed (chain.MemberHash): the request holds for no later one, whose changes it would undo.
	Base verify.Hash `json:"base"`
}

// signingBytes is what the organisation signs: everything but the signature.
func (q *UpdateRequest) signingBytes(chainID string) []byte {
	p := chain.Proposal{Change: chain.Update, Member: q.Update, Base: q.Base}
	return p.ConsentBytes(chainID)
}

// AskToUpdate makes the request that the ledger's record of the organisation become what its directory says: keys and name as in
// member.json, addresses as in config.json. A restored node's member.json names its fresh validator key already; with newValidator a
// key is made that the node goes over to by itself once the members have agreed. The node runs: it knows the record that is replaced.
func AskToUpdate(ctx context.Context, dir string, newValidator bool) (*UpdateRequest, error) {
	q := new(UpdateRequest)
	return q, Ask(ctx, dir, http.MethodPost, "/members/update", UpdateOptions{NewValidator: newValidator}, q)
}

// UpdateOptions are what a running node is asked to put into an UpdateRequest.
type UpdateOptions struct {
	NewValidator bool `json:"new_validator"`
}

func (n *Node) adminUpdate(w http.ResponseWriter, r *http.Request) {
	var o UpdateOptions
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&o); err != nil {
		reply(w, nil, err)
		return
	}
	m, err := n.engine.Members(r.Context())
	if err != nil {
		reply(w, nil, err)
		return
	}
	member := m.Member(n.org)
	if member == nil {
		reply(w, nil, lang.NewProblem("not_member"))
		return
	}
	q, err := n.requestUpdate(member, o.NewValidator)
	reply(w, q, err)
}

func (n *Node) requestUpdate(on *verify.Member, newValidator bool) (*UpdateRequest, error) {
	l := n.Layout
	m, err := ReadMember(l.Dir)
	if err != nil {
		return nil, err
	}
	c, err := ReadConfig(l.Config())
	if err != nil {
		return nil, err
	}
	m.P2P, m.Peer = c.P2P, c.Peer
	if newValidator {
		if m.Power == 0 {
			return nil, lang.NewProblem("no_vote")
		}
		if m.Validator, err = chain.StageValidator(l.Chain()); err != nil {
			return nil, err
		}
	}
	if err := writeJSON(l.Member(), m); err != nil {
		return nil, err
	}
	q := &UpdateRequest{Chain: n.chain, Update: *m, Base: chain.MemberHash(on)}
	q.Consent = n.keys.sign(q.signingBytes(n.chain))
	return q, nil
}

// signersIn reads the keys of a node that does not run.
func signersIn(dir string, passphrase []byte) (*signers, error) {
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
	return keys, errors.Join(err, v.Close())
}
