package verify_test

import (
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/verify"
)

// The encodings of this package are written by hand. These tests hold them against the engine's own for random blocks.

func drawHash(t *rapid.T, name string) []byte {
	if rapid.IntRange(0, 3).Draw(t, name+" empty") == 0 {
		return nil
	}
	b := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name)
	b[0] |= 1
	return b
}

func hashOf(b []byte) (h verify.Hash) {
	copy(h[:], b)
	return h
}

func drawTime(t *rapid.T, name string) time.Time {
	return time.Unix(rapid.Int64Range(-8e9, 8e9).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns")).UTC()
}

func drawBlockID(t *rapid.T, name string) types.BlockID {
	return types.BlockID{
		Hash: drawHash(t, name),
		PartSetHeader: types.PartSetHeader{
			Total: rapid.Uint32().Draw(t, name+" parts"), Hash: drawHash(t, name+" parts hash"),
		},
	}
}

func blockIDOf(id types.BlockID) verify.BlockID {
	return verify.BlockID{Hash: hashOf(id.Hash), PartsTotal: id.PartSetHeader.Total, PartsHash: hashOf(id.PartSetHeader.Hash)}
}

func headerOf(h *types.Header) *verify.Header {
	return &verify.Header{
		BlockVersion: h.Version.Block, AppVersion: h.Version.App, ChainID: h.ChainID, Height: h.Height,
		Time: verify.TimestampOf(h.Time), LastBlock: blockIDOf(h.LastBlockID), LastCommit: hashOf(h.LastCommitHash),
		Data: hashOf(h.DataHash), Validators: hashOf(h.ValidatorsHash), NextValidators: hashOf(h.NextValidatorsHash),
		Consensus: hashOf(h.ConsensusHash), App: h.AppHash, LastResults: hashOf(h.LastResultsHash),
		Evidence: hashOf(h.EvidenceHash), Proposer: verify.Address(h.ProposerAddress),
	}
}

func TestHeaderHashIsTheEngines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := types.Header{
			Version: cmtversion.Consensus{Block: rapid.Uint64().Draw(t, "block"), App: rapid.Uint64().Draw(t, "app")},
			ChainID: rapid.StringN(0, 50, 50).Draw(t, "chain"),
			Height:  rapid.Int64().Draw(t, "height"), Time: drawTime(t, "time"), LastBlockID: drawBlockID(t, "last"),
			LastCommitHash: drawHash(t, "lc"), DataHash: drawHash(t, "data"),
			ValidatorsHash:     append([]byte{1}, rapid.SliceOfN(rapid.Byte(), 31, 31).Draw(t, "vals")...),
			NextValidatorsHash: drawHash(t, "next"), ConsensusHash: drawHash(t, "cons"),
			AppHash: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "apphash"), LastResultsHash: drawHash(t, "res"),
			EvidenceHash: drawHash(t, "ev"), ProposerAddress: rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "proposer"),
		}
		if got, want := headerOf(&h).Hash(), hashOf(h.Hash()); got != want {
			t.Fatalf("hash %s, the engine has %s", got, want)
		}
	})
}

// drawSet gives validators of the engine, their keys in the set's order, and the same as members.
func drawSet(t *rapid.T) (*types.ValidatorSet, map[string]ed25519.PrivKey, []verify.Member) {
	n := rapid.IntRange(1, 7).Draw(t, "validators")
	keys := make(map[string]ed25519.PrivKey)
	var (
		vals    []*types.Validator
		members []verify.Member
	)
	for range n {
		key := ed25519.GenPrivKey()
		v := types.NewValidator(key.PubKey(), rapid.Int64Range(1, 3).Draw(t, "power"))
		keys[v.Address.String()] = key
		vals = append(vals, v)
		members = append(members, verify.Member{Validator: verify.PublicKey(key.PubKey().Bytes()), Power: v.VotingPower})
	}
	members = append(members, verify.Member{Name: "follower"})
	return types.NewValidatorSet(vals), keys, members
}

