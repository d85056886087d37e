//go:build real && linux

package real_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
)

// keptBlocks are enough for the headers of the latest snapshot, which is at most 64 anchors old.
const keptBlocks = 100

// prune drops old blocks of nodes that do not run, as they do it themselves when these are 4000 blocks and ten minutes old. It gives the
// lowest height that is kept.
func prune(t *testing.T, nodes ...*member) (base int64) {
	t.Helper()
	for _, n := range nodes {
		dir := filepath.Join(n.dir, "ledger", "chain", "data")
		open := func(name string) dbm.DB {
			db, err := dbm.NewGoLevelDB(name, dir)
			if err != nil {
				t.Fatal(err)
			}
			return db
		}
		blocks, states := store.NewBlockStore(open("blockstore")), sm.NewStore(open("state"), sm.StoreOptions{})
		state, err := states.Load()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := blocks.PruneBlocks(blocks.Height()-keptBlocks, state); err != nil {
			t.Fatal(err)
		}
		base = blocks.Base()
		if err := states.Close(); err != nil {
			t.Fatal(err)
		}
		if err := blocks.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

// write anchors one by one, at all nodes at once.
func writeMuch(t *testing.T, each int, nodes ...*member) {
	t.Helper()
	var all sync.WaitGroup
	for _, n := range nodes {
		token := n.token(t, "clinician")
		all.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%s-much-%d", n.name, i)
				a, err := n.try(t.Context(), token, http.MethodPut, "/Patient/"+id, []byte(patient(id, "Hassan")))
				if err != nil || a.status >= 300 {
					t.Errorf("%s: %v, %v", n.name, a, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// prunedCluster is a ledger whose other members no longer keep what the university, away since early, needs next.
func prunedCluster(t *testing.T, at []address) (c *cluster, away *member) {
	t.Helper()
	c = prepare(t, at)
	c.start(t)
	here, away := c.nodes[:3], c.nodes[3]
	away.ask(t, http.StatusCreated, "clinician PUT /Patient/before", patient("before", "Ali"))
	c.settled(t)
	s, err := away.status(t)
	if err != nil {
		t.Fatal(err)
	}
	away.stop()
	writeMuch(t, 120, here...)
	for _, n := range here {
		n.stop()
	}
	if base := prune(t, here...); base <= s.Height+1 {
		t.Fatalf("blocks from %d on are kept, the one that was away is at %d", base, s.Height)
	}
	for _, n := range here {
		n.launch(t)
	}
	for _, n := range here {
		n.ready(t)
	}
	return c, away
}

// fromSnapshot checks that a node began from a snapshot, says so, and holds a whole and sound ledger.
func fromSnapshot(t *testing.T, n *member) {
	t.Helper()
	s, err := n.status(t)
	if err != nil || s.Snapshot == 0 {
		t.Errorf("%s did not begin from a snapshot: %+v, %v", n.name, s, err)
	}
	if out := n.sijil(t, 0, "audit", n.dir); !strings.Contains(out, "snapshot") {
		t.Errorf("the audit of %s does not say what it rests on: %s", n.name, out)
	}
	log, err := os.ReadFile(n.log)
	if err != nil || !strings.Contains(string(log), "state sync") {
		t.Errorf("the log of %s does not tell of the state sync: %v", n.name, err)
	}
}

// anchored writes at a node and asks that it be anchored.
func anchored(t *testing.T, n *member, id string) {
	t.Helper()
	a := n.ask(t, http.StatusCreated, "clinician PUT /Patient/"+id, patient(id, "Omar"))
	switch ack := a.header.Get("Sijil-Ack"); ack {
	case "anchored":
	case "journalled": // a busy machine may take longer than a request waits
		await(t, n.name+" to anchor "+id, func() bool {
			s, err := n.status(t)
			return err == nil && s.Unanchored == 0
		}, nil)
	default:
		t.Errorf("%s: Sijil-Ack %q", n.name, ack)
	}
}

// TestRealLongAway brings a node back after the others dropped the blocks that it lacks, with its engine in its process and in one of
// its own.
func TestRealLongAway(t *testing.T) {
	for _, engine := range []string{"inside", "child"} {
		t.Run(engine, func(t *testing.T) {
			c, away := prunedCluster(t, loopback(t, 4))
			setConfig(t, away, `"engine": "inside"`, `"engine": "`+engine+`"`)
			away.start(t)
			c.settled(t)
			fromSnapshot(t, away)
			away.ask(t, http.StatusOK, "clinician GET /Patient/before", "")
			anchored(t, away, "after")
			c.settled(t)
			away.stop() // and now with its own blocks
			anchored(t, c.nodes[0], "meanwhile")
			away.start(t)
			c.settled(t)
			fromSnapshot(t, away)
			for _, n := range c.nodes {
				n.sijil(t, 0, "audit", n.dir)
			}
		})
	}
}

// TestRealLateJoiner takes in a fifth member after the founders dropped the ledger's first blocks.
func TestRealLateJoiner(t *testing.T) {
	at := loopback(t, 5)
	c, away := prunedCluster(t, at[:4])
	away.start(t)
	c.settled(t)
	ministry := c.add(t, "ministry", at[4])
	joins(t, c, ministry)
	fromSnapshot(t, ministry)
	anchored(t, ministry, "p5")
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
}

// setConfig changes a setting of a node that does not run.
func setConfig(t *testing.T, n *member, from, to string) {
	t.Helper()
	path := filepath.Join(n.dir, "config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		t.Fatalf("%s has no %s", path, from)
	}
	write(t, path, []byte(strings.Replace(string(b), from, to, 1)))
}
