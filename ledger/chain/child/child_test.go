package child

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// childDir makes the test binary a child: it serves the node of that directory.
const childDir = "SIJIL_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveChild(dir string) error {
	conn, err := Conn()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "genesis.json"))
	if err != nil {
		return err
	}
	g := new(verify.Genesis)
	if err := json.Unmarshal(b, g); err != nil {
		return err
	}
	return Serve(context.Background(), conn, func(ctx context.Context, _ chain.Feed) (ledger.Engine, error) {
		if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(fmt.Sprint(os.Getpid())), 0o600); err != nil {
			return nil, err
		}
		return chain.Open(ctx, chain.Config{Dir: dir, Genesis: g, Listen: g.Members[0].P2P})
	})
}

// lone makes a lone member's directory.
func lone(t *testing.T) (dir string, g *verify.Genesis, key ed25519.PrivateKey) {
	t.Helper()
	dir, key = t.TempDir(), ed25519.NewKeyFromSeed(make([]byte, 32))
	id, validator, err := chain.GenerateKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	pub := verify.PublicKey(key.Public().(ed25519.PublicKey))
	g = &verify.Genesis{Time: time.Now().UnixMilli(), Members: []verify.Member{{
		Org: verify.OrgOf(pub), Name: "lone", Key: pub, Validator: validator, Power: 1, NodeID: id, P2P: l.Addr().String(),
	}}}
	b, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "genesis.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, g, key
}

func anchors(g *verify.Genesis, key ed25519.PrivateKey, n int) [][]byte {
	var txs [][]byte
	var prev verify.Hash
	for seq := range n {
		a := &verify.Anchor{Org: g.Members[0].Org, Seq: uint64(seq), Prev: prev, Count: verify.MinBatch}
		a.Signature = verify.Signature(ed25519.Sign(key, a.SigningBytes(g.Chain())))
		prev = a.ID()
		txs = append(txs, a.Encode())
	}
	return txs
}

// put submits until the engine, which may be down, takes it.
func put(t *testing.T, e ledger.Engine, tx []byte) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := e.Submit(t.Context(), tx)
		if err == nil {
			return
		}
		if !errors.Is(err, ledger.ErrDown) && !errors.Is(err, ledger.ErrFull) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestChildSurvivesKill(t *testing.T) {
	dir, g, key := lone(t)
	t.Setenv(childDir, dir)
	e, err := Start(t.Context(), Options{Argv: []string{os.Args[0], "-test.run=^$"}})
	if err != nil {
		t.Fatal(err)
	}
	txs := anchors(g, key, 60)
	var mu sync.Mutex
	var got [][]byte
	heights := int64(0)
	done, fail := make(chan struct{}), make(chan error, 1)
	go func() {
		fail <- e.Follow(t.Context(), 0, func(b *ledger.Block) error {
			if b.Height != heights+1 {
				return fmt.Errorf("block %d after %d", b.Height, heights)
			}
			heights = b.Height
			mu.Lock()
			defer mu.Unlock()
			for _, a := range b.Anchors {
				if got = append(got, a.Bytes); len(got) == len(txs) {
					close(done)
				}
			}
			return nil
		})
	}()
	for i, tx := range txs {
		if i == 20 || i == 40 {
			killChild(t, dir)
		}
		put(t, e, tx)
	}
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case err := <-fail:
			t.Fatal(err)
		case <-time.After(2 * time.Second): // what the killed child held is submitted again
			for _, tx := range txs {
				put(t, e, tx)
			}
		}
	}
	if diff := cmp.Diff(txs, got); diff != "" {
		t.Fatal(diff)
	}
	answers(t, e, g, txs)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Submit(t.Context(), txs[0]); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := <-fail; !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("follower after Close: %v", err)
	}
}

func killChild(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// answers asks each method once over the connection.
func answers(t *testing.T, e ledger.Engine, g *verify.Genesis, txs [][]byte) {
	t.Helper()
	ctx, org := t.Context(), g.Members[0].Org
	a, err := e.Anchor(ctx, org, 7)
	if err != nil || !bytes.Equal(a.Bytes, txs[7]) {
		t.Errorf("Anchor: %v", err)
	}
	if at, err := e.AnchorAt(ctx, a.Index); err != nil || at.ID != a.ID {
		t.Errorf("AnchorAt: %v", err)
	}
	if h, ok, err := e.Head(ctx, org); err != nil || !ok || h.Seq != uint64(len(txs)-1) {
		t.Errorf("Head: %v %v %v", h, ok, err)
	}
	p, err := e.Proof(ctx, a.Height)
	if err != nil || p.Txs[a.Tx] != a.ID {
		t.Errorf("Proof: %v", err)
	}
	if ep, err := e.Epoch(ctx, p.Epoch); err != nil || ep.Validators.Hash() != p.Header.Validators {
		t.Errorf("Epoch: %v", err)
	}
	if _, err := e.Epoch(ctx, 9); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an epoch that is not there: %v", err)
	}
	if _, err := e.LogProof(ctx, 3, 20); err != nil {
		t.Errorf("LogProof: %v", err)
	}
	if r, err := e.LogRoot(ctx, 20); err != nil || r.IsZero() {
		t.Errorf("LogRoot: %v", err)
	}
	if _, err := e.Consistency(ctx, 3, 20); err != nil {
		t.Errorf("Consistency: %v", err)
	}
	if m, err := e.Members(ctx); err != nil || len(m.Members) != 1 {
		t.Errorf("Members: %v", err)
	}
	if m, err := e.MembersAt(ctx, 2); err != nil || len(m.Members) != 1 {
		t.Errorf("MembersAt: %v", err)
	}
	if _, err := e.Light(ctx, 1); err != nil {
		t.Errorf("Light: %v", err)
	}
	if st, err := e.Status(ctx); err != nil || st.Restarts != 2 || st.LogSize != uint64(len(txs)) || !st.Voting || st.Committed.IsZero() {
		t.Errorf("Status: %+v, %v", st, err)
	}
	if err := e.Submit(ctx, []byte("nonsense")); !errors.Is(err, ledger.ErrRejected) {
		t.Errorf("nonsense: %v", err)
	}
}

func TestStartTellsWhyTheChildDoesNotOpen(t *testing.T) {
	dir, g, _ := lone(t)
	held, err := chain.Open(t.Context(), chain.Config{Dir: dir, Genesis: g, Listen: g.Members[0].P2P})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	t.Setenv(childDir, dir)
	if _, err := Start(t.Context(), Options{Argv: []string{os.Args[0], "-test.run=^$"}}); !errors.Is(err, chain.ErrInUse) {
		t.Fatalf("a directory in use: %v", err)
	}
	if _, err := Start(t.Context(), Options{Argv: []string{"/nonexistent"}}); err == nil {
		t.Fatal("a command that is not there")
	}
}

func FuzzReadFrame(f *testing.F) {
	var b bytes.Buffer
	if err := writeFrame(&b, &frame{ID: 1, Kind: kindCall, Method: callOpen}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{0, 0, 0, 1, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if fr, err := readFrame(bytes.NewReader(b)); err == nil {
			var again bytes.Buffer
			if err := writeFrame(&again, fr); err != nil {
				t.Fatal(err)
			}
		}
	})
}
