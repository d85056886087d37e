package node

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

func freshKey(t *testing.T) (verify.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return verify.PublicKey(pub), private
}

// A request changes a member's record only as that member signed it, by the key that the ledger knows, and in the place of the record it signed.
func TestRequestsAreTheMembersOwn(t *testing.T) {
	n := &Node{chain: "sijil-test"}
	key, private := freshKey(t)
	first, _ := freshKey(t)
	second, _ := freshKey(t)
	foreign, thief := freshKey(t)
	x := verify.Member{Org: verify.OrgOf(key), Name: "X", Key: key, Validator: first, Power: 1, NodeID: "n", P2P: "x.example:1"}
	m := &ledger.Membership{Members: []verify.Member{x}}
	request := func(to verify.Member, base *verify.Member, by ed25519.PrivateKey) *UpdateRequest {
		q := &UpdateRequest{Chain: n.chain, Update: to, Base: chain.MemberHash(base)}
		q.Consent = verify.Signature(ed25519.Sign(by, q.signingBytes(n.chain)))
		return q
	}
	ask := func(q *UpdateRequest) (*chain.Proposal, error) { return n.proposal(m, &MembersRequest{Update: q}) }

	to := x
	to.Validator, to.P2P = second, "x.example:2"
	good := request(to, &x, private)
	p, err := ask(good)
	if err != nil {
		t.Fatal(err)
	}
	if p.Base != verify.SeatHash(&x) {
		t.Error("the proposal does not rest on the seat")
	}
	if _, err := ask(request(to, &x, thief)); !errors.Is(err, ErrNotSigned) {
		t.Errorf("signed by another: %v", err)
	}
	stolen := to
	stolen.Key = foreign
	for _, by := range []ed25519.PrivateKey{thief, private} {
		if _, err := ask(request(stolen, &x, by)); err == nil {
			t.Error("another signing key comes into the record")
		}
	}

	// Under vote, an address that X changes meanwhile keeps nobody from agreeing.
	moved := x
	moved.P2P = "x.example:3"
	m = &ledger.Membership{Members: []verify.Member{moved}, Pending: []ledger.Proposal{{Change: "update", Member: to, Base: p.Base}}}
	if _, err := ask(good); err != nil {
		t.Errorf("what is under vote is not agreed to: %v", err)
	}

	// Once the record has changed, the request is void, whatever is done to its base.
	m = &ledger.Membership{Members: []verify.Member{moved}}
	for name, base := range map[string]verify.Hash{"as made": good.Base, "taken out": {}, "exchanged": chain.MemberHash(&moved)} {
		old := *good
		old.Base = base
		if _, err := ask(&old); err == nil {
			t.Errorf("a request that was overtaken passes, its base %s", name)
		}
	}
}

func TestDifferences(t *testing.T) {
	a, _ := freshKey(t)
	on := verify.Member{Name: "X", Key: a, Power: 1, P2P: "x:1", Escrow: []byte("one")}
	to := on
	to.Power, to.P2P, to.Escrow = 2, "", []byte("two")
	want := []Difference{
		{"power", "1", "2"}, {"engine_address", "x:1", ""}, {"escrow_key", fingerprint(on.Escrow), fingerprint(to.Escrow)},
	}
	if diff := cmp.Diff(want, Differences(&on, &to)); diff != "" {
		t.Error(diff)
	}
	if d := Differences(&on, &on); d != nil {
		t.Errorf("nothing differs: %v", d)
	}
}
