package chain

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// fatal is what the state machine's tests need of testing.T and rapid.T.
type fatal interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// machine drives the state machine over ABCI, without CometBFT.
type machine struct {
	t fatal
	*app
	time int64
}

// bare makes an organisation without a node.
func bare(name string, power int64) *org {
	o := &org{key: testKey(name)}
	copy(o.Key[:], o.key.Public().(ed25519.PublicKey))
	o.Org, o.Name, o.Power = verify.OrgOf(o.Key), name, power
	o.NodeID = fmt.Sprintf("%x%x", o.Org[:], make([]byte, 12))
	if power > 0 {
		copy(o.Validator[:], testKey("validator "+name).Public().(ed25519.PublicKey))
	}
	return o
}

func genesisOf(orgs ...*org) *verify.Genesis {
	g := &verify.Genesis{Time: 1_700_000_000_000}
	for _, o := range orgs {
		g.Members = append(g.Members, o.Member)
	}
	slices.SortFunc(g.Members, func(a, b verify.Member) int { return slices.Compare(a.Org[:], b.Org[:]) })
	return g
}

func newMachine(t fatal, g *verify.Genesis) *machine {
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Logger: pebbleLog{discard, new(shortage)}, FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	return machineOn(t, g, &store{db: db, full: 20 << 10})
}

func machineOn(t fatal, g *verify.Genesis, st *store) *machine {
	a, err := newApp(g, st)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t, a, g.Time}
	if _, err := a.InitChain(context.Background(), &abci.RequestInitChain{ChainId: g.Chain(), InitialHeight: 1}); err != nil {
		t.Fatal(err)
	}
	return m
}

// block executes a block and gives CometBFT's view of it.
func (m *machine) block(txs ...[]byte) *abci.ResponseFinalizeBlock { return m.blockWith(nil, txs...) }

