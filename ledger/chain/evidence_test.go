package chain

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/tmhash"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/verify"
)

// signTwice has a validator's key sign two different blocks at a height, as it does where it runs twice, and shows the two votes to a node.
func signTwice(t *testing.T, n *network, offender *org, height int64, to *engine) {
	t.Helper()
	_, pv, err := loadKeys(offender.cfg.keys())
	if err != nil {
		t.Fatal(err)
	}
	set, err := to.archive.states.LoadValidators(height)
	if err != nil {
		t.Fatal(err)
	}
	index, _ := set.GetByAddress(pv.GetAddress())
	votes := make([]*types.Vote, 2)
	for i := range votes {
		id := types.BlockID{Hash: tmhash.Sum([]byte{byte(i)}), PartSetHeader: types.PartSetHeader{Total: 1, Hash: tmhash.Sum([]byte("part"))}}
		v := &types.Vote{
			Type: cmtproto.PrecommitType, Height: height, BlockID: id, Timestamp: time.Now(), ValidatorAddress: pv.GetAddress(), ValidatorIndex: index,
		}
		if v.Signature, err = pv.Key.PrivKey.Sign(types.VoteSignBytes(n.genesis.Chain(), v.ToProto())); err != nil {
			t.Fatal(err)
		}
		votes[i] = v
	}
	evidence, err := types.NewDuplicateVoteEvidence(votes[0], votes[1], to.blocks.LoadBlockMeta(height).Header.Time, set)
	if err != nil {
		t.Fatal(err)
	}
	if err := to.node.EvidencePool().AddEvidence(evidence); err != nil {
		t.Fatal(err)
	}
}

// TestDoubleSigningIsRecorded shows two conflicting votes of one validator to one node: all nodes record them on the ledger, keep them
// through a restart, and the doctor names the key until it is replaced.
func TestDoubleSigningIsRecorded(t *testing.T) {
	n := newNetwork(t, 10, 10, 10, 10)
	a, offender := n.orgs[0], n.orgs[3]
	for range 3 {
		n.commit(a, a.e)
	}
	signTwice(t, n, offender, 2, a.e)
	n.commit(a, a.e)
	eventually(t, "the evidence in a block", func() bool {
		n.commit(a, offender.e)
		return offender.e.app.current.Load().offences > 0
	})
	for _, o := range n.orgs {
		recorded := o.e.app.current.Load().offences > 0 // before the status is asked: another block may come in between
		st, err := o.e.Status(t.Context())
		if err != nil || recorded && (st.EvidenceCount != 1 || len(st.Evidence) != 1) {
			t.Fatalf("%s: %+v, %v", o.Name, st, err)
		}
	}
	want := offender.e.app.current.Load().evidence[0]
	v := verify.Validator{Key: offender.Validator}
	if addr := v.Address(); want.Org != offender.Org || !bytes.Equal(want.Validator[:], addr[:]) || want.Height != 2 || want.Kind != "duplicate vote" {
		t.Fatalf("%+v", want)
	}
	n.stop(offender)
	if f := one(t, offender.cfg, SignedTwice); f.Mendable {
		t.Error("nobody can mend what was signed")
	}
	n.start(offender)
	if got := offender.e.app.current.Load().evidence; len(got) != 1 || got[0] != want {
		t.Fatalf("after a restart: %+v", got)
	}

	to := offender.Member
	var err error
	if to.Validator, err = StageValidator(offender.cfg.keys()); err != nil {
		t.Fatal(err)
	}
	n.decide(a, Update, to, nil, n.orgs[1], n.orgs[2])
	n.commit(a, offender.e)
	n.commit(a, offender.e)
	n.stop(offender)
	if found, err := Diagnose(offender.cfg); err != nil || len(found) != 0 {
		t.Fatalf("after the key was replaced: %+v, %v", found, err)
	}
}

// TestLostSignState replaces a key whose record of what it signed is gone.
func TestLostSignState(t *testing.T) {
	dir := t.TempDir()
	_, old, err := GenerateKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, signStateFile)); err != nil {
		t.Fatal(err)
	}
	want, err := StageValidator(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := PublicKeys(dir); err != nil || got != want || got == old {
		t.Fatalf("the key in use is %s: %v", got, err)
	}
}
