package chain

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// sick stops a network's node with some blocks and lets the test make it ill.
func sick(t *testing.T, powers ...int64) (*network, *org) {
	t.Helper()
	n := newNetwork(t, powers...)
	o := n.orgs[0]
	for range 3 {
		n.commit(o, o.e)
	}
	for _, o := range n.orgs {
		n.stop(o)
	}
	return n, o
}

// one expects exactly one finding.
func one(t *testing.T, cfg Config, want Trouble) Finding {
	t.Helper()
	found, err := Diagnose(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Trouble != want {
		t.Fatalf("found %+v, want %s", found, want)
	}
	f := found[0]
	if f.What == "" || f.Why == "" || f.Do == "" {
		t.Fatalf("a finding without words: %+v", f)
	}
	return f
}

// signedNext makes the validator key one that voted at the next height, of which no log knows.
func signedNext(t *testing.T, cfg Config) {
	t.Helper()
	s, err := cfg.readChain()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(cfg.keys(), signStateFile)
	last, err := readSignState(file)
	if err != nil {
		t.Fatal(err)
	}
	last.Height, last.Round, last.Step = s.blocks+1, 0, stepPrecommit
	if err := last.write(file); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorFindsNothing(t *testing.T) {
	_, o := sick(t, 10)
	if found, err := Diagnose(o.cfg); err != nil || len(found) != 0 {
		t.Fatalf("%+v, %v", found, err)
	}
}

func TestDoctorMendsALoneValidatorThatLostItsLog(t *testing.T) {
	n, o := sick(t, 10)
	if err := os.RemoveAll(logDir(o.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	signedNext(t, o.cfg)
	n.start(o) // it does stand still
	waiting := o.anchor(n.genesis.Chain())
	submit(t, o.e, waiting)
	height := o.e.app.current.Load().Height
	eventually(t, "a refusal to sign", func() bool { return o.e.seen.signing.Load() != nil })
	time.Sleep(2 * time.Second)
	if h := o.e.app.current.Load().Height; h != height {
		t.Fatalf("a wedged node made block %d", h)
	}
	n.stop(o)
	f := one(t, o.cfg, LostLog)
	if !f.Safe {
		t.Fatal("a sole validator's is safe to mend")
	}
	if err := Mend(o.cfg, f); err != nil {
		t.Fatal(err)
	}
	if err := Mend(o.cfg, f); !errors.Is(err, ErrNotMendable) {
		t.Errorf("mended twice: %v", err)
	}
	n.start(o)
	submit(t, o.e, waiting)
	n.awaitSeq(o.e, o, o.next-1)
}

func TestDoctorAsksBeforeItMendsOneOfFour(t *testing.T) {
	_, o := sick(t, 10, 10, 10, 10)
	if err := os.RemoveAll(logDir(o.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	signedNext(t, o.cfg)
	if f := one(t, o.cfg, LostLog); f.Safe || !f.Mendable {
		t.Fatalf("%+v", f)
	}
}

func TestDoctorMendsAStateAheadOfItsBlocks(t *testing.T) {
	n := newNetwork(t, 10, 0)
	hospital, clinic := n.orgs[0], n.orgs[1]
	n.commit(hospital, clinic.e)
	n.stop(clinic)
	old := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(old, os.DirFS(filepath.Join(clinic.cfg.Dir, "data"))); err != nil {
		t.Fatal(err)
	}
	n.start(clinic)
	for range 3 {
		n.commit(hospital, clinic.e)
	}
	n.stop(clinic)
	data := filepath.Join(clinic.cfg.Dir, "data")
	if err := errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(old))); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t.Context(), clinic.cfg); !errors.Is(err, ErrWedged) {
		t.Fatalf("opened: %v", err)
	}
	f := one(t, clinic.cfg, StateAhead)
	if err := Mend(clinic.cfg, f); err != nil {
		t.Fatal(err)
	}
	n.start(clinic)
	n.commit(hospital, clinic.e)
	same(t, hospital.e, clinic.e)
}

func TestDoctorRefusesAnOlderCopyOfALoneChain(t *testing.T) {
	_, o := sick(t, 10)
	file := filepath.Join(o.cfg.keys(), signStateFile)
	last, err := readSignState(file)
	if err != nil {
		t.Fatal(err)
	}
	last.Height += 40
	if err := last.write(file); err != nil {
		t.Fatal(err)
	}
	f := one(t, o.cfg, SignedAhead)
	if err := Mend(o.cfg, f); !errors.Is(err, ErrNotMendable) {
		t.Fatalf("mended: %v", err)
	}
}

func TestDoctorTrimsTheLog(t *testing.T) {
	_, o := sick(t, 10)
	for _, name := range []string{"wal.000", "wal.001", "wal.002", "wal.1000"} {
		if err := os.WriteFile(filepath.Join(logDir(o.cfg.Dir), name), make([]byte, 20<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Mend(o.cfg, one(t, o.cfg, LogTooLarge)); err != nil {
		t.Fatal(err)
	}
	if files, err := logFiles(o.cfg.Dir); err != nil || len(files) != 2 || files[1] != "wal.1000" {
		t.Fatalf("%v, %v", files, err)
	}
}

func TestKeysAreGuarded(t *testing.T) {
	n := newNetwork(t, 10)
	o := n.orgs[0]
	if _, err := open(t.Context(), o.cfg); !errors.Is(err, ErrInUse) {
		t.Errorf("the same directory twice: %v", err)
	}
	copied := o.cfg
	copied.Dir, copied.Listen = t.TempDir(), freePort(t)
	if err := os.MkdirAll(copied.keys(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{nodeKeyFile, validatorKeyFile, signStateFile} {
		b, err := os.ReadFile(filepath.Join(o.cfg.keys(), name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied.keys(), name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(t.Context(), copied); !errors.Is(err, ErrInUse) {
		t.Errorf("a copy of the keys on the same machine: %v", err)
	}
	if _, err := Diagnose(o.cfg); !errors.Is(err, ErrInUse) {
		t.Errorf("a diagnosis of a running node: %v", err)
	}
	n.stop(o)
	if hostID() != "" {
		b, _ := json.Marshal(lease{Host: "another"})
		if err := os.WriteFile(filepath.Join(o.cfg.keys(), leaseFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t.Context(), o.cfg); !errors.Is(err, ErrElsewhere) {
			t.Errorf("a directory from another machine: %v", err)
		}
		if err := Mend(o.cfg, one(t, o.cfg, Elsewhere)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := GenerateKeys(o.cfg.keys()); !errors.Is(err, ErrKeysExist) {
		t.Errorf("keys over keys: %v", err)
	}
	if err := os.Remove(filepath.Join(o.cfg.keys(), signStateFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t.Context(), o.cfg); !errors.Is(err, ErrNoSignState) {
		t.Errorf("without the signing state: %v", err)
	}
	one(t, o.cfg, NoSignState)
}