func TestCommitIsJudgedAsTheEngineJudgesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, keys, members := drawSet(t)
		ours := verify.NewValidatorSet(members)
		if got, want := ours.Hash(), hashOf(set.Hash()); got != want {
			t.Fatalf("set hash %s, the engine has %s", got, want)
		}
		const chain = "sijil-0011"
		h := types.Header{
			Version: cmtversion.Consensus{Block: 11}, ChainID: chain, Height: rapid.Int64Range(1, 1<<40).Draw(t, "height"),
			Time: drawTime(t, "time"), ValidatorsHash: set.Hash(), ProposerAddress: set.Validators[0].Address,
		}
		commit := &types.Commit{
			Height: h.Height, Round: rapid.Int32Range(0, 9).Draw(t, "round"),
			BlockID: types.BlockID{Hash: h.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: hashSlice(1)}},
		}
		for _, v := range set.Validators {
			commit.Signatures = append(commit.Signatures, types.CommitSig{BlockIDFlag: types.BlockIDFlagAbsent})
			sig := &commit.Signatures[len(commit.Signatures)-1]
			flag := rapid.SampledFrom([]types.BlockIDFlag{1, 2, 2, 2, 2, 3}).Draw(t, "flag")
			if flag == types.BlockIDFlagAbsent {
				continue
			}
			sig.BlockIDFlag, sig.ValidatorAddress, sig.Timestamp = flag, v.Address, drawTime(t, "vote")
			bytes := commit.VoteSignBytes(chain, int32(len(commit.Signatures)-1))
			sig.Signature, _ = keys[v.Address.String()].Sign(bytes)
			if rapid.IntRange(0, 20).Draw(t, "spoil") == 0 {
				sig.Signature[3] ^= 1
			}
		}
		compareCommit(t, chain, set, ours, &h, commit)
	})
}

func compareCommit(t *rapid.T, chain string, set *types.ValidatorSet, ours verify.ValidatorSet, h *types.Header, commit *types.Commit) {
	mine := &verify.BlockCommit{Height: commit.Height, Round: commit.Round, Block: blockIDOf(commit.BlockID)}
	var signers []int
	for i, s := range commit.Signatures {
		sig := verify.CommitSig{Flag: verify.VoteFlag(s.BlockIDFlag)}
		if s.BlockIDFlag != types.BlockIDFlagAbsent {
			sig.Validator, sig.Signature = verify.Address(s.ValidatorAddress), verify.Signature(s.Signature)
			sig.Time = verify.TimestampOf(s.Timestamp)
		}
		if s.BlockIDFlag == types.BlockIDFlagCommit {
			signers = append(signers, i)
		}
		mine.Signatures = append(mine.Signatures, sig)
	}
	for i, s := range commit.Signatures {
		if s.BlockIDFlag == types.BlockIDFlagAbsent {
			continue
		}
		if diff := cmp.Diff(commit.VoteSignBytes(chain, int32(i)), mine.VoteBytes(chain, i)); diff != "" {
			t.Fatalf("vote %d: %s", i, diff)
		}
	}
	want := types.VerifyCommitLightAllSignatures(chain, set, commit.BlockID, h.Height, commit)
	got, err := ours.VerifyCommit(chain, headerOf(h), mine)
	if (err == nil) != (want == nil) {
		t.Fatalf("we say %v, the engine says %v", err, want)
	}
	if err != nil {
		return
	}
	if diff := cmp.Diff(signers, got); diff != "" {
		t.Fatalf("signers: %s", diff)
	}
	median, err := sm.MedianTime(commit, set)
	if err != nil {
		t.Fatal(err)
	}
	if at := ours.MedianTime(mine); at != verify.TimestampOf(median) {
		t.Fatalf("median %v, the engine has %v", at.Time(), median)
	}
}

func hashSlice(b byte) []byte {
	h := make([]byte, 32)
	h[0] = b
	return h
}

func TestDataPathIsTheEngines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		txs := types.ToTxs(rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 300), 1, 20).Draw(t, "txs"))
		i := rapid.IntRange(0, len(txs)-1).Draw(t, "i")
		p := txs.Proof(i)
		var path []verify.Hash
		for _, aunt := range p.Proof.Aunts {
			path = append(path, verify.Hash(aunt))
		}
		root := hashOf(types.Data{Txs: txs}.Txs.Hash())
		if err := verify.VerifyDataPath(root, txs[i], uint32(i), uint32(len(txs)), path); err != nil {
			t.Fatal(err)
		}
		if err := verify.VerifyDataPath(root, append(txs[i], 0), uint32(i), uint32(len(txs)), path); err == nil {
			t.Fatal("another transaction passes")
		}
	})
}
