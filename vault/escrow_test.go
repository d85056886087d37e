package vault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/verify"
)

// custodian keeps the newest edition of each page, as it is told to.
type custodian map[pageID]SealedPage

func (c custodian) take(pages []SealedPage) {
	for _, p := range pages {
		id := pageID{p.Level, uint32(p.Number)}
		if p.Edition >= c[id].Edition {
			c[id] = p
		}
	}
}

func (c custodian) pages() []SealedPage { return slices.Collect(maps.Values(c)) }

func TestRestoreFromEscrow(t *testing.T) {
	public, private := NewEscrowKey()
	d := newMemDisk()
	v, err := Create("/keys", testRoot, Options{disk: d, Escrow: public})
	if err != nil {
		t.Fatal(err)
	}
	held, since := custodian{}, uint64(0)
	sync := func(want int) {
		t.Helper()
		pages, next, err := v.EscrowPages(since, MaxEscrowSet)
		if err != nil {
			t.Fatal(err)
		}
		if want >= 0 && len(pages) != want {
			t.Fatalf("%d pages, want %d", len(pages), want)
		}
		held.take(pages)
		since = next
	}
	sync(6) // top, root, two between, secrets, first leaf
	sync(0)
	type id struct {
		chart string
		c     Compartment
	}
	tags, slots := map[id]verify.Tag{}, map[id]uint64{}
	for i := range 200 {
		w := id{fmt.Sprintf("Patient/%d", i), Labs}
		k := mustKey(t, v, w.chart, w.c)
		tags[w], slots[w] = k.Tag(9), k.Slot()
		if i == 100 {
			sync(-1)
		}
	}
	if err := v.PutSecret("signing", []byte("seed")); err != nil {
		t.Fatal(err)
	}
	sync(-1)
	before := held.pages()
	for _, i := range []int{3, 150} {
		w := id{fmt.Sprintf("Patient/%d", i), Labs}
		if err := v.EraseChart(w.chart); err != nil {
			t.Fatal(err)
		}
		delete(tags, w)
	}
	sync(4 + 1 + 1) // two leaves with the three pages above them, and the top
	guide, err := v.Guide(verify.Tag{1}, 5, 6)
	if err != nil {
		t.Fatal(err)
	}

	check := func(dir string, d disk, want int) *Vault {
		t.Helper()
		r, err := Open(dir, mustRoot(9), Options{disk: d, Escrow: public})
		if err != nil {
			t.Fatal(err)
		}
		for w, tag := range tags {
			if k, ok := r.Lookup(w.chart, w.c); !ok || k.Tag(9) != tag || k.Slot() != slots[w] {
				t.Fatalf("%s is another", w.chart)
			}
		}
		if n := len(slices.Collect(r.Charts())); n != want {
			t.Fatalf("%d charts, want %d", n, want)
		}
		if s, err := r.Secret("signing"); err != nil || string(s) != "seed" {
			t.Fatalf("secret: %v", err)
		}
		if slot, number := r.OpenGuide(verify.Tag{1}, guide); slot != 5 || number != 6 {
			t.Fatalf("guide: %d, %d", slot, number)
		}
		return r
	}
	d2 := newMemDisk()
	opt := Options{disk: d2}
	if err := restoreFromEscrow("/keys", mustRoot(9), private, held.pages(), opt); err != nil {
		t.Fatal(err)
	}
	r := check("/keys", d2, 198)
	if err := restoreFromEscrow("/keys", mustRoot(9), private, held.pages(), opt); !errors.Is(err, ErrExists) {
		t.Fatalf("over another: %v", err)
	}
	// A custodian that held the former pages takes the restored ones over them.
	pages, _, err := r.EscrowPages(since, MaxEscrowSet)
	if err != nil || len(pages) < len(held) {
		t.Fatalf("%d pages after restoring, %v", len(pages), err)
	}
	held.take(pages)
	mixed := append(held.pages(), before...)
	if err := restoreFromEscrow("/again", mustRoot(9), private, mixed, opt); err != nil {
		t.Fatal(err)
	}
	check("/again", d2, 198)

	// A custodian that has only part of the newest set still has the former one whole.
	partial := append(slices.Clone(before), pages[:2]...)
	if err := restoreFromEscrow("/partial", mustRoot(9), private, partial, opt); err != nil {
		t.Fatal(err)
	}
	check("/partial", d2, 200)
}

