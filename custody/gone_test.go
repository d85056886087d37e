package custody

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/journal"
)

// removeParts deletes every file of the journal copies that a member holds.
func removeParts(t *testing.T, m *member) {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(m.dir, "held", "*", "journal", "*.part"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("nothing is held: %v", err)
	}
	for _, path := range parts {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeletedCopiesAreNamedAndBroughtAgain deletes what a custodian holds, while it is stopped and while it runs.
func TestDeletedCopiesAreNamedAndBroughtAgain(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		c := newCluster(t, 2)
		o, m := c.nodes[0].own(2, journal.Options{}), c.nodes[1]
		o.start(Sources{})
		for range 10 {
			o.write(1)
		}
		if running {
			removeParts(t, m)
		} else {
			m.stop()
			removeParts(t, m)
			found, err := CheckHeld(filepath.Join(m.dir, "held"))
			if err != nil || len(found) != 1 || !strings.HasSuffix(found[0].File, ".part") {
				t.Errorf("the check of a stopped node finds %v, %v", found, err)
			}
			m.start(m.self.Peer)
		}
		if found := m.keeper.Gone(); len(found) != 1 {
			t.Errorf("running %v: gone: %v", running, found)
		}
		damages, err := m.keeper.Scrub(context.Background(), func(int64) {}, func(string) {})
		if err != nil || damages != 1 {
			t.Errorf("running %v: the scrub finds %d, %v", running, damages, err)
		}
		if !slices.Contains(m.alarms(t, o.self.Org), "damage") {
			t.Errorf("running %v: no alarm", running)
		}
		o.repl.courier(m.self.Org).suspend("test: list anew")
		eventually(t, "the copy is complete again", func() bool { return m.heldOf(o.self.Org) == o.journal.End().Offset })
		eventually(t, "nothing is gone any more", func() bool { return len(m.keeper.Gone()) == 0 })
		m.restart()
		if found := m.keeper.Gone(); len(found) != 0 {
			t.Errorf("running %v: gone after another start: %v", running, found)
		}
	}
}

// TestALostCopyIsBroughtToWhoStoodIn deletes what a member holds that stood in for a silent custodian: nobody would give it the segment now.
func TestALostCopyIsBroughtToWhoStoodIn(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	o := c.nodes[0].own(2, journal.Options{})
	o.start(Sources{})
	first, second := o.custodian(0, 0), o.custodian(0, 1)
	o.write(1)
	o.repl.courier(first.self.Org).suspend("test: silent")
	for range 10 {
		o.write(1)
	}
	held := second.heldOf(o.self.Org)
	if held == 0 {
		t.Fatal("nobody stood in")
	}
	eventually(t, "the first custodian is back", func() bool { return !o.repl.courier(first.self.Org).onProbation() })
	second.stop()
	removeParts(t, second)
	second.start(second.self.Peer)
	if found := second.keeper.Gone(); len(found) == 0 {
		t.Fatal("nothing is gone")
	}
	o.repl.courier(second.self.Org).suspend("test: list anew")
	eventually(t, "nothing is gone any more", func() bool { return len(second.keeper.Gone()) == 0 })
	if now := second.heldOf(o.self.Org); now < held {
		t.Errorf("it holds %d bytes, and held %d", now, held)
	}
}

// TestACopyThatIsGoneAsAWholeIsNamed deletes the copy together with what tells of it. What was vouched for is in the book.
func TestACopyThatIsGoneAsAWholeIsNamed(t *testing.T) {
	t.Parallel()
	o, m, _ := vouching(t)
	m.stop()
	if err := os.RemoveAll(filepath.Join(m.dir, "held", o.self.Org.String(), "journal")); err != nil {
		t.Fatal(err)
	}
	m.start(m.self.Peer)
	damages, err := m.keeper.Scrub(context.Background(), func(int64) {}, func(what string) {
		if !strings.Contains(what, "40 are not held") {
			t.Error(what)
		}
	})
	if err != nil || damages != 1 || !slices.Contains(m.alarms(t, o.self.Org), "damage") {
		t.Errorf("the scrub finds %d, %v", damages, err)
	}
}
