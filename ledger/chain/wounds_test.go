package chain

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"

	"github.com/sijil-health/sijil/ledger"
)

// tables makes a lone node whose blocks lie in three tables: the next start adds a fourth and puts them together, which reads them all.
func tables(t *testing.T) (n *network, o *org, list []string) {
	t.Helper()
	n = newNetwork(t, 10)
	o = n.orgs[0]
	for range 3 {
		for range 10 {
			n.commit(o, o.e)
		}
		n.stop(o)
		n.start(o)
	}
	for range 10 {
		n.commit(o, o.e)
	}
	n.stop(o)
	list, err := filepath.Glob(filepath.Join(o.cfg.Dir, "data", "blockstore.db", "*.ldb"))
	if err != nil || len(list) != 3 {
		t.Fatalf("tables %v, %v", list, err)
	}
	slices.Sort(list)
	return n, o, list
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 0x5a
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamageIsMetWhileRunning damages old blocks. CometBFT meets that when its database puts its tables together, and cannot store a block
// any more. The node says so, can be stopped, and the next start, in which CometBFT panics, ends with an error that names the file.
func TestDamageIsMetWhileRunning(t *testing.T) {
	n, o, list := tables(t)
	flip(t, list[0], 100)
	n.start(o)
	if err := o.e.Submit(t.Context(), o.anchor(n.genesis.Chain())); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the status to name the file", func() bool {
		st, err := o.e.Status(t.Context())
		return err == nil && st.Stopped && st.Wedged != "" && strings.Contains(st.Damage, list[0])
	})
	n.stop(o)
	e, err := open(t.Context(), o.cfg)
	if err == nil {
		o.e = e
		t.Fatal("it starts")
	}
	if !errors.Is(err, ErrWedged) || !strings.Contains(err.Error(), list[0]) {
		t.Errorf("the start says %v", err)
	}
	found, err := Diagnose(o.cfg)
	if err != nil || len(found) != 1 || found[0].Trouble != BadBlocks || !strings.Contains(found[0].What, list[0]) {
		t.Errorf("the doctor finds %+v, %v", found, err)
	}
}

// TestDamagedBlockIsNoPanic asks for every block of a node of whose blocks one is damaged.
func TestDamagedBlockIsNoPanic(t *testing.T) {
	n, o, list := tables(t)
	b, err := os.ReadFile(list[1])
	if err != nil {
		t.Fatal(err)
	}
	flip(t, list[1], int64(len(b)/2)) // among the parts of blocks
	n.start(o)
	var damage *ledger.Damage
	for height := int64(1); height <= o.e.app.current.Load().Height; height++ {
		if _, err := o.e.Proof(t.Context(), height); err != nil && !errors.As(err, &damage) {
			t.Errorf("block %d: %v", height, err)
		}
		if _, _, err := o.e.fed(height, nil); err != nil && !errors.As(err, &damage) {
			t.Errorf("feed of block %d: %v", height, err)
		}
	}
	if damage == nil || damage.File != list[1] {
		t.Errorf("the damage is named %+v", damage)
	}
}

// TestWhereNobodyRecovers has a read and a write fail in goroutines of different kinds.
func TestWhereNobodyRecovers(t *testing.T) {
	_, o, list := tables(t)
	for _, table := range list {
		flip(t, table, 100)
	}
	opened := &databases{wounds: &wounds{log: discard}}
	db, err := opened.open(&cmtcfg.DBContext{ID: "blockstore", Config: o.cfg.comet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.close() })          // it says again what is damaged
	first := []byte("BH:8" + strings.Repeat("0", 63)) // among the hashes, which lie in the first piece of each table
	if v, err := loading(func() *[]byte { b := mustGet(db, first); return &b }); !isDamage(err) {
		t.Errorf("where this package recovers: %v, %v", v, err)
	}
	if opened.wounds.ended.Load() != nil {
		t.Error("a goroutine was ended that recovers")
	}
	var all sync.WaitGroup
	all.Go(func() {
		mustGet(db, first)
		t.Error("a goroutine goes on that would have panicked")
	})
	all.Wait()
	if d := opened.wounds.ended.Load(); d == nil || filepath.Dir(d.File) != filepath.Dir(list[0]) {
		t.Errorf("noted: %+v", d)
	}
}

func mustGet(db dbm.DB, key []byte) []byte {
	b, err := db.Get(key)
	if err != nil {
		panic(err)
	}
	return b
}
