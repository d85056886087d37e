package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

const testPassphrase = "correct horse battery"

var clinician = record.Access{Actor: "dr-1", Role: "clinician", Purpose: "TREAT"}

// lone makes a lone node and starts it.
func lone(t *testing.T) (*Node, *Kit) {
	t.Helper()
	return found(t, DefaultConfig("Lone Clinic"))
}

// found makes a node on a ledger of its own and starts it.
func found(t *testing.T, c *Config) (*Node, *Kit) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node")
	made, err := Init(t.Context(), Setup{
		Dir: dir, Config: c, Passphrase: func() ([]byte, error) { return []byte(testPassphrase), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := Found([]verify.Member{made.Member}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := Adopt(dir, g); err != nil {
		t.Fatal(err)
	}
	return startNode(t, dir), made.Kit
}

func startNode(t *testing.T, dir string) *Node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(context.WithoutCancel(t.Context()), Options{Dir: dir, Passphrase: []byte(testPassphrase), FHIR: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() }) // harmless where the test closed it
	return n
}

// put writes a patient and waits until the ledger has it.
func put(t *testing.T, n *Node, id, family string, size int) {
	t.Helper()
	source := fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":%q}],"text":{"status":"generated","div":%q}}`, id, family, strings.Repeat(family+" ", size/len(family)))
	c, err := n.record.Write(t.Context(), clinician, []record.Change{{
		Op: record.OpUpdate, Type: "Patient", ID: id, Source: []byte(source), Chart: "Patient/" + id, Compartment: record.General,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Anchored(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, n *Node, id string) string {
	t.Helper()
	v, err := n.record.Read(t.Context(), clinician, "Patient", id, 0)
	if err != nil {
		t.Fatalf("read %s: %v", id, err)
	}
	return string(v.Source)
}

func backUp(t *testing.T, n *Node, to string) *BackupReport {
	t.Helper()
	r, err := n.backup(t.Context(), &BackupRequest{To: to, KeepDays: 30}, func(BackupEvent) {})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func restoration(t *testing.T, kit *Kit, from string) *Restoration {
	return &Restoration{
		Dir: filepath.Join(t.TempDir(), "restored"), From: from, Kit: kit,
		Passphrase: func(string) ([]byte, error) { return []byte(testPassphrase), nil },
	}
}

// holds checks a receipt as a stranger would.
func holds(t *testing.T, n *Node, receipt []byte) {
	t.Helper()
	r, err := verify.ParseReceipt(receipt)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := n.trust(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Verify(r, trust, verify.Options{}); err != nil && !errors.Is(err, verify.ErrNotWitnessed) {
		t.Fatalf("the receipt does not hold: %v", err)
	}
}

func TestBackupAndRestoreOfLoneNode(t *testing.T) {
	n, kit := lone(t)
	to := filepath.Join(t.TempDir(), "usb")
	addPackage(t, n.Dir)
	put(t, n, "a", "Zamzam", 100)
	put(t, n, "big", "Babylonia", 300<<10) // larger than fits a record
	before, err := n.record.Receipt(t.Context(), clinician, "Patient", "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	first := backUp(t, n, to)
	if !first.Chain || first.Height == 0 || first.Stored == 0 {
		t.Fatalf("%+v", first)
	}
	if at, err := lastBackup(n.Layout); err != nil || at.IsZero() {
		t.Errorf("last-backup: %v, %v", at, err)
	}
	put(t, n, "b", "Euphrates", 100)
	second := backUp(t, n, to)
	if second.Stored >= first.Stored || second.Number != first.Number+1 {
		t.Errorf("the second backup stored %d bytes, the first %d", second.Stored, first.Stored)
	}
	t.Logf("first %+v\nsecond %+v", first, second)
	nothingReadable(t, to, n.Dir)

	t.Run("drill", func(t *testing.T) { drill(t, n, kit, to) })
	t.Run("damage", func(t *testing.T) { damaged(t, kit, to) })
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := Backup(t.Context(), n.Dir, &BackupRequest{To: to, KeepDays: 30}, func() ([]byte, error) { return []byte(testPassphrase), nil },
		slog.New(slog.DiscardHandler), func(BackupEvent) {})
	if err != nil || !third.Chain || third.Height < second.Height {
		t.Fatalf("of the stopped node: %+v, %v", third, err)
	}
	t.Run("for good", func(t *testing.T) {
		q := restoration(t, kit, to)
		q.OldMachineDestroyed = true
		got, err := Restore(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if got.Validator != ValidatorBack || got.Height < second.Height {
			t.Errorf("%+v", got)
		}
		packageIsThere(t, q.Dir)
		r := startNode(t, q.Dir)
		for id, name := range map[string]string{"a": "Zamzam", "big": "Babylonia", "b": "Euphrates"} {
			if body := read(t, r, id); !strings.Contains(body, name) {
				t.Errorf("%s reads %.80s", id, body)
			}
		}
		holds(t, r, before)
		put(t, r, "c", "Tigris", 100) // goes on anchoring
		after, err := r.record.Receipt(t.Context(), clinician, "Patient", "c", 1)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, r, after)
		if _, err := r.backup(t.Context(), &BackupRequest{To: to, KeepDays: 30}, func(BackupEvent) {}); !errors.Is(err, backup.ErrOtherNode) {
			t.Errorf("another copy wrote to the same place: %v", err)
		}
		if _, err := r.backup(t.Context(), &BackupRequest{To: to, KeepDays: 30, TakeOver: true}, func(BackupEvent) {}); err != nil {
			t.Error(err)
		}
	})
}

// drill restores while the old node runs: everything is readable, and nothing is signed with the old key.
func drill(t *testing.T, n *Node, kit *Kit, from string) {
	q := restoration(t, kit, from)
	got, err := Restore(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if got.Validator != ValidatorDrill {
		t.Errorf("%+v", got)
	}
	r := startNode(t, q.Dir)
	if body := read(t, r, "b"); body != read(t, n, "b") {
		t.Errorf("read %.80s", body)
	}
	receipt, err := r.record.Receipt(t.Context(), clinician, "Patient", "b", 1)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, r, receipt)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Restore(t.Context(), q); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("restored over another node: %v", err)
	}
	other, _, err := foreignKit(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), restoration(t, other, from)); !errors.Is(err, backup.ErrKit) {
		t.Errorf("with another's kit: %v", err)
	}
}

// damaged restores from a backup with one altered piece: it is named, and nothing is left behind.
func damaged(t *testing.T, kit *Kit, from string) {
	var victim string
	err := filepath.WalkDir(filepath.Join(from, "objects"), func(path string, d fs.DirEntry, err error) error {
		if info, e := os.Stat(path); e == nil && !d.IsDir() && info.Size() > 300<<10 { // the large ciphertext
			victim = path
		}
		return err
	})
	if err != nil || victim == "" {
		t.Fatal("no victim", err)
	}
	good, err := os.ReadFile(victim)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 1
	if err := os.WriteFile(victim, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	q := restoration(t, kit, from)
	_, err = Restore(t.Context(), q)
	if damage := (*backup.DamageError)(nil); !errors.As(err, &damage) || !strings.Contains(err.Error(), filepath.Base(victim)) || !strings.Contains(err.Error(), "blobs/") {
		t.Errorf("it is not named: %v", err)
	}
	for _, dir := range []string{q.Dir, q.Dir + ".restoring"} {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", dir, err)
		}
	}
	if err := os.WriteFile(victim, good, 0o600); err != nil {
		t.Fatal(err)
	}
}

func foreignKit(t *testing.T) (*Kit, verify.Member, error) {
	made, err := Init(t.Context(), Setup{
		Dir: filepath.Join(t.TempDir(), "other"), Config: DefaultConfig("Other"), Passphrase: func() ([]byte, error) { return []byte(testPassphrase), nil },
	})
	if err != nil {
		return nil, verify.Member{}, err
	}
	return made.Kit, made.Member, nil
}

// nothingReadable greps a backup for what must not be in it.
func nothingReadable(t *testing.T, dir, data string) {
	t.Helper()
	forbidden := map[string][]byte{"a name": []byte("Zamzam"), "a large text": []byte("Babylonia"), "a type": []byte("Patient"), "the organisation": []byte("Lone Clinic")}
	for _, name := range []string{"ledger/chain/priv_validator_key.json", "keys/top", "root.key"} {
		b, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		forbidden[name] = b[len(b)/2 : len(b)/2+24]
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for what, secret := range forbidden {
			if bytes.Contains(b, secret) {
				t.Errorf("%s of the node stands in %s", what, path)
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, %v", files, err)
	}
}

// TestMemberGetsNewValidatorKey restores a node that others may reach, and so may have the ledger of.
func TestMemberGetsNewValidatorKey(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig("Member")
	c.Peer = l.Addr().String()
	l.Close()
	n, kit := found(t, c)
	put(t, n, "a", "Zamzam", 100)
	to := filepath.Join(t.TempDir(), "usb")
	if r := backUp(t, n, to); r.Chain {
		t.Errorf("%+v", r)
	}
	old, err := ReadMember(n.Dir)
	if err != nil {
		t.Fatal(err)
	}
	q := restoration(t, kit, to)
	q.OldMachineDestroyed = true // changes nothing for a member
	got, err := Restore(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if got.Validator != ValidatorNew || got.Member.NodeID != old.NodeID || got.Member.Validator == old.Validator || got.Entries != n.journal.End().Entry {
		t.Errorf("%+v, was %+v", got, old)
	}
}
