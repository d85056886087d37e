package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// killed makes a key store of so many charts, as a process leaves it that was killed, and gives its log.
func killed(t *testing.T, charts int, opt Options) (dir, log string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	v, err := Create(dir, testRoot, opt)
	if err != nil {
		t.Fatal(err)
	}
	for i := range charts {
		mustKey(t, v, fmt.Sprintf("Patient/%d", i), Log)
	}
	if err := v.release(); err != nil {
		t.Fatal(err)
	}
	return dir, v.store.path(logName(v.store.generation))
}

func isNamed(t *testing.T, dir, path string) {
	t.Helper()
	_, err := Open(dir, testRoot, Options{})
	damaged, ok := errors.AsType[ErrDamagedPage](err)
	if !ok || damaged.Path != path {
		t.Errorf("it opens, or does not name %s: %v", path, err)
	}
	if strings.Contains(fmt.Sprint(err), "already closed") {
		t.Error(err)
	}
	told := false
	for _, c := range Checks(dir) {
		if err := c.Look(); err != nil {
			damaged, ok := errors.AsType[ErrDamagedPage](err)
			told = told || ok && damaged.Path == path
		}
	}
	if !told {
		t.Errorf("without a key nobody names %s", path)
	}
}

// What was acknowledged and is cut off the log is damage, however little; what was written beyond it is a torn tail.
func TestACutLogIsNamed(t *testing.T) {
	for _, cut := range []func(int64) int64{
		func(int64) int64 { return 0 },
		func(size int64) int64 { return size / 2 },
		func(size int64) int64 { return size - 1 },
	} {
		dir, log := killed(t, 10, Options{})
		info, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(log, cut(info.Size())); err != nil {
			t.Fatal(err)
		}
		isNamed(t, dir, log)
	}
	dir, log := killed(t, 10, Options{})
	alter(t, log, func(b []byte) []byte { b[len(b)-100] ^= 1; return b })
	isNamed(t, dir, log)

	dir, log = killed(t, 10, Options{})
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	isNamed(t, dir, log)

	dir, log = killed(t, 10, Options{})
	alter(t, log, func(b []byte) []byte { return append(b, b[:300]...) })
	v := mustOpen(t, osDisk{}, dir)
	defer v.Close()
	if v.Recovery().TornLog != 300 {
		t.Errorf("%+v", v.Recovery())
	}
}

// A loss of power may leave an older mark. The keys beyond it are there, and nothing is damaged.
func TestAMarkThatLagsIsNoDamage(t *testing.T) {
	dir, _ := killed(t, 10, Options{})
	path := filepath.Join(dir, markName)
	m, err := markOf(path)
	if err != nil {
		t.Fatal(err)
	}
	m.size, m.edition = 0, 1
	if err := os.WriteFile(path, m.encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	v := mustOpen(t, osDisk{}, dir)
	defer v.Close()
	if _, ok := v.Lookup("Patient/9", Log); !ok || v.Recovery().Mark != "" {
		t.Errorf("%v %+v", ok, v.Recovery())
	}
}

// A mark that is missing or damaged is told, and made anew.
func TestALostMarkIsTold(t *testing.T) {
	for name, hurt := range map[string]func(string) error{
		"missing": os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{1}, markSize), 0o600) },
		"cut":     func(path string) error { return os.Truncate(path, 20) },
	} {
		dir, _ := killed(t, 3, Options{})
		if err := hurt(filepath.Join(dir, markName)); err != nil {
			t.Fatal(err)
		}
		v := mustOpen(t, osDisk{}, dir)
		if v.Recovery().Mark == "" {
			t.Errorf("%s: nobody is told", name)
		}
		v.Close()
		if v = mustOpen(t, osDisk{}, dir); v.Recovery().Mark != "" {
			t.Errorf("%s: not made anew", name)
		}
		v.Close()
	}
}

// Pages that were put back to an older edition, all of them whole, are not taken for the newest.
func TestOlderPagesAreNamed(t *testing.T) {
	dir := onDisk(t, 3)
	path := filepath.Join(dir, pagesName(0))
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := mustOpen(t, osDisk{}, dir)
	mustKey(t, v, "Patient/new", Log)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, testRoot, Options{})
	if damaged, ok := errors.AsType[ErrDamagedPage](err); !ok || damaged.Path != path {
		t.Error(err)
	}
}