func TestEscrowRefusals(t *testing.T) {
	public, private := NewEscrowKey()
	_, other := NewEscrowKey()
	v, err := Create("/keys", testRoot, Options{disk: newMemDisk(), Escrow: public})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		mustKey(t, v, fmt.Sprint(i), Log)
	}
	pages, _, err := v.EscrowPages(0, MaxEscrowSet)
	if err != nil {
		t.Fatal(err)
	}
	restore := func(private []byte, pages []SealedPage) error {
		return restoreFromEscrow("/r", testRoot, private, pages, Options{disk: newMemDisk()})
	}
	if err := restore(other, pages); !errors.Is(err, ErrEscrow) {
		t.Errorf("another private key: %v", err)
	}
	if err := restore(private[1:], pages); !errors.Is(err, ErrEscrow) {
		t.Errorf("a malformed private key: %v", err)
	}
	for i := range pages {
		if err := restore(private, slices.Delete(slices.Clone(pages), i, i+1)); !errors.Is(err, ErrEscrow) {
			t.Errorf("without page %d of level %d: %v", pages[i].Number, pages[i].Level, err)
		}
		damaged := slices.Clone(pages)
		damaged[i].Bytes = slices.Clone(damaged[i].Bytes)
		damaged[i].Bytes[100] ^= 1
		if err := restore(private, damaged); !errors.Is(err, ErrEscrow) {
			t.Errorf("with page %d of level %d altered: %v", pages[i].Number, pages[i].Level, err)
		}
	}
	editions := v.EscrowEditions()
	if len(editions) != len(pages) {
		t.Errorf("%d editions of %d pages", len(editions), len(pages))
	}
	for i, e := range editions {
		if e.Level != pages[i].Level || e.Number != pages[i].Number || e.Edition != pages[i].Edition {
			t.Errorf("page %d of level %d is listed in edition %d", e.Number, e.Level, e.Edition)
		}
	}
	if err := restore(private, pages); err != nil {
		t.Error(err)
	}
	bare := memVault(t, newMemDisk())
	if _, _, err := bare.EscrowPages(0, MaxEscrowSet); !errors.Is(err, ErrNoEscrow) {
		t.Error(err)
	}
}

// What is asked for in parts is whole once a part is not full, although keys are made between the parts.
func TestEscrowInParts(t *testing.T) {
	public, private := NewEscrowKey()
	v, err := Create("/keys", testRoot, Options{disk: newMemDisk(), Escrow: public})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		mustKey(t, v, fmt.Sprint(i), Log)
	}
	const most = 3
	held, since := custodian{}, uint64(0)
	for part := 0; ; part++ {
		pages, next, err := v.EscrowPages(since, most)
		if err != nil || len(pages) > most {
			t.Fatalf("%d pages, %v", len(pages), err)
		}
		held.take(pages)
		if since = next; len(pages) < most {
			break
		}
		if part < 2 {
			mustKey(t, v, fmt.Sprint("new ", part), Log)
		}
	}
	last := mustKey(t, v, "new 1", Log)
	if last.Edition() > since {
		t.Errorf("a key of edition %d is not in what was given up to %d", last.Edition(), since)
	}
	if k := mustKey(t, v, "newer", Log); k.Edition() <= since {
		t.Errorf("a key made after edition %d is of edition %d", since, k.Edition())
	}
	d := newMemDisk()
	if err := restoreFromEscrow("/keys", testRoot, private, held.pages(), Options{disk: d}); err != nil {
		t.Fatal(err)
	}
	r, err := Open("/keys", testRoot, Options{disk: d})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Lookup("new 1", Log); !ok {
		t.Error("the last key is missing")
	}
}
