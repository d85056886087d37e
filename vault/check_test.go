package vault

import (
	"os"
	"path/filepath"
	"testing"
)

// check looks at one file of a key store.
func check(t *testing.T, dir, name string) error {
	t.Helper()
	for _, c := range Checks(dir) {
		if filepath.Base(c.Path) == name {
			return c.Look()
		}
	}
	t.Fatalf("%s is not checked", name)
	return nil
}

// TestChecksNameDamage alters each file of a store in which every page lies in its place.
func TestChecksNameDamage(t *testing.T) {
	for _, c := range []struct {
		name, file string
		change     func([]byte) []byte
	}{
		{"leaf", "pages.0", flip(2*pageSize + 500)},
		{"page above", "pages.1", flip(3)},
		{"root page", "pages.3", flip(pageSize - 1)},
		{"cut page", "pages.0", func(b []byte) []byte { return b[:3*pageSize+100] }},
		{"exchanged pages", "pages.0", func(b []byte) []byte {
			copy(b[pageSize:2*pageSize], b[2*pageSize:])
			return b
		}},
		{"a copy of the top secret", topName, flip(100)},
		{"the other copy", topName, flip(2*topBlock + 100)},
		{"both copies", topName, func(b []byte) []byte { b[100] ^= 1; b[2*topBlock+100] ^= 1; return b }},
		{"cut top", topName, func(b []byte) []byte { return b[:topSize-1] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := onDisk(t, 200)
			if err := check(t, dir, c.file); err != nil {
				t.Fatalf("undamaged: %v", err)
			}
			alter(t, filepath.Join(dir, c.file), c.change)
			if check(t, dir, c.file) == nil {
				t.Error("the damage is not seen")
			}
		})
	}
}

// TestCheckOfATornPage leaves a page torn that the log still holds: what a crash leaves, and what the next start mends.
func TestCheckOfATornPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	v, err := Create(dir, testRoot, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.Keys([]Want{{"Patient/1", Log}}); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, logName(v.store.generation)))
	if err != nil {
		t.Fatal(err)
	}
	g, _, ok := parseGroup(log)
	if !ok || len(g.frames) == 0 {
		t.Fatal("the log holds no change")
	}
	for _, f := range g.frames {
		name := pagesName(int(f.id.level))
		alter(t, filepath.Join(dir, name), func(b []byte) []byte {
			half := f.id.offset() + pageSize/2
			b = append(b, make([]byte, max(0, int(half)-len(b)))...)
			copy(b[f.id.offset():half], f.bytes)
			return b
		})
		if err := check(t, dir, name); err != nil {
			t.Errorf("a page that the log holds whole: %v", err)
		}
	}
}

func TestCheckPassphraseRoot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	if _, err := createPassphraseRoot(osDisk{}, path, []byte("correct horse battery"), argonParams{Time: 1, Memory: 64, Threads: 1}); err != nil {
		t.Fatal(err)
	}
	if err := CheckPassphraseRoot(path); err != nil {
		t.Errorf("undamaged: %v", err)
	}
	alter(t, path, flip(0))
	if CheckPassphraseRoot(path) == nil {
		t.Error("the damage is not seen")
	}
}