func (m *machine) blockWith(bad []abci.Misbehavior, txs ...[]byte) *abci.ResponseFinalizeBlock {
	m.time += 500
	res, err := m.FinalizeBlock(context.Background(), &abci.RequestFinalizeBlock{
		Height: m.current.Load().Height + 1, Time: time.UnixMilli(m.time), Txs: txs, Misbehavior: bad,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.Commit(context.Background(), nil); err != nil {
		m.t.Fatal(err)
	}
	return res
}

// accepts tells whether a validator votes for a block of these transactions.
func (m *machine) accepts(txs ...[]byte) bool {
	res, err := m.ProcessProposal(context.Background(), &abci.RequestProcessProposal{
		Height: m.current.Load().Height + 1, Time: time.UnixMilli(m.time + 500), Txs: txs,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return res.IsAccepted()
}

// proposes gives the block that the proposer makes of a mempool.
func (m *machine) proposes(txs ...[]byte) [][]byte {
	res, err := m.PrepareProposal(context.Background(), &abci.RequestPrepareProposal{
		Height: m.current.Load().Height + 1, Time: time.UnixMilli(m.time + 500), Txs: txs, MaxTxBytes: maxBlock,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return res.Txs
}

func TestProposalRefuses(t *testing.T) {
	a, b, stranger := bare("a", 1), bare("b", 0), bare("stranger", 0)
	m := newMachine(t, genesisOf(a, b))
	one, two, three := a.anchor(m.chain), a.anchor(m.chain, b), a.anchor(m.chain)
	forged := bytes.Clone(one)
	forged[20] ^= 1
	badCustodian := bare("a", 1).anchor(m.chain, b)
	badCustodian[len(badCustodian)-64-1] ^= 1
	for name, tc := range map[string]struct {
		txs  [][]byte
		want bool
	}{
		"nothing":            {nil, true},
		"a run":              {[][]byte{one, two, three}, true},
		"a gap":              {[][]byte{one, three}, false},
		"a start in between": {[][]byte{two}, false},
		"a disorder":         {[][]byte{two, one}, false},
		"twice the same":     {[][]byte{one, one}, false},
		"a forged root":      {[][]byte{forged}, false},
		"another chain":      {[][]byte{bare("a", 1).anchor("sijil-other")}, false},
		"a stranger":         {[][]byte{stranger.anchor(m.chain)}, false},
		"a strange holder":   {[][]byte{bare("a", 1).anchor(m.chain, stranger)}, false},
		"a forged statement": {[][]byte{badCustodian}, false},
		"an empty one":       {[][]byte{{}}, false},
		"a trailing byte":    {[][]byte{append(bytes.Clone(one), 0)}, false},
		"an unknown kind":    {[][]byte{{0x7f, 1, 2}}, false},
	} {
		if got := m.accepts(tc.txs...); got != tc.want {
			t.Errorf("%s: accepted %v", name, got)
		}
	}
	risen := bare("a", 1)
	risen.control = 7
	high := risen.anchor(m.chain)
	risen.control = 6
	falls := risen.anchor(m.chain)
	risen.next, risen.prev, risen.control = 0, verify.Hash{}, 7
	again := risen.anchor(m.chain)
	same := risen.anchor(m.chain)
	if m.accepts(high, falls) {
		t.Error("the control number may fall")
	}
	if !m.accepts(again, same) {
		t.Error("the control number may not stay")
	}
	m.block(one)
	if m.accepts(one) || !m.accepts(two) {
		t.Error("after a block its anchor stands again, or the next does not")
	}
}

// TestRandomHistories lets random mempools of several organisations, with gaps, repeats, disorder and forgeries, become
// blocks, and compares the chain with what each organisation made.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		orgs := []*org{bare("a", 3), bare("b", 1), bare("c", 0)}
		m := newMachine(t, genesisOf(orgs...))
		other := newMachine(t, genesisOf(orgs...)) // without the first's caches and mempool
		other.seen = nil
		made := map[verify.OrgID][][]byte{}
		var pool [][]byte
		for range rapid.IntRange(1, 12).Draw(t, "blocks") {
			for range rapid.IntRange(0, 40).Draw(t, "new") {
				o := rapid.SampledFrom(orgs).Draw(t, "org")
				tx := o.anchor(m.chain)
				made[o.Org] = append(made[o.Org], tx)
				pool = append(pool, tx)
			}
			offered := rapid.Permutation(pool).Draw(t, "order")
			offered = offered[:rapid.IntRange(0, len(offered)).Draw(t, "known")]
			if len(offered) > 0 && rapid.Bool().Draw(t, "forge") {
				bad := bytes.Clone(rapid.SampledFrom(offered).Draw(t, "victim"))
				bad[rapid.IntRange(0, len(bad)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				offered = append(offered, bad, offered[0])
			}
			block := m.proposes(offered...)
			if !other.accepts(block...) {
				t.Fatal("an honest proposal was refused")
			}
			x, y := m.block(block...), other.block(block...)
			if !bytes.Equal(x.AppHash, y.AppHash) || m.current.Load().Digest != other.current.Load().Digest {
				t.Fatal("two nodes differ after the same blocks")
			}
		}
		checkHistory(t, m, made)
		checkLog(t, m)
		reloaded(t, m)
	})
}

// checkHistory compares the chain with a beginning of what each organisation made.
func checkHistory(t *rapid.T, m *machine, made map[verify.OrgID][][]byte) {
	s, seen := m.current.Load(), map[verify.OrgID]int{}
	for h := int64(1); h <= s.Height; h++ {
		b, err := m.store.block(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range b.Anchors {
			an, _ := verify.DecodeAnchor(a.Bytes)
			if !bytes.Equal(a.Bytes, made[an.Org][seen[an.Org]]) || an.Seq != uint64(seen[an.Org]) {
				t.Fatalf("anchor %d of %s is another", an.Seq, an.Org)
			}
			on, err := m.store.byOrder(an.Org, an.Seq)
			if err != nil || on.ID != a.ID || on.Height != h {
				t.Fatalf("by order: %v, %v", on, err)
			}
			seen[an.Org]++
		}
	}
	for org, n := range seen {
		if s.heads[org].Seq != uint64(n-1) {
			t.Fatalf("head of %s is %d, the chain has %d", org, s.heads[org].Seq, n)
		}
	}
}

// checkLog compares the stored log with one made from scratch, at sizes on the way, and checks its proofs.
func checkLog(t *rapid.T, m *machine) {
	s := m.current.Load()
	if s.log.size == 0 {
		return
	}
	roots := []verify.Hash{frontier{}.root()}
	var f frontier
	for i := range s.log.size {
		a, err := m.store.anchor(i)
		if err != nil {
			t.Fatal(err)
		}
		f = f.add(a.ID, func(uint8, uint64, verify.Hash) {})
		roots = append(roots, f.root())
	}
	if s.log.root() != f.root() {
		t.Fatal("the log's root is another")
	}
	size := rapid.Uint64Range(1, s.log.size).Draw(t, "size")
	stored, err := m.store.frontierAt(size)
	if err != nil || stored.root() != roots[size] {
		t.Fatalf("root of size %d: %v", size, err)
	}
	index := rapid.Uint64Range(0, size-1).Draw(t, "index")
	a, _ := m.store.anchor(index)
	path, err := m.store.inclusion(index, size)
	if err != nil {
		t.Fatal(err)
	}
	checkInclusion(t, a.ID, index, size, path, roots[size])
	from := rapid.Uint64Range(0, size).Draw(t, "from")
	path, err = m.store.consistency(from, size)
	if err != nil {
		t.Fatal(err)
	}
	checkConsistency(t, from, size, path, roots[from], roots[size])
}

// reloaded checks that a restart finds the same state.
func reloaded(t fatal, m *machine) {
	s, err := m.store.load()
	if err != nil {
		t.Fatal(err)
	}
	was := m.current.Load()
	if s.Digest != was.Digest || s.log.root() != was.log.root() || len(s.heads) != len(was.heads) ||
		len(s.epochs) != len(was.epochs) || s.offences != was.offences || s.time != was.time {
		t.Fatalf("a restart finds another state:\n%+v\n%+v", s, was)
	}
}

func TestSealsAreRare(t *testing.T) {
	a := bare("a", 1)
	m := newMachine(t, genesisOf(a))
	moves, last := 0, m.current.Load().AppHash
	for range 5 * sealEvery {
		m.block(a.anchor(m.chain))
		if now := m.current.Load().AppHash; now != last {
			moves, last = moves+1, now
		}
		m.block() // a block without transactions moves nothing
		if m.current.Load().AppHash != last {
			t.Fatal("an empty block moved the application hash")
		}
	}
	if moves != 5 {
		t.Fatalf("the application hash moved %d times", moves)
	}
}

func TestEvidenceIsRecorded(t *testing.T) {
	a, b := bare("a", 1), bare("b", 1)
	m := newMachine(t, genesisOf(a, b))
	addr := (&verify.Validator{Key: b.Validator}).Address()
	for i := range keptEvidence + 4 {
		m.blockWith([]abci.Misbehavior{{
			Type: abci.MisbehaviorType_DUPLICATE_VOTE, Height: int64(i + 1), Time: time.UnixMilli(m.time),
			Validator: abci.Validator{Address: addr[:], Power: 1},
		}})
	}
	s := m.current.Load()
	if s.offences != keptEvidence+4 || len(s.evidence) != keptEvidence {
		t.Fatalf("%d offences, %d kept", s.offences, len(s.evidence))
	}
	last := s.evidence[keptEvidence-1]
	want := ledger.Evidence{Kind: "duplicate vote", Org: b.Org, Validator: addr, Height: 20, Recorded: 20, Time: last.Time}
	if last != want {
		t.Fatalf("%+v", last)
	}
	reloaded(t, m)
}

func TestFilterAdmitsMembersOnly(t *testing.T) {
	a := bare("a", 1)
	m := newMachine(t, genesisOf(a))
	m.friends["00112233445566778899aabbccddeeff00112233"] = true
	for path, want := range map[string]bool{
		filterID + a.NodeID: true,
		filterID + "00112233445566778899aabbccddeeff00112233": true,
		filterID + "ff112233445566778899aabbccddeeff00112233": false,
		filterID:               false,
		filterAddr + "1.2.3.4": true,
		"/store":               false,
	} {
		res, err := m.Query(context.Background(), &abci.RequestQuery{Path: path})
		if err != nil || res.IsOK() != want {
			t.Errorf("%s: %v, %v", path, res, err)
		}
	}
}

func TestWrongChainIsRefused(t *testing.T) {
	m := newMachine(t, genesisOf(bare("a", 1)))
	if _, err := m.InitChain(t.Context(), &abci.RequestInitChain{ChainId: "sijil-other", InitialHeight: 1}); err == nil {
		t.Error("another chain's genesis")
	}
	if _, err := m.FinalizeBlock(t.Context(), &abci.RequestFinalizeBlock{Height: 7}); err == nil {
		t.Error("a block out of order")
	}
	if _, err := m.Commit(t.Context(), nil); err == nil {
		t.Error("a commit of nothing")
	}
	if _, err := m.store.anchor(0); !errors.Is(err, ledger.ErrNotFound) {
		t.Error(err)
	}
}
