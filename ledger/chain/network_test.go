package chain

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// org is an organisation of a test: its keys, its node, and how far it anchored.
type org struct {
	verify.Member
	key     ed25519.PrivateKey
	cfg     Config
	e       *engine
	mu      sync.Mutex
	next    uint64
	prev    verify.Hash
	control uint64
}

// network is a ledger kept by real nodes in this process, on free ports of 127.0.0.1.
type network struct {
	t       testing.TB
	genesis *verify.Genesis
	orgs    []*org
}

// until fails a test that waits for longer than any machine needs.
const until = 60 * time.Second

func testKey(name string) ed25519.PrivateKey {
	seed := [32]byte{}
	copy(seed[:], name)
	return ed25519.NewKeyFromSeed(seed[:])
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newOrg makes an organisation with keys in a directory of the test.
func newOrg(t testing.TB, name string, power int64) *org {
	t.Helper()
	o := &org{key: testKey(name)}
	dir := t.TempDir()
	id, validator, err := GenerateKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	copy(o.Key[:], o.key.Public().(ed25519.PublicKey))
	o.Org, o.Name, o.Power, o.NodeID, o.P2P = verify.OrgOf(o.Key), name, power, id, freePort(t)
	if power > 0 {
		o.Validator = validator
	}
	o.cfg = Config{Dir: dir, Listen: o.P2P}
	if os.Getenv("SIJIL_TEST_LOG") != "" {
		o.cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})).With("node", name)
	}
	return o
}

// newNetwork makes organisations with the given powers and starts their nodes.
func newNetwork(t testing.TB, powers ...int64) *network {
	t.Helper()
	n := &network{t: t, genesis: &verify.Genesis{Time: time.Now().UnixMilli()}}
	for i, power := range powers {
		o := newOrg(t, fmt.Sprintf("org %d", i), power)
		n.orgs = append(n.orgs, o)
		n.genesis.Members = append(n.genesis.Members, o.Member)
	}
	slices.SortFunc(n.genesis.Members, func(a, b verify.Member) int { return slices.Compare(a.Org[:], b.Org[:]) })
	copy(n.genesis.Nonce[:], t.Name())
	for _, o := range n.orgs {
		n.start(o)
	}
	t.Cleanup(func() {
		for _, o := range n.orgs {
			n.stop(o)
		}
	})
	return n
}

func (n *network) start(o *org) {
	n.t.Helper()
	o.cfg.Genesis = n.genesis
	e, err := open(n.t.Context(), o.cfg)
	if err != nil {
		n.t.Fatalf("start %s: %v", o.Name, err)
	}
	o.e = e
}

func (n *network) stop(o *org) {
	if o.e != nil {
		if err := o.e.Close(); err != nil {
			n.t.Errorf("stop %s: %v", o.Name, err)
		}
		o.e = nil
	}
}

// anchor makes the organisation's next anchor, with statements of custodians.
func (o *org) anchor(chain string, custodians ...*org) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := &verify.Anchor{Org: o.Org, Seq: o.next, Prev: o.prev, Control: o.control, Count: verify.MinBatch, Time: time.Now().UnixMilli()}
	binary.BigEndian.PutUint64(a.Root[:], o.next)
	statement := a.CustodyBytes(chain)
	slices.SortFunc(custodians, func(x, y *org) int { return slices.Compare(x.Org[:], y.Org[:]) })
	for _, c := range custodians {
		s := verify.Signature(ed25519.Sign(c.key, statement))
		a.Custodians = append(a.Custodians, verify.Custody{Org: c.Org, Signature: s})
	}
	a.Signature = verify.Signature(ed25519.Sign(o.key, a.SigningBytes(chain)))
	o.next, o.prev = o.next+1, a.ID()
	return a.Encode()
}

// submit puts a transaction in, waiting while the engine is full.
func submit(t testing.TB, e ledger.Engine, tx []byte) {
	t.Helper()
	for {
		err := e.Submit(t.Context(), tx)
		if err == nil {
			return
		}
		if !errors.Is(err, ledger.ErrFull) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// await waits until a condition holds of the states that a node goes through.
func await(t testing.TB, e *engine, what string, ok func(*state) bool) {
	t.Helper()
	timeout := time.After(until)
	for {
		moved := e.app.wait()
		if ok(e.app.current.Load()) {
			return
		}
		select {
		case <-moved:
		case <-timeout:
			st, _ := e.Status(context.Background())
			t.Fatalf("waited %v for %s; status %+v", until, what, st)
		}
	}
}

// eventually waits until a condition holds that no block announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(until); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", until, what)
		}
	}
}

// commit anchors once and waits until a node has it.
func (n *network) commit(o *org, at *engine) {
	n.t.Helper()
	submit(n.t, o.e, o.anchor(n.genesis.Chain()))
	n.awaitSeq(at, o, o.next-1)
}

func (n *network) awaitSeq(at *engine, o *org, seq uint64) {
	n.t.Helper()
	await(n.t, at, fmt.Sprintf("anchor %d of %s", seq, o.Name), func(s *state) bool {
		h, ok := s.heads[o.Org]
		return ok && h.Seq >= seq
	})
}
