package cli

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// organisation is a member with its key.
type organisation struct {
	verify.Member
	key ed25519.PrivateKey
}

func organisations(t *testing.T, names string, power int64) (list []organisation) {
	t.Helper()
	for _, name := range names {
		seed := func(use string) ed25519.PrivateKey {
			s := sha256.Sum256([]byte(use + string(name)))
			return ed25519.NewKeyFromSeed(s[:])
		}
		o := organisation{key: seed("sign")}
		o.Name, o.Power, o.NodeID = string(name), power, "node"
		copy(o.Key[:], o.key.Public().(ed25519.PublicKey))
		if power > 0 {
			copy(o.Validator[:], seed("validate").Public().(ed25519.PublicKey))
		}
		o.Org = verify.OrgOf(o.Key)
		list = append(list, o)
	}
	return list
}

func membersOf(list []organisation) (members []verify.Member) {
	for _, o := range list {
		members = append(members, o.Member)
	}
	slices.SortFunc(members, func(a, b verify.Member) int { return cmp.Compare(a.Org.String(), b.Org.String()) })
	return members
}

func signed(t *testing.T, chain string, c *verify.Checkpoint, by []organisation) *verify.Note {
	t.Helper()
	var signers []*verify.NoteSigner
	for _, o := range by {
		s, err := verify.MemberSigner(chain, o.Org, o.key)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, s)
	}
	note, err := verify.SignCheckpoint(c, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// TestAWitnessListensToTheLedgerNotToOneMember: a fork that fewer than two thirds of the voting members sign is not cosigned, nor one by
// founders who have left.
func TestAWitnessListensToTheLedgerNotToOneMember(t *testing.T) {
	founders, followers := organisations(t, "abcd", 1), organisations(t, "fgh", 0)
	later := append(slices.Clone(founders[3:]), organisations(t, "wxy", 1)...)
	g := verify.Genesis{Time: 1, Members: membersOf(append(slices.Clone(founders), followers...))}
	chain := g.Chain()
	begins := verify.NewCheckpoint(chain, 1, membersOf(later), 5, 1, verify.Hash{1})
	epoch := verify.Epoch{Checkpoint: signed(t, chain, begins, founders).Encode(), Members: membersOf(later)}
	for _, c := range []struct {
		name   string
		epochs []verify.Epoch
		by     []organisation
		need   int
		good   bool
	}{
		{"one founder", nil, founders[:1], 0, false},
		{"half", nil, founders[:2], 0, false},
		{"followers do not count", nil, append(slices.Clone(founders[:2]), followers...), 0, false},
		{"more than two thirds", nil, founders[:3], 0, true},
		{"one, where that is asked for", nil, founders[:1], 1, true},
		{"asking for more than there are", nil, founders[:3], 9, true},
		{"founders that left", []verify.Epoch{epoch}, founders, 0, false},
		{"the members of the last epoch", []verify.Epoch{epoch}, later[:3], 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			trust := &verify.Trust{Format: verify.TrustFormat, Genesis: g, Epochs: c.epochs}
			b, err := trust.Encode()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "trust.json")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			dir := filepath.Join(t.TempDir(), "w")
			if code := Main([]string{"witness", "init", "--dir", dir, "--name", "w.example/sijil"}, nil, &out, &out); code != 0 {
				t.Fatal(out.String())
			}
			r := &ledger.WitnessRequest{Note: signed(t, chain, verify.NewCheckpoint(chain, uint64(len(c.epochs)), membersOf(founders), 9, 3, verify.Hash{7}), c.by)}
			request := filepath.Join(t.TempDir(), "request")
			if err := os.WriteFile(request, r.Encode(), 0o600); err != nil {
				t.Fatal(err)
			}
			out.Reset()
			code := Main([]string{"witness", "cosign", "--dir", dir, "--trust", file, "--need", fmt.Sprint(c.need), request}, nil, &out, &out)
			if (code == 0) != c.good {
				t.Errorf("exit code %d: %s", code, &out)
			}
		})
	}
}

// TestAWitnessIsMadeOnce: neither over another, nor half.
func TestAWitnessIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, witnessSeedFile), []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := Main([]string{"witness", "init", "--dir", dir, "--name", "w.example/sijil"}, nil, &out, &out); code == 0 {
		t.Fatal(out.String())
	}
	if b, err := os.ReadFile(filepath.Join(dir, witnessSeedFile)); err != nil || string(b) != "another's" {
		t.Error(b, err)
	}
	if exists(filepath.Join(dir, "witness.vkey")) {
		t.Error("a key without its seed")
	}
}
