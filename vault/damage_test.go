package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// onDisk makes a key store with a few hundred keys and closes it.
func onDisk(t testing.TB, keys int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	v, err := Create(dir, testRoot, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wants []Want
	for i := range keys {
		wants = append(wants, Want{fmt.Sprintf("Patient/%d", i), Log})
	}
	if _, err := v.Keys(wants); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func alter(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 1; return b }
}

func TestDamageIsNamed(t *testing.T) {
	for _, c := range []struct {
		name, file string
		offset     int64
		change     func([]byte) []byte
	}{
		{"leaf", "pages.0", 2 * pageSize, flip(2*pageSize + 500)},
		{"secrets", "pages.0", 0, flip(40)},
		{"page above", "pages.1", 0, flip(3)},
		{"root page", "pages.3", 0, flip(pageSize - 1)},
		{"cut file", "pages.0", 3 * pageSize, func(b []byte) []byte { return b[:3*pageSize+100] }},
		{"zeros", "pages.2", 0, func(b []byte) []byte { return make([]byte, len(b)) }},
		{"exchanged pages", "pages.0", pageSize, func(b []byte) []byte {
			copy(b[pageSize:2*pageSize], b[2*pageSize:])
			return b
		}},
		{"slot file", topName, 0, func(b []byte) []byte { b[100] ^= 1; b[2*topBlock+100] ^= 1; return b }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := onDisk(t, 200)
			path := filepath.Join(dir, c.file)
			alter(t, path, c.change)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(dir, testRoot, Options{})
			damaged, ok := errors.AsType[ErrDamagedPage](err)
			if !ok || damaged.Path != path || damaged.Offset != c.offset {
				t.Fatalf("got %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Error("the damaged file was changed")
			}
		})
	}
	t.Run("missing file", func(t *testing.T) {
		dir := onDisk(t, 1)
		if err := os.Remove(filepath.Join(dir, "pages.1")); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, testRoot, Options{}); !strings.Contains(fmt.Sprint(err), "pages.1") {
			t.Fatal(err)
		}
	})
	t.Run("all are named", func(t *testing.T) {
		dir := onDisk(t, 200)
		alter(t, filepath.Join(dir, "pages.0"), func(b []byte) []byte { b[pageSize] ^= 1; b[4*pageSize] ^= 1; return b })
		if _, err := Open(dir, testRoot, Options{}); strings.Count(fmt.Sprint(err), "pages.0") != 2 {
			t.Fatal(err)
		}
	})
}

func TestOneBadCopyOfTheTopIsMended(t *testing.T) {
	dir := onDisk(t, 1)
	path := filepath.Join(dir, topName)
	for _, at := range []int{0, 2} {
		alter(t, path, flip(at*topBlock+60))
		mustOpen(t, osDisk{}, dir).Close()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, copy := range []int{0, 2} {
			if _, ok := parseTop(b[copy*topBlock : (copy+1)*topBlock]); !ok {
				t.Fatalf("copy %d is damaged", copy)
			}
		}
	}
}

// A log with a hole is damage; a log with a torn end is a crash.
func TestLogDamage(t *testing.T) {
	d := newMemDisk()
	v := memVault(t, d)
	for i := range 3 {
		mustKey(t, v, fmt.Sprint(i), Log)
	}
	size := v.store.size
	path := v.store.path(logName(v.store.generation))
	log := d.now.files[path]
	clear(d.locked)
	good := append([]byte(nil), log.data...)

	log.data = append([]byte(nil), good...)
	log.data[size/2] ^= 1
	_, err := Open("/keys", testRoot, Options{disk: d})
	if damaged, ok := errors.AsType[ErrDamagedPage](err); !ok || damaged.Path != path {
		t.Fatalf("hole: %v", err)
	}
	log.data = append(append([]byte(nil), good...), good[:100]...)
	v = mustOpen(t, d, "/keys")
	if v.Recovery().TornLog != 100 {
		t.Fatalf("torn end: %+v", v.Recovery())
	}
	for i := range 3 {
		if _, ok := v.Lookup(fmt.Sprint(i), Log); !ok {
			t.Fatal("a key is lost")
		}
	}
}
