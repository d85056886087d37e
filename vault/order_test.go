package vault

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// allPages lists every page by looking at each.
func allPages(v *Vault) (heads []pageHead) {
	add := func(id pageID, edition uint64) { heads = append(heads, pageHead{id, edition, v.epoch}) }
	add(pageID{level: topLevel}, v.topEdition)
	add(secretsPage, v.secretsEdition)
	for id, n := range v.tree.nodes {
		add(id, n.edition)
	}
	for i, l := range v.table.leaves {
		if l != nil {
			add(pageID{0, uint32(i)}, l.edition)
		}
	}
	slices.SortFunc(heads, func(a, b pageHead) int { return cmp.Compare(a.edition, b.edition) })
	return heads
}

// TestWhatChangedIsFoundInOrder makes and erases keys, writes secrets and opens the store again: what changed since any edition is
// what a look at every page says, the newest edition is the last page's, and the list stays as short as it promises.
func TestWhatChangedIsFoundInOrder(t *testing.T) {
	d := newMemDisk()
	v := memVault(t, d)
	rng := rand.New(rand.NewPCG(1, 2))
	for step := range 1500 {
		switch n := rng.IntN(100); {
		case n < 80:
			mustKey(t, v, fmt.Sprintf("Patient/%d", rng.IntN(300)), Compartment(1+rng.IntN(3)))
		case n < 90:
			if err := v.EraseChart(fmt.Sprintf("Patient/%d", rng.IntN(300))); err != nil {
				t.Fatal(err)
			}
		case n < 98:
			if err := v.PutSecret("signing", []byte{byte(step)}); err != nil {
				t.Fatal(err)
			}
		default:
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if v, err = Open("/keys", testRoot, Options{disk: d}); err != nil {
				t.Fatal(err)
			}
		}
		all := allPages(v)
		since := rng.Uint64N(v.edition + 2)
		want := slices.DeleteFunc(slices.Clone(all), func(h pageHead) bool { return h.edition <= since })
		if got := v.changed(since, math.MaxInt); !slices.Equal(got, want) {
			t.Fatalf("step %d: %d pages changed since %d, want %d", step, len(got), since, len(want))
		}
		if newest := all[len(all)-1].edition; v.EscrowEdition() != newest {
			t.Fatalf("step %d: the newest edition is %d, said to be %d", step, newest, v.EscrowEdition())
		}
		if n := len(v.order.list); n > 2*len(all)+spareOrder+levels+2 {
			t.Fatalf("step %d: %d editions are listed of %d pages", step, n, len(all))
		}
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestListingDoesNotWaitForAChange lists the pages while a change is being written.
func TestListingDoesNotWaitForAChange(t *testing.T) {
	v := memVault(t, newMemDisk())
	v.write.Lock()
	defer v.write.Unlock()
	listed := make(chan int, 1)
	go func() { listed <- len(v.EscrowEditions()) }()
	select {
	case n := <-listed:
		if n != 6 {
			t.Errorf("%d pages", n)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("listing the pages waits for the change")
	}
}
