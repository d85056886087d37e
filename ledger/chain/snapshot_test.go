package chain

import (
	"bytes"
	"context"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
)

// history makes a chain of several chunks with members joining on the way.
func history(t *testing.T, blocks int) (*machine, []*org) {
	t.Helper()
	a, b := bare("a", 1), bare("b", 0)
	m := newMachine(t, genesisOf(a, b))
	for i := range blocks {
		var txs [][]byte
		for range 7 {
			txs = append(txs, a.anchor(m.chain, b))
		}
		if i == blocks/2 {
			e := bare("e", 1)
			txs = append(txs, m.proposal(a, Join, e.Member, e))
		}
		m.block(txs...)
	}
	return m, []*org{a, b}
}

func transfer(t *testing.T, from, to *machine, spoil func(chunk uint32, b []byte) []byte) (abci.ResponseApplySnapshotChunk_Result, *abci.Snapshot) {
	t.Helper()
	ctx := context.Background()
	list, err := from.ListSnapshots(ctx, nil)
	if err != nil || len(list.Snapshots) == 0 {
		t.Fatalf("snapshots %v, %v", list, err)
	}
	s := list.Snapshots[len(list.Snapshots)-1]
	at, err := from.store.record(int64(s.Height))
	if err != nil || !at.Sealed {
		t.Fatalf("a snapshot at a height that is not sealed: %v", err)
	}
	sealed := from.current.Load().AppHash // of the last seal; the snapshot is at it or at the one before
	if int64(s.Height) != from.current.Load().Seals[len(from.current.Load().Seals)-1] {
		t.Fatal("not the latest seal")
	}
	offer, err := to.OfferSnapshot(ctx, &abci.RequestOfferSnapshot{Snapshot: s, AppHash: sealed[:]})
	if err != nil || offer.Result != abci.ResponseOfferSnapshot_ACCEPT {
		t.Fatalf("offer: %v, %v", offer, err)
	}
	last := abci.ResponseApplySnapshotChunk_UNKNOWN
	for i := range s.Chunks {
		c, err := from.LoadSnapshotChunk(ctx, &abci.RequestLoadSnapshotChunk{Height: s.Height, Format: s.Format, Chunk: i})
		if err != nil || len(c.Chunk) == 0 || len(c.Chunk) > maxChunk {
			t.Fatalf("chunk %d: %d bytes, %v", i, len(c.Chunk), err)
		}
		b := c.Chunk
		if spoil != nil {
			b = spoil(i, bytes.Clone(b))
		}
		res, err := to.ApplySnapshotChunk(ctx, &abci.RequestApplySnapshotChunk{Index: i, Chunk: b, Sender: "peer"})
		if err != nil {
			t.Fatal(err)
		}
		if last = res.Result; last != abci.ResponseApplySnapshotChunk_ACCEPT {
			break
		}
	}
	return last, s
}

func TestSnapshotCarriesEverything(t *testing.T) {
	m, orgs := history(t, 40)
	if n := m.current.Load().Chunks; n < 3 {
		t.Fatalf("%d chunks test little", n)
	}
	m.block() // the block whose header vouches for the last seal
	fresh := newMachine(t, m.genesis)
	res, s := transfer(t, m, fresh, nil)
	if res != abci.ResponseApplySnapshotChunk_ACCEPT {
		t.Fatal(res)
	}
	got := fresh.current.Load()
	if got.Height != int64(s.Height) || !fresh.unfinished {
		t.Fatalf("restored to %d, snapshot of %d", got.Height, s.Height)
	}
	// From here on both go through the same blocks and end the same.
	for h := got.Height + 1; h <= m.current.Load().Height; h++ {
		b, err := m.store.block(h)
		if err != nil {
			t.Fatal(err)
		}
		var txs [][]byte
		for _, a := range b.Anchors {
			txs = append(txs, a.Bytes)
		}
		fresh.time = b.Time - 500
		fresh.block(append(txs, b.Changes...)...)
	}
	x, y := m.current.Load(), fresh.current.Load()
	if x.Digest != y.Digest || x.Chunks != y.Chunks || x.Filled != y.Filled || x.AppHash != y.AppHash {
		t.Fatalf("%+v\n%+v", x.core, y.core)
	}
	if fresh.unfinished {
		t.Error("the restore is still unfinished after a block")
	}
	if !fresh.accepts(orgs[0].anchor(m.chain)) {
		t.Error("the restored state does not go on")
	}
	reloaded(t, fresh)
}

func TestBadChunksAreFound(t *testing.T) {
	m, _ := history(t, 40)
	m.block()
	for name, spoil := range map[string]func(chunk uint32, b []byte) []byte{
		"a changed byte":   func(_ uint32, b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"a short chunk":    func(_ uint32, b []byte) []byte { return b[:len(b)-1] },
		"an empty chunk":   func(uint32, []byte) []byte { return nil },
		"a trailing block": func(_ uint32, b []byte) []byte { return append(b, b[:100]...) },
	} {
		fresh := newMachine(t, m.genesis)
		if res, _ := transfer(t, m, fresh, spoil); res != abci.ResponseApplySnapshotChunk_RETRY {
			t.Errorf("%s: %v", name, res)
		}
		if fresh.current.Load().Height != 0 {
			t.Errorf("%s: it became the state", name)
		}
		// After a restart nothing of it is left.
		again, err := newApp(m.genesis, fresh.store)
		if err != nil || again.current.Load().Height != 0 {
			t.Errorf("%s: after a restart: %v", name, err)
		}
	}
}
