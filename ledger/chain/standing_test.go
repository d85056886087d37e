package chain

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// gated is a source that answers once it is open.
type gated struct {
	LightSource
	open atomic.Bool
}

func (g *gated) Light(ctx context.Context, height int64) ([]byte, error) {
	if !g.open.Load() {
		return nil, ledger.ErrDown
	}
	return g.LightSource.Light(ctx, height)
}

// TestBeginsAgainByItself lets a newcomer find out only while it runs that nobody keeps the blocks it needs. Whoever follows it sees every
// block once, and afterwards it says where its own blocks begin.
func TestBeginsAgainByItself(t *testing.T) {
	n, hospital, clinic := pruned(t)

	source := &gated{LightSource: hospital.e}
	root, err := hospital.e.LogRoot(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	c := verify.NewCheckpoint(n.genesis.Chain(), 0, n.genesis.Members, 5, 5, root)
	clinic.cfg.Dir, clinic.cfg.Keys = t.TempDir(), clinic.cfg.keys()
	clinic.cfg.StateSync = &StateSync{Source: source, Trusted: []*verify.Checkpoint{c}}
	e, err := Open(t.Context(), clinic.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	enough := errors.New("enough")
	followed := make(chan error, 1)
	go func() {
		next := int64(1)
		followed <- e.Follow(ctx, 0, func(b *ledger.Block) error {
			if b.Height != next {
				return errors.New("a block out of order")
			}
			if next++; b.LogSize == hospital.next {
				return enough
			}
			return nil
		})
	}()
	source.open.Store(true)
	if err := <-followed; !errors.Is(err, enough) {
		t.Fatal(err)
	}
	st, err := e.Status(t.Context())
	if err != nil || st.Begun == 0 || st.Restoring || st.Restarts != 1 || st.Height < st.Begun {
		t.Fatalf("%+v, %v", st, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Status(t.Context()); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestTrustedCheckpoints refuses a history that does not go through what the operator trusts.
func TestTrustedCheckpoints(t *testing.T) {
	m, _ := history(t, 40)
	m.block()
	f, err := m.store.frontierAt(20)
	if err != nil {
		t.Fatal(err)
	}
	good := verify.NewCheckpoint(m.chain, 0, m.genesis.Members, 3, 20, f.root())
	bad := *good
	bad.Root[0] ^= 1
	ahead := *good
	ahead.Size = 1 << 30
	for name, c := range map[string]struct {
		trusted []*verify.Checkpoint
		want    bool
	}{
		"its own log": {[]*verify.Checkpoint{good, &ahead}, true}, "another log": {[]*verify.Checkpoint{good, &bad}, false},
	} {
		fresh := newMachine(t, m.genesis)
		fresh.trusted = c.trusted
		transfer(t, m, fresh, nil)
		if got := fresh.current.Load().Height > 0; got != c.want {
			t.Errorf("%s: taken in: %v", name, got)
		}
	}
}
