package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/verify"
)

var testRoot = mustRoot(1)

func mustRoot(b byte) RootKey {
	key := [32]byte{b}
	root, err := NewKeyRoot("test", key[:])
	if err != nil {
		panic(err)
	}
	return root
}

func memVault(t testing.TB, d *memDisk) *Vault {
	t.Helper()
	v, err := Create("/keys", testRoot, Options{disk: d})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustKey(t testing.TB, v *Vault, chart string, c Compartment) *Key {
	t.Helper()
	k, err := v.Key(chart, c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustOpen(t testing.TB, d disk, dir string) *Vault {
	t.Helper()
	v, err := Open(dir, testRoot, Options{disk: d})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestKeysSurviveReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "keys")
	v, err := Create(dir, testRoot, Options{})
	if err != nil {
		t.Fatal(err)
	}
	type id struct {
		slot  uint64
		chart string
		c     Compartment
	}
	tags := map[id]any{}
	for i := range 100 {
		wants := []Want{{"", Log}, {fmt.Sprintf("Patient/%d", i), Log}, {fmt.Sprintf("Patient/%d", i), Labs}, {fmt.Sprintf("Patient/%d", i), Log}}
		keys, err := v.Keys(wants)
		if err != nil {
			t.Fatal(err)
		}
		if keys[1].Slot() != keys[3].Slot() {
			t.Fatal("the same want gave two keys")
		}
		for j, k := range keys {
			tags[id{k.Slot(), wants[j].Chart, wants[j].Compartment}] = k.Tag(7)
		}
	}
	if err := v.PutSecret("signing", []byte("seed")); err != nil {
		t.Fatal(err)
	}
	guide, err := v.Guide(verify.Tag{1}, 77, 3)
	if err != nil {
		t.Fatal(err)
	}
	for reopened := range 3 {
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		v = mustOpen(t, osDisk{}, dir)
		for id, tag := range tags {
			k, chart, c, ok := v.Slot(id.slot)
			if !ok || chart != id.chart || c != id.c || k.Tag(7) != tag {
				t.Fatalf("after opening %d: slot %d is not what it was", reopened, id.slot)
			}
			if l, ok := v.Lookup(id.chart, id.c); !ok || l.Slot() != id.slot {
				t.Fatalf("after opening %d: slot %d is not found by name", reopened, id.slot)
			}
		}
		if s, err := v.Secret("signing"); err != nil || string(s) != "seed" {
			t.Fatalf("secret: %q, %v", s, err)
		}
		if slot, number := v.OpenGuide(verify.Tag{1}, guide); slot != 77 || number != 3 {
			t.Fatalf("guide: %d, %d", slot, number)
		}
	}
	charts := slices.Collect(v.Charts())
	if len(charts) != 100 {
		t.Fatalf("%d charts", len(charts))
	}
	if _, err := Open(dir, testRoot, Options{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("second opening: %v", err)
	}
	if _, err := Create(dir, testRoot, Options{}); !errors.Is(err, ErrExists) {
		t.Fatalf("creating over it: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Key("Patient/1", Log); !errors.Is(err, ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
	if _, err := Open(dir, mustRoot(2), Options{}); !errors.Is(err, ErrSealed) {
		t.Fatalf("wrong root key: %v", err)
	}
	if _, err := Open(t.TempDir(), testRoot, Options{}); !errors.Is(err, ErrNoVault) {
		t.Fatalf("empty directory: %v", err)
	}
}

func TestNothingReadableOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	v, err := Create(dir, testRoot, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustKey(t, v, "Patient/alice", Labs)
	if err := v.PutSecret("token-key", []byte("hunter2hunter2")); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		b, err := os.ReadFile(path)
		for _, s := range []string{"alice", "hunter2", "token-key"} {
			if strings.Contains(string(b), s) {
				t.Errorf("%s contains %q", path, s)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErasedChartIsGone(t *testing.T) {
	d := newMemDisk()
	v := memVault(t, d)
	a, b := mustKey(t, v, "Patient/a", Log), mustKey(t, v, "Patient/b", Log)
	sealed, _, err := a.SealEntry(0, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.EraseChart("Patient/a"); err != nil {
		t.Fatal(err)
	}
	if err := v.EraseChart("Patient/a"); err != nil {
		t.Fatalf("again: %v", err)
	}
	if _, _, err := a.OpenEntry(0, sealed); !errors.Is(err, ErrErased) {
		t.Fatalf("erased key in hand: %v", err)
	}
	if _, _, err := b.SealEntry(0, nil); err != nil {
		t.Fatalf("other chart: %v", err)
	}
	if _, _, _, ok := v.Slot(a.Slot()); ok {
		t.Fatal("the slot is still there")
	}
	again := mustKey(t, v, "Patient/a", Log)
	if again.Slot() <= b.Slot() {
		t.Fatal("a slot was used again")
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	v = mustOpen(t, d, "/keys")
	if got := slices.Sorted(v.Charts()); !cmp.Equal(got, []string{"Patient/a", "Patient/b"}) {
		t.Fatal(got)
	}
	if next := mustKey(t, v, "Patient/c", Log); next.Slot() <= again.Slot() {
		t.Fatal("a slot was used again after reopening")
	}
	if err := v.EraseChart(""); !errors.Is(err, ErrCompartment) {
		t.Fatalf("the organisation's own keys: %v", err)
	}
}

func TestLimits(t *testing.T) {
	v := memVault(t, newMemDisk())
	if _, err := v.Key(strings.Repeat("x", MaxChart), Log); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Key(strings.Repeat("x", MaxChart+1), Log); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	for _, w := range []Want{{"Patient/1", Audit}, {"Patient/1", 0}, {"", 200}, {"", erasedSlot}} {
		if _, err := v.Key(w.Chart, w.Compartment); !errors.Is(err, ErrCompartment) {
			t.Fatalf("%v: %v", w.Compartment, err)
		}
	}
	for i := range 4 {
		err := v.PutSecret(fmt.Sprint(i), make([]byte, MaxSecret))
		if (i < 3) != (err == nil) || err != nil && !errors.Is(err, ErrLimit) {
			t.Fatalf("secret %d: %v", i, err)
		}
	}
	if err := v.PutSecret("", nil); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	if _, err := v.Secret("none"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	k := mustKey(t, v, "", General)
	if _, err := k.SealBlob(nil, make([]byte, MaxBlob)); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	if _, err := k.SealBlob(make([]byte, MaxAAD+1), nil); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	if _, _, err := k.SealEntry(0, make([]byte, MaxEntry+1)); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	if _, err := v.Keys(make([]Want, MaxWants+1)); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
}

func TestManyCallersShareSyncs(t *testing.T) {
	d := newMemDisk()
	v := memVault(t, d)
	var wg sync.WaitGroup
	slots := make([]uint64, 400)
	for i := range slots {
		wg.Go(func() {
			k, err := v.Key(fmt.Sprintf("Patient/%d", i/4), Log)
			if err != nil {
				t.Error(err)
				return
			}
			slots[i] = k.Slot()
			if _, _, err := k.SealEntry(uint64(i), []byte("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[uint64]int{}
	for i, s := range slots {
		if at, ok := seen[s]; ok && at != i/4 {
			t.Fatal("two charts share a slot")
		}
		seen[s] = i / 4
	}
	if len(seen) != 100 {
		t.Fatalf("%d keys for 100 charts", len(seen))
	}
}

func TestEraseAgainstUse(t *testing.T) {
	v := memVault(t, newMemDisk())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 30 {
				k, err := v.Key("Patient/x", Log)
				if errors.Is(err, ErrErased) {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := k.SealEntry(uint64(i), nil); err != nil && !errors.Is(err, ErrErased) {
					t.Error(err)
				}
				if j%5 == i%5 {
					if err := v.EraseChart("Patient/x"); err != nil {
						t.Error(err)
					}
				}
				for range v.Charts() {
				}
			}
		})
	}
	wg.Wait()
}

func TestCacheIsBounded(t *testing.T) {
	d := newMemDisk()
	v, err := Create("/keys", testRoot, Options{disk: d, CachedKeys: 10})
	if err != nil {
		t.Fatal(err)
	}
	first := mustKey(t, v, "Patient/0", Log)
	for i := range 200 {
		mustKey(t, v, fmt.Sprintf("Patient/%d", i), Log)
		if n := len(v.cache.young) + len(v.cache.old); n > 10 {
			t.Fatalf("%d keys are cached", n)
		}
	}
	if mustKey(t, v, "Patient/0", Log).Tag(1) != first.Tag(1) {
		t.Fatal("a key dropped from the cache came back as another")
	}
}

// A root key that cannot be reached must not leave the vault read-only.
type absentRoot struct {
	RootKey
	away bool
}

func (r *absentRoot) Wrap(ctx context.Context, secret, aad []byte) ([]byte, error) {
	if r.away {
		return nil, errors.New("unreachable")
	}
	return r.RootKey.Wrap(ctx, secret, aad)
}

func TestRootKeyAway(t *testing.T) {
	root := &absentRoot{RootKey: testRoot}
	v, err := Create("/keys", root, Options{disk: newMemDisk()})
	if err != nil {
		t.Fatal(err)
	}
	mustKey(t, v, "Patient/a", Log)
	root.away = true
	if err := v.EraseChart("Patient/a"); err == nil || errors.Is(err, ErrReadOnly) {
		t.Fatal(err)
	}
	mustKey(t, v, "Patient/b", Log)
	root.away = false
	if err := v.EraseChart("Patient/a"); err != nil {
		t.Fatal(err)
	}
}
