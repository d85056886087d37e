package custody

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/journal"
)

// topHeld is an owner whose custodian holds a top page of version 1.
func topHeld(t *testing.T) (o *owner, m *member, s *shelf) {
	t.Helper()
	c := newCluster(t, 2)
	o, m = c.nodes[0].own(2, journal.Options{}), c.nodes[1]
	if err := o.repl.courier(m.self.Org).sendPages(t.Context(), []Page{{TopPage, 1, []byte("top secret 1")}}); err != nil {
		t.Fatal(err)
	}
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	return o, m, s
}

// watch gives a file a second name, by which its bytes can be seen after it is gone.
func watch(t *testing.T, name string) (check func()) {
	t.Helper()
	second := filepath.Join(t.TempDir(), "seen")
	if err := os.Link(name, second); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", filepath.Base(name), err)
		}
		b, err := os.ReadFile(second)
		if err != nil || len(b) == 0 || !bytes.Equal(b, make([]byte, len(b))) {
			t.Errorf("the bytes of %s were not overwritten: %q, %v", filepath.Base(name), b, err)
		}
	}
}

// TestErasureIsNotCompleteBeforeTheOldTopIsGone has the overwriting of the old top page fail once: the new one does not count as held, a page
// in between does not come back, and the owner's next try overwrites what is left.
func TestErasureIsNotCompleteBeforeTheOldTopIsGone(t *testing.T) {
	t.Parallel()
	o, m, s := topHeld(t)
	put := func(version uint64) error {
		return o.repl.courier(m.self.Org).sendPages(t.Context(), []Page{{TopPage, version, []byte("top secret")}})
	}
	// A directory cannot be overwritten.
	aside := filepath.Join(s.dir, "aside")
	if err := os.Rename(s.topName(), aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), s.topName()); err != nil {
		t.Fatal(err)
	}
	if err := put(3); err == nil {
		t.Fatal("the old top page stands and the new one is acknowledged")
	}
	if v := s.pageVersions()[TopPage]; v != 1 {
		t.Errorf("version %d counts as held while version 1 can be read", v)
	}
	if err := os.Rename(aside, s.oldTop()); err != nil {
		t.Fatal(err)
	}
	gone := watch(t, s.oldTop())
	for _, version := range []uint64{2, 3} {
		if err := put(version); err != nil {
			t.Fatal(err)
		}
		gone()
		if v := s.pageVersions()[TopPage]; v != 3 {
			t.Errorf("version %d is held, want 3", v)
		}
	}
}

// TestUnfinishedTopPageIsOverwritten leaves what a crash leaves of a top page that was never put in place.
func TestUnfinishedTopPageIsOverwritten(t *testing.T) {
	t.Parallel()
	_, m, s := topHeld(t)
	if err := os.WriteFile(s.newTop(), []byte("top secret 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := watch(t, s.newTop())
	m.restart()
	gone()
}

// TestDroppedPagesLeaveNoTopPage drops a key store of which an older top page is left.
func TestDroppedPagesLeaveNoTopPage(t *testing.T) {
	t.Parallel()
	o, m, s := topHeld(t)
	if err := os.WriteFile(s.oldTop(), []byte("top secret 0"), 0o600); err != nil {
		t.Fatal(err)
	}
	goneOld, gone := watch(t, s.oldTop()), watch(t, s.topName())
	if err := o.repl.ask.dropPages(t.Context(), m.self.Org); err != nil {
		t.Fatal(err)
	}
	goneOld()
	gone()
}
