package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/journal"
)

// TestDamage changes bytes of each file: Open or Check says so, or the index is as it was before; after Remove there is an empty one.
func TestDamage(t *testing.T) {
	key := bytes.Repeat([]byte{7}, KeySize)
	made := t.TempDir()
	x, err := Open(made, key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(200) {
		b := &Batch{
			Entries:  []Counted{{Chart: "Patient/p", Number: i, Entry: i}},
			Updates:  []Update{{Type: "Observation", ID: fmt.Sprint("o", i), Version: Version{Number: 1, Entry: i, Chart: "Patient/p"}}},
			Position: journal.Cursor{Offset: int64(i), Entry: i + 1},
		}
		if err := x.Apply(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(x.Check(context.Background()), x.Close()); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.sst", "MANIFEST-*"} {
		dir := filepath.Join(t.TempDir(), "index")
		if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []int{len(b) / 10, len(b) / 2} {
				b[at] ^= 0x5a
			}
			if err := os.WriteFile(f, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		x, err := Open(dir, key)
		var at journal.Cursor
		if err == nil {
			at, err = x.Position()
			err = errors.Join(err, x.Check(context.Background()), x.Close())
		}
		if earlier := err == nil && at == (journal.Cursor{}); !earlier && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: at %v: %v", pattern, at, err)
		}
		if err := Remove(dir); err != nil {
			t.Fatal(err)
		}
		empty(t, dir, key)
	}
}

func TestCondemned(t *testing.T) {
	dir, key := filepath.Join(t.TempDir(), "index"), make([]byte, KeySize)
	x, err := Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(x.Condemn(), x.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, key); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	empty(t, dir, key)
}

func empty(t *testing.T, dir string, key []byte) {
	t.Helper()
	x, err := Open(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	at, err := x.Position()
	if err := errors.Join(err, x.Close()); err != nil || at != (journal.Cursor{}) {
		t.Fatal(at, err)
	}
}
