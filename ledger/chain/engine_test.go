package chain

import (
	"bytes"
	"context"
	"errors"
	"slices"
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
func proves(t *testing.T, n *network, e *engine, a *ledger.Anchored) {
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

func TestDisorderAndForgeries(t *testing.T) {
	n := newNetwork(t, 10)
	o := n.orgs[0]
	var txs [][]byte
	for range 20 {
		txs = append(txs, o.anchor(n.genesis.Chain()))
	}
	forged := bytes.Clone(txs[0])
	forged[len(forged)-1] ^= 1
	for _, bad := range [][]byte{forged, nil, []byte("nonsense"), bare("stranger", 0).anchor(n.genesis.Chain())} {
		if err := o.e.Submit(t.Context(), bad); !errors.Is(err, ledger.ErrRejected) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	slices.Reverse(txs)
	for _, tx := range txs {
		submit(t, o.e, tx)
		submit(t, o.e, tx)
	}
	n.awaitSeq(o.e, o, o.next-1)
	if got := o.e.app.current.Load().log.size; got != 20 {
		t.Fatalf("%d anchors on the chain", got)
	}
	eventually(t, "an empty mempool", func() bool { return o.e.pool.Size() == 0 })
	if st, err := o.e.Status(t.Context()); err != nil || st.Waiting != 0 {
		t.Fatalf("%+v, %v", st, err)
	}
}

func TestFollow(t *testing.T) {
	n := newNetwork(t, 10)
	o := n.orgs[0]
	for range 5 {
		n.commit(o, o.e)
	}
	enough := errors.New("enough")
	var seqs []uint64
	last := int64(0)
	err := o.e.Follow(t.Context(), 0, func(b *ledger.Block) error {
		if b.Height != last+1 {
			t.Errorf("block %d after %d", b.Height, last)
		}
		last = b.Height // the first block, which a chain begins with, may be without anchors
		for _, a := range b.Anchors {
			an, err := verify.DecodeAnchor(a.Bytes)
			if err != nil {
				t.Error(err)
			}
			seqs = append(seqs, an.Seq)
		}
		if len(seqs) > 5 {
			return enough
		}
		if len(seqs) == 5 { // it waits for the next one
			submit(t, o.e, o.anchor(n.genesis.Chain()))
		}
		return nil
	})
	if !errors.Is(err, enough) || !slices.Equal(seqs, []uint64{0, 1, 2, 3, 4, 5}) {
		t.Fatalf("%v, %v", seqs, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.e.Follow(ctx, 1, func(*ledger.Block) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	e := o.e
	n.stop(o)
	if err := e.Follow(t.Context(), 1, func(*ledger.Block) error { return nil }); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := e.Proof(t.Context(), 1); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
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
	t.Run("status", func(t *testing.T) {
		st, err := a.e.Status(t.Context())
		if err != nil || len(st.Peers) != 3 || !st.Voting || !st.SkewKnown || st.Wedged != "" || st.Stopped {
			t.Fatalf("%+v, %v", st, err)
		}
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
