package chain

import (
	"errors"
	"testing"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// offer asks the pool as CometBFT does.
func (m *machine) offer(tx []byte) uint32 {
	code, _ := m.pool.admit(tx)
	return code
}

func TestPoolAdmits(t *testing.T) {
	a := bare("a", 1)
	m := newMachine(t, genesisOf(a))
	var evicted []verify.Hash
	m.pool.evict = func(id verify.Hash) { evicted = append(evicted, id) }
	txs := [][]byte{a.anchor(m.chain), a.anchor(m.chain), a.anchor(m.chain), a.anchor(m.chain)}
	for i, want := range []uint32{codeOK, codeHeld} {
		if got := m.offer(txs[0]); got != want {
			t.Errorf("offered %d times: code %d, want %d", i+1, got, want)
		}
	}
	if got := m.offer(txs[2]); got != codeEarly {
		t.Errorf("an early one: code %d", got)
	}
	if got := m.offer(bare("stranger", 0).anchor(m.chain)); got != codeInvalid {
		t.Errorf("a stranger's: code %d", got)
	}
	if got := m.offer(txs[1]); got != codeOK {
		t.Errorf("the missing one: code %d", got)
	}
	<-m.pool.ready
	for _, tx := range m.pool.promotable() {
		if got := m.offer(tx); got != codeOK {
			t.Errorf("the early one, in its turn: code %d", got)
		}
	}
	m.block(txs[0], txs[1])
	if got := m.offer(txs[0]); got != codeCommitted {
		t.Errorf("a committed one: code %d", got)
	}
	if m.pool.waiting() != 1 || len(evicted) != 2 {
		t.Errorf("%d waiting, %d taken out", m.pool.waiting(), len(evicted))
	}
	if got := m.offer(txs[3]); got != codeOK {
		t.Errorf("the next one: code %d", got)
	}
}

func TestPoolIsBounded(t *testing.T) {
	a := bare("a", 1)
	m := newMachine(t, genesisOf(a))
	for range window {
		if got := m.offer(a.anchor(m.chain)); got != codeOK {
			t.Fatalf("code %d", got)
		}
	}
	if got := m.offer(a.anchor(m.chain)); got != codeFull {
		t.Fatalf("beyond the window: code %d", got)
	}
	if err := outcome(codeFull, nil); !errors.Is(err, ledger.ErrFull) {
		t.Fatal(err)
	}
}

// TestPoolEvictsWhatABlockMadeVoid: an organisation signed two anchors of one number; a block took the one that this node
// did not have.
func TestPoolEvictsWhatABlockMadeVoid(t *testing.T) {
	a, again := bare("a", 1), bare("a", 1)
	m := newMachine(t, genesisOf(a))
	evicted := map[verify.Hash]bool{}
	m.pool.evict = func(id verify.Hash) { evicted[id] = true }
	m.offer(a.anchor(m.chain))
	m.offer(a.anchor(m.chain))
	other := again.anchor(m.chain)
	an, _ := verify.DecodeAnchor(other)
	an.Control = 7
	an.Signature = again.sign(an.SigningBytes(m.chain))
	m.block(an.Encode())
	if len(evicted) != 2 || m.pool.waiting() != 0 {
		t.Fatalf("%d evicted, %d left", len(evicted), m.pool.waiting())
	}
}

// TestPoolEvictsByMembership: what a lost membership or an old key signed does not stay in the mempool, where CometBFT
// would make blocks for it for ever; nor does a proposal that expired.
func TestPoolEvictsByMembership(t *testing.T) {
	a, follower := bare("a", 1), bare("follower", 0)
	m := newMachine(t, genesisOf(a, follower))
	m.offer(follower.anchor(m.chain))
	e := bare("e", 0)
	m.offer(m.proposal(a, Join, e.Member, e))
	m.block(m.proposal(a, Leave, follower.Member, nil))
	m.block()
	if m.pool.waiting() != 0 {
		t.Fatalf("%d left", m.pool.waiting())
	}
	m.offer(m.proposal(a, Join, e.Member, e))
	if m.pool.waiting() != 1 {
		t.Fatal("a proposal was not admitted")
	}
	if code, err := m.pool.admit(m.proposal(a, Update, renamed(a.Member, "x"), nil)); code != codeInvalid || !errors.Is(err, errProposing) {
		t.Fatalf("a second proposal of one number: %d, %v", code, err)
	}
	m.time += 3_600_000 * 2
	m.block()
	if m.pool.waiting() != 0 {
		t.Fatal("an expired proposal stays")
	}
}
