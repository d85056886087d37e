package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// TestIncompleteRestore restores a member while the only custodian of what came after its backup does not answer: refused, with its name, and
// on the operator's word done without it, which is told.
func TestIncompleteRestore(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig("Member")
	c.Peer = l.Addr().String()
	l.Close()
	away := DefaultConfig("Away")
	away.Peer = "127.0.0.1:1"
	passphrase := func() ([]byte, error) { return []byte(testPassphrase), nil }
	other, err := Init(t.Context(), Setup{Dir: filepath.Join(t.TempDir(), "away"), Config: away, Passphrase: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	other.Member.Power, other.Member.Validator = 0, verify.PublicKey{} // it follows: the ledger goes on without it
	dir := filepath.Join(t.TempDir(), "node")
	made, err := Init(t.Context(), Setup{Dir: dir, Config: c, Passphrase: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	g, err := Found([]verify.Member{made.Member, other.Member}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := Adopt(dir, g); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, dir)
	put(t, n, "a", "Zamzam", 100)
	to := filepath.Join(t.TempDir(), "usb")
	backUp(t, n, to)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	q := restoration(t, made.Kit, to)
	_, err = Restore(t.Context(), q)
	if silent := (*SilentError)(nil); !errors.As(err, &silent) || !slices.Equal(silent.Names, []string{"Away"}) {
		t.Fatalf("without the only custodian: %v", err)
	}
	for _, left := range []string{q.Dir, q.Dir + ".restoring"} {
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
	q.Incomplete = true
	done, err := Restore(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(done.Silent, []string{"Away"}) || done.Entries == 0 || done.Fetched != 0 || done.Validator != ValidatorNew {
		t.Errorf("%+v", done)
	}
}

// TestSilentMembersMayHoldTheOnlyCopy: how many may be silent follows from how many copies the lost node made, which its configuration says and
// nothing else.
func TestSilentMembersMayHoldTheOnlyCopy(t *testing.T) {
	for name, c := range map[string]struct {
		backup         bool
		copies         int // in the configuration that the backup has
		before, voters int
		silent         int
		refused        bool
	}{
		"two copies, one silent":                    {true, 2, 7, 7, 1, true},
		"three copies, one silent":                  {true, 3, 7, 7, 1, false},
		"three copies, two silent":                  {true, 3, 7, 7, 2, true},
		"one per member, all but two silent":        {true, 16, 4, 4, 2, false},
		"one per member, all others silent":         {true, 16, 4, 4, 3, true},
		"automatic, of seven":                       {true, 0, 7, 7, 1, false},
		"automatic, of four":                        {true, 0, 4, 4, 1, true},
		"automatic, of four that are seven today":   {true, 0, 4, 7, 1, true},
		"automatic, of seven that are four today":   {true, 0, 7, 4, 1, true},
		"no backup: nobody says how many there are": {false, 0, 7, 7, 1, true},
		"no backup, all answer":                     {false, 0, 7, 7, 0, false},
		"no other copies, all answer":               {true, 1, 7, 7, 0, false},
	} {
		r := restoring{Restoration: &Restoration{Kit: &Kit{}}, Layout: Layout{t.TempDir()}}
		members := make([]verify.Member, max(c.before, c.voters))
		for i := range members {
			members[i] = verify.Member{Org: verify.OrgID{byte(i)}, Name: fmt.Sprint(i), Power: 1}
		}
		config := DefaultConfig("Lost")
		config.Copies = c.copies
		if err := writeJSON(r.Config(), config); err != nil {
			t.Fatal(err)
		}
		if c.backup {
			r.from = new(backup.Snapshot)
		}
		r.others = &helpers{before: members[:c.before], members: members[:c.voters]}
		r.others.held.Silent = make(map[verify.OrgID]error)
		for i := range c.silent {
			r.others.held.Silent[members[i+1].Org] = peer.ErrUnreachable
		}
		err := r.enough()
		if silent := (*SilentError)(nil); errors.As(err, &silent) != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r.Incomplete = true; r.enough() != nil || len(r.done.Silent) != c.silent {
			t.Errorf("%s: not even with --incomplete", name)
		}
	}
}

// TestTrustFilesThatContinue: only a file of the same ledger with more epochs, and the same ones before, is newer.
func TestTrustFilesThatContinue(t *testing.T) {
	epoch := func(text string) verify.Epoch {
		return verify.Epoch{Checkpoint: text + "\n\n— a AAAAAAA=\n"}
	}
	with := func(texts ...string) *verify.Trust {
		tr := new(verify.Trust)
		for _, text := range texts {
			tr.Epochs = append(tr.Epochs, epoch(text))
		}
		return tr
	}
	other := with("one", "two")
	other.Genesis.Time = 1
	for name, c := range map[string]struct {
		later, t *verify.Trust
		want     bool
	}{
		"the first epoch":  {with("one"), with(), true},
		"one more":         {with("one", "two"), with("one"), true},
		"the same":         {with("one"), with("one"), false},
		"fewer":            {with("one"), with("one", "two"), false},
		"another before":   {with("other", "two"), with("one"), false},
		"another ledger's": {other, with("one"), false},
	} {
		if got := continues(c.later, c.t); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