// A store that lacks keys is read only and gives custodians nothing, until their pages have made it whole.
func TestMendFromCustodians(t *testing.T) {
	public, _ := NewEscrowKey()
	opt := Options{Escrow: public, Behind: true}
	for name, hurt := range map[string]func(log string) error{
		"half":    func(log string) error { return os.Truncate(log, 20000) },
		"empty":   func(log string) error { return os.Truncate(log, 0) },
		"missing": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			v, err := Create(dir, testRoot, opt)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]*Key{}
			for i := range 80 { // of several leaves
				chart := fmt.Sprintf("Patient/%d", i)
				want[chart] = mustKey(t, v, chart, Log)
			}
			older, next, err := v.EscrowPages(0, MaxEscrowSet)
			if err != nil {
				t.Fatal(err)
			}
			want["Patient/last"] = mustKey(t, v, "Patient/last", Log)
			newest, _, err := v.EscrowPages(next, MaxEscrowSet)
			if err != nil {
				t.Fatal(err)
			}
			v.release()
			if err := hurt(v.store.path(logName(v.store.generation))); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, testRoot, Options{}); err == nil {
				t.Fatal("it opens as if it were whole")
			}
			if v, err = Open(dir, testRoot, opt); err != nil {
				t.Fatal(err)
			}
			if _, err := v.Key("Patient/other", Log); !errors.Is(err, ErrReadOnly) || v.Behind() == nil {
				t.Errorf("it takes writes: %v", err)
			}
			if pages, _, err := v.EscrowPages(0, MaxEscrowSet); err == nil || len(v.EscrowEditions()) > 0 {
				t.Errorf("it gives custodians %d pages", len(pages))
			}
			if _, err := v.Mend(older); !errors.Is(err, ErrEscrow) {
				t.Errorf("it is whole without its last key: %v", err)
			}
			if n, err := v.Mend(append(older, newest...)); err != nil || n == 0 || v.Behind() != nil {
				t.Fatalf("%d pages: %v", n, err)
			}
			for range 2 {
				for chart, k := range want {
					if got, ok := v.Lookup(chart, Log); !ok || got.Tag(0) != k.Tag(0) || got.Slot() != k.Slot() {
						t.Fatalf("the key of %s is another or missing", chart)
					}
				}
				mustKey(t, v, "Patient/other", Log)
				if err := v.Close(); err != nil {
					t.Fatal(err)
				}
				v = mustOpen(t, osDisk{}, dir)
			}
			v.Close()
		})
	}
}

// A running store has what its disk lost, and writes it again.
func TestScrub(t *testing.T) {
	for _, c := range []struct {
		file  string // "" for the log
		hurt  func(path string) error
		named bool
	}{
		{"", func(string) error { return nil }, false},
		{"pages.0", func(path string) error { alter(t, path, flip(pageSize+500)); return nil }, true},
		{"pages.0", func(path string) error { return os.Truncate(path, pageSize) }, true},
		{"pages.2", os.Remove, true},
		{"pages.1", func(path string) error { return os.WriteFile(path, nil, 0o600) }, true},
		{topName, func(path string) error {
			alter(t, path, func(b []byte) []byte { return make([]byte, len(b)) })
			return nil
		}, true},
		{topName, os.Remove, true},
		{markName, os.Remove, true},
		{markName, func(path string) error { alter(t, path, flip(30)); return nil }, true},
		{"", os.Remove, true},
		{"", func(path string) error { return os.Truncate(path, 5000) }, true},
		{"", func(path string) error { alter(t, path, flip(6000)); return nil }, true},
	} {
		dir := onDisk(t, 100)
		v := mustOpen(t, osDisk{}, dir)
		for i := range 4 {
			mustKey(t, v, fmt.Sprintf("Patient/new-%d", i), Log)
		}
		path := v.store.path(logName(v.store.generation))
		if c.file != "" {
			path = filepath.Join(dir, c.file)
		}
		if err := c.hurt(path); err != nil {
			t.Fatal(err)
		}
		var found []ErrDamagedPage
		for range 2 {
			found = nil
			err := v.Scrub(t.Context(), func(int64) {}, func(d ErrDamagedPage, heal error) {
				if found = append(found, d); heal != nil {
					t.Errorf("%s: %v", path, heal)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.named && (len(found) == 0 || found[0].Path != path) || !c.named && len(found) > 0 {
				t.Errorf("%s: found %v", path, found)
			}
			c.named = false // it is whole by then
		}
		mustKey(t, v, "Patient/last", Log)
		v.release() // killed
		if v, err := Open(dir, testRoot, Options{}); err != nil {
			t.Errorf("%s: %v", path, err)
		} else {
			for _, chart := range []string{"Patient/0", "Patient/99", "Patient/new-3", "Patient/last"} {
				if _, ok := v.Lookup(chart, Log); !ok {
					t.Errorf("%s: %s is lost", path, chart)
				}
			}
			v.Close()
		}
	}
}

func FuzzMark(f *testing.F) {
	m := mark{vault: [16]byte{1}, generation: 2, size: 3, edition: 4}
	f.Add(m.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMark(b); err == nil && !bytes.Equal(m.encode(), b) {
			t.Fatal("another mark")
		}
	})
}
