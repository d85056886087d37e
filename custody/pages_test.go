package custody

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// pageless is an owner whose key store its one custodian holds, and the gate that the next pages wait at.
func pageless(t *testing.T, copies int) (o *owner, store *keyStore, gate chan struct{}) {
	t.Helper()
	c := newCluster(t, 2)
	c.patience = 20 * time.Second
	o, store, gate = c.nodes[0].own(copies, journal.Options{}), &keyStore{pages: make(map[uint64]Page)}, make(chan struct{})
	store.write(TopPage, 1)
	o.start(Sources{Pages: store})
	eventually(t, "the key store is held", func() bool { return o.repl.HoldPages(2)(context.Background()) == 1 })
	c.nodes[1].intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Path == pathPages {
			<-gate
		}
		return false
	})
	return o, store, gate
}

func TestPagesOnTheirWayAreWaitedFor(t *testing.T) {
	t.Parallel()
	o, store, gate := pageless(t, 2)
	store.write(1)
	first := o.repl.HoldPages(3)
	second := o.repl.HoldPages(3)
	done := make(chan int, 2)
	for _, wait := range []func(context.Context) int{first, second} {
		go func() { done <- wait(context.Background()) }()
	}
	impatient, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if n := o.repl.HoldPages(3)(impatient); n != 0 {
		t.Errorf("%d copies of pages that have not arrived", n)
	}
	if len(done) != 0 {
		t.Error("pages are held that have not arrived")
	}
	close(gate)
	for range 2 {
		if n := <-done; n != 1 {
			t.Errorf("%d copies", n)
		}
	}
	if n := o.repl.HoldPages(3)(impatient); n != 1 {
		t.Errorf("%d copies of pages known to be held", n)
	}
}

func TestPagesThatFailedAreTriedAgain(t *testing.T) {
	t.Parallel()
	o, store, _ := pageless(t, 2)
	m := o.c.nodes[1]
	m.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Path == pathPages {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	})
	store.write(1)
	for range 2 {
		if n := o.repl.HoldPages(3)(context.Background()); n != 0 {
			t.Errorf("%d copies of pages that were refused", n)
		}
	}
	m.before.Store(nil)
	eventually(t, "the pages are held after all", func() bool { return o.repl.HoldPages(3)(context.Background()) == 1 })
}

func TestLargeKeyStoreIsBroughtInPartsAndOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	store := &keyStore{pages: make(map[uint64]Page)}
	const size = 3*pagesAtOnce + 7
	for n := range uint64(size) {
		store.write(n)
	}
	o.start(Sources{Pages: store})
	eventually(t, "all is held", func() bool { return o.repl.HoldPages(size)(ctx) == 1 })
	if store.sealed < size || store.sealed > size+pagesAtOnce {
		t.Errorf("%d pages were sealed to bring %d", store.sealed, size)
	}
	o.repl.Close()
	// The next start finds that nothing is missing, and a new key costs its own page.
	store.sealed = 0
	again := NewReplicator(o.repl.opt)
	t.Cleanup(again.Close)
	again.Start(Sources{Journal: o.journal, Batches: o, Pages: store})
	eventually(t, "what is held is known", func() bool { return again.HoldPages(size)(ctx) == 1 })
	store.write(5)
	if n := again.HoldPages(size + 1)(ctx); n != 1 || store.sealed != 1 {
		t.Errorf("%d copies, %d pages sealed for one", n, store.sealed)
	}
}

// A custodian that lost its pages is brought them, and does not count until it has them again.
func TestLostPagesAreBroughtAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o, store, gate := pageless(t, 2)
	m := o.c.nodes[1]
	close(gate)
	m.stop()
	m.dir = t.TempDir()
	m.start(m.self.Peer)
	o.repl.courier(m.self.Org).suspend("test: restarted")
	eventually(t, "the pages are there again", func() bool {
		s, err := m.keeper.shelf(o.self.Org)
		return err == nil && len(s.pageVersions()) == len(store.pages)
	})
	store.write(1)
	eventually(t, "a new page is held", func() bool { return o.repl.HoldPages(3)(ctx) == 1 })
}

func TestNumberOfCopiesChanges(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 3)
	var copies atomic.Int32
	copies.Store(1)
	o := c.nodes[0].ownAsMany(func() int { return int(copies.Load()) }, journal.Options{})
	store := &keyStore{pages: make(map[uint64]Page)}
	store.write(TopPage, 1)
	o.start(Sources{Pages: store})
	if ack := o.write(1); ack.Copies != 0 || o.repl.HoldPages(2)(ctx) != 0 {
		t.Fatalf("%d copies for a lone node", ack.Copies)
	}
	for _, r := range []int32{2, 3} {
		copies.Store(r)
		if ack := o.write(1); ack.Copies != int(r-1) {
			t.Errorf("%d custodians hold a group, want %d", ack.Copies, r-1)
		}
		eventually(t, "the key store is held", func() bool { return o.repl.HoldPages(2)(ctx) == int(r-1) })
		eventually(t, "what was written before is held", func() bool {
			st := o.repl.Status()
			return st.Copies == int(r) && len(st.Short) == 0 && st.PagesBehind == 0
		})
	}
}

// TestSettledKeyStoreIsNotListed tends a key store that its custodians hold whole, again and again: its pages are not listed each time. What is
// written then is brought all the same.
func TestSettledKeyStoreIsNotListed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	o := c.nodes[0].own(2, journal.Options{})
	store := &keyStore{pages: make(map[uint64]Page)}
	store.write(TopPage, 1)
	o.start(Sources{Pages: store})
	order := pageCustodians(o.self.Org, c.members())
	settled := func(org verify.OrgID, wanted bool) func() bool {
		return func() bool { return o.repl.courier(org).pagesSettled(store.Newest(), wanted) }
	}
	eventually(t, "the custodian is known to have all", settled(order[0], true))
	eventually(t, "the other is known to have nothing", settled(order[1], false))
	store.mu.Lock()
	before := store.listed
	store.mu.Unlock()
	const rounds = 100
	for range rounds {
		for _, org := range order {
			if err := o.repl.courier(org).tendPages(store); err != nil {
				t.Fatal(err)
			}
		}
	}
	store.mu.Lock()
	listed := store.listed - before
	store.mu.Unlock()
	if listed > rounds/2 { // once for each list that a custodian gives, whoever asks
		t.Errorf("%d listings for nothing", listed)
	}
	store.write(1) // nobody is told
	eventually(t, "what was written is held", func() bool { return o.repl.Status().PagesBehind == 0 })
	eventually(t, "and known to be", settled(order[0], true))
}
