package chain

import (
	"errors"
	"testing"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

func TestLoneNodeCommitsAndProves(t *testing.T) {
	n := newNetwork(t, 10)
	o := n.orgs[0]
	n.commit(o, o.e)
	a, err := o.e.Anchor(t.Context(), o.Org, 0)
	if err != nil {
		t.Fatal(err)
	}
	proves(t, n, o.e, a)
	if err := o.e.Submit(t.Context(), a.Bytes); err != nil {
		t.Errorf("submitted again once committed: %v", err)
	}
	if _, err := o.e.Anchor(t.Context(), o.Org, 1); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an anchor that is not there: %v", err)
	}
}

// proves checks a block's proof with package verify alone, as a stranger would.
func proves(t *testing.T, n *network, e *Engine, a *ledger.Anchored) {
	t.Helper()
	p, err := e.Proof(t.Context(), a.Height)
	if err != nil {
		t.Fatal(err)
	}
	ep, err := e.Epoch(t.Context(), p.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ep.Validators.VerifyCommit(n.genesis.Chain(), &p.Header, &p.Commit); err != nil {
		t.Fatal(err)
	}
	if p.Txs[a.Tx] != a.ID {
		t.Fatalf("transaction %d of block %d is not the anchor", a.Tx, a.Height)
	}
	if got := dataHash(p.Txs); got != p.Header.Data {
		t.Fatalf("the transactions give %s, the header says %s", got, p.Header.Data)
	}
}

// dataHash is the RFC 6962 root over the hashes of transactions.
func dataHash(txs []verify.Hash) verify.Hash {
	var f frontier
	for _, tx := range txs {
		f = f.add(tx, func(uint8, uint64, verify.Hash) {})
	}
	return f.root()
}

func TestIdleChainMakesNoBlocks(t *testing.T) {
	n := newNetwork(t, 10)
	o := n.orgs[0]
	for range 3 * sealEvery / 2 {
		submit(t, o.e, o.anchor(n.genesis.Chain()))
	}
	n.awaitSeq(o.e, o, o.next-1)
	settled := func() int64 {
		time.Sleep(300 * time.Millisecond) // for the block that carries the application hash
		return o.e.app.current.Load().Height
	}
	before := settled()
	s := o.e.app.current.Load()
	if s.Sealed < sealEvery {
		t.Fatalf("%d anchors, %d sealed", s.log.size, s.Sealed)
	}
	time.Sleep(3 * time.Second)
	if after := o.e.app.current.Load().Height; after != before {
		t.Fatalf("an idle chain went from block %d to %d", before, after)
	}
}

func TestFourNodes(t *testing.T) {
	n := newNetwork(t, 10, 10, 10, 10)
	a, b, c, d := n.orgs[0], n.orgs[1], n.orgs[2], n.orgs[3]
	n.commit(a, d.e)
	t.Run("with custodians", func(t *testing.T) {
		submit(t, b.e, b.anchor(n.genesis.Chain(), a, c))
		n.awaitSeq(a.e, b, b.next-1)
		on, err := a.e.Anchor(t.Context(), b.Org, b.next-1)
		if err != nil {
			t.Fatal(err)
		}
		proves(t, n, a.e, on)
	})
	t.Run("one stopped", func(t *testing.T) {
		n.stop(d)
		for range 8 {
			n.commit(a, b.e)
		}
	})
	t.Run("restart catches up", func(t *testing.T) {
		n.start(d)
		n.awaitSeq(d.e, a, a.next-1)
		n.commit(d, a.e)
	})
	t.Run("two stopped", func(t *testing.T) {
		n.stop(c)
		n.stop(d)
		height := a.e.app.current.Load().Height
		submit(t, a.e, a.anchor(n.genesis.Chain()))
		time.Sleep(2 * time.Second)
		if h := a.e.app.current.Load().Height; h != height {
			t.Fatalf("two of four made block %d", h)
		}
		n.start(c)
		n.start(d)
		n.awaitSeq(c.e, a, a.next-1)
	})
}
