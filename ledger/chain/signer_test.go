package chain

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/tmhash"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/ledger"
)

func testVote(kind cmtproto.SignedMsgType, height int64, round int32, block byte, at time.Time) *cmtproto.Vote {
	id := types.BlockID{Hash: tmhash.Sum([]byte{block}), PartSetHeader: types.PartSetHeader{Total: 1, Hash: tmhash.Sum([]byte("part"))}}
	return &cmtproto.Vote{Type: kind, Height: height, Round: round, BlockID: id.ToProto(), Timestamp: at}
}

// TestSignerNeverContradictsItself asks for signatures in any order, with restarts between, and holds the signer to what it ever gave out.
func TestSignerNeverContradictsItself(t *testing.T) {
	const chain = "sijil-0123456789abcdef0123456789abcdef"
	kinds := []cmtproto.SignedMsgType{cmtproto.PrevoteType, cmtproto.PrecommitType}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		s, err := makeSigner(dir, ed25519.GenPrivKey(), 0)
		if err != nil {
			rt.Fatal(err)
		}
		type place struct {
			height int64
			round  int32
			step   int
		}
		given := map[place][]byte{} // block hash by step
		last := place{}
		for range rapid.IntRange(1, 20).Draw(rt, "requests") {
			if rapid.Bool().Draw(rt, "restart") {
				if s, err = loadValidator(dir); err != nil {
					rt.Fatal(err)
				}
			}
			at := place{rapid.Int64Range(1, 3).Draw(rt, "height"), rapid.Int32Range(0, 1).Draw(rt, "round"), rapid.IntRange(0, 1).Draw(rt, "step")}
			v := testVote(kinds[at.step], at.height, at.round, byte(rapid.IntRange(0, 1).Draw(rt, "block")), time.UnixMilli(rapid.Int64Range(1, 1e12).Draw(rt, "time")))
			err := s.SignVote(chain, v)
			back := at.height < last.height || at.height == last.height && (at.round < last.round || at.round == last.round && at.step < last.step)
			before, again := given[at]
			switch {
			case back && err == nil:
				rt.Fatalf("signed %+v after %+v", at, last)
			case back:
				continue
			case again && !bytes.Equal(before, v.BlockID.Hash):
				if !errors.Is(err, errSignedElse) {
					rt.Fatalf("signed %+v twice: %v", at, err)
				}
				continue
			case err != nil:
				rt.Fatalf("%+v after %+v: %v", at, last, err)
			}
			given[at], last = v.BlockID.Hash, at
			if !s.Key.PubKey.VerifySignature(types.VoteSignBytes(chain, v), v.Signature) {
				rt.Fatalf("%+v: the signature is not of what is returned", at)
			}
		}
	})
}

func TestSignerTornSlot(t *testing.T) {
	dir := t.TempDir()
	s, err := makeSigner(dir, ed25519.GenPrivKey(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for height := range int64(3) {
		if err := s.SignVote("c", testVote(cmtproto.PrevoteType, height+1, 0, 1, time.Unix(1, 0))); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, signStateFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
		height int64 // 0: refused
	}{
		{"whole", func(b []byte) []byte { return b }, 3},
		{"later slot torn", func(b []byte) []byte { b[slotSize+100] ^= 1; return b }, 2},
		{"earlier slot torn", func(b []byte) []byte { b[100] ^= 1; return b }, 3},
		{"both torn", func(b []byte) []byte { b[100] ^= 1; b[slotSize+100] ^= 1; return b }, 0},
		{"cut", func(b []byte) []byte { return b[:slotSize] }, 0},
		{"grown", func(b []byte) []byte { return append(b, 0) }, 0},
		{"empty", func([]byte) []byte { return nil }, 0},
	} {
		if err := os.WriteFile(file, c.damage(bytes.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readSignState(file)
		if err == nil && s.torn != strings.HasSuffix(c.name, "slot torn") {
			t.Errorf("%s: torn: %v", c.name, s.torn)
		}
		if c.height == 0 && !errors.Is(err, ErrNoSignState) || c.height > 0 && (err != nil || s.Height != c.height) {
			t.Errorf("%s: %+v, %v", c.name, s, err)
		}
		found, err := CheckKeys(dir) // what audit says of it; there is no node key here
		named := slices.ContainsFunc(found, func(d ledger.Damage) bool { return d.File == file })
		if err != nil || named != (c.height == 0) {
			t.Errorf("%s: told as damage: %v, %v", c.name, found, err)
		}
	}
}

// TestSignerNeedsItsFile removes the state under a running signer: it must not begin a new one that forgets.
func TestSignerNeedsItsFile(t *testing.T) {
	dir := t.TempDir()
	s, err := makeSigner(dir, ed25519.GenPrivKey(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, signStateFile)); err != nil {
		t.Fatal(err)
	}
	v := testVote(cmtproto.PrevoteType, 1, 0, 1, time.Unix(1, 0))
	if err := s.SignVote("c", v); !errors.Is(err, os.ErrNotExist) || v.Signature != nil {
		t.Errorf("signed: %v", err)
	}
}

func TestSignerProposal(t *testing.T) {
	s, err := makeSigner(t.TempDir(), ed25519.GenPrivKey(), 0)
	if err != nil {
		t.Fatal(err)
	}
	proposal := func(round int32, at int64) *cmtproto.Proposal {
		return &cmtproto.Proposal{Type: cmtproto.ProposalType, Height: 1, Round: round, PolRound: -1, Timestamp: time.Unix(at, 0)}
	}
	first, again := proposal(0, 1), proposal(0, 2)
	if err := errors.Join(s.SignProposal("c", first), s.SignProposal("c", again)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Signature, again.Signature) || !again.Timestamp.Equal(first.Timestamp) {
		t.Error("two signatures for proposals that differ in their time only")
	}
	other := proposal(0, 1)
	other.PolRound = 0
	if err := s.SignProposal("c", other); !errors.Is(err, errSignedElse) {
		t.Errorf("a different proposal: %v", err)
	}
}

func BenchmarkSignVote(b *testing.B) {
	s, err := makeSigner(b.TempDir(), ed25519.GenPrivKey(), 0)
	if err != nil {
		b.Fatal(err)
	}
	height := int64(0)
	for b.Loop() {
		height++
		if err := s.SignVote("c", testVote(cmtproto.PrevoteType, height, 0, 1, time.Unix(1, 0))); err != nil {
			b.Fatal(err)
		}
	}
}
