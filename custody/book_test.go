package custody

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

func tagOf(n uint64) (tag verify.Tag) {
	binary.BigEndian.PutUint64(tag[:], n)
	return tag
}

// spoilBook changes bytes in the middle of every table of a closed book.
func spoilBook(t *testing.T, m *member) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(m.dir, "held", "book", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("the book has no table: %v", err)
	}
	for _, path := range tables {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			b[len(b)/2+i] ^= 0x5a
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// vouching is an owner with one anchored batch of forty entries that one custodian has vouched for, in a book with a table.
func vouching(t *testing.T) (o *owner, m *member, anchored Batch) {
	t.Helper()
	c := newCluster(t, 2)
	o, m = c.nodes[0].own(2, journal.Options{}), c.nodes[1]
	first := o.batch(20)
	if err := o.askOne(m, first); err != nil {
		t.Fatal(err)
	}
	anchored = o.anchor(first, nil)
	m.restart() // a start puts into a table what the log of the last run holds
	return o, m, anchored
}

func TestDamagedBookIsPutAsideAndMadeAnew(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]func(t *testing.T, m *member){
		"bytes of a table": spoilBook,
		"a table gone": func(t *testing.T, m *member) {
			tables, err := filepath.Glob(filepath.Join(m.dir, "held", "book", "*.sst"))
			if err != nil || len(tables) == 0 || os.Remove(tables[0]) != nil {
				t.Fatalf("no table to remove: %v", err)
			}
		},
		"the list of tables gone": func(t *testing.T, m *member) {
			lists, err := filepath.Glob(filepath.Join(m.dir, "held", "book", "MANIFEST-*"))
			if err != nil || len(lists) == 0 {
				t.Fatalf("no list to remove: %v", err)
			}
			for _, list := range lists { // the one before is kept for a while
				if err := os.Remove(list); err != nil {
					t.Fatal(err)
				}
			}
		},
		"all of it gone": func(t *testing.T, m *member) {
			if err := os.RemoveAll(filepath.Join(m.dir, "held", "book")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			o, m, anchored := vouching(t)
			m.stop()
			damage(t, m)
			found, err := CheckBook(filepath.Join(m.dir, "held"))
			if err != nil || len(found) != 1 {
				t.Errorf("the check finds %v, %v", found, err)
			}
			m.start(m.self.Peer)
			if s, err := m.keeper.Book(); err != nil || len(s.Aside) != 1 {
				t.Errorf("put aside: %v, %v", s.Aside, err)
			}
			m.keeper.renewal.Wait()
			for i := range uint64(40) {
				if _, found, err := m.keeper.book.place(o.self.Org, tagOf(i+1)); err != nil || !found {
					t.Fatalf("tag %d is not known again: %v", i+1, err)
				}
			}
			m.restart()
			if s, err := m.keeper.Book(); err != nil || len(s.Aside) != 1 {
				t.Errorf("another start: put aside %v, %v", s.Aside, err)
			}
			// It goes on vouching, and refuses what it refused before.
			o.repl.courier(m.self.Org).restore()
			p := o.batch(2)
			leaves, err := leavesOf(context.Background(), o.journal, &anchored)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "it vouches again", func() bool { return o.askOne(m, p, tell(&anchored, leaves)) == nil })
			second := o.anchor(p, nil)
			o.tags = 0
			again := o.batch(1)
			eventually(t, "refused for the tag", func() bool {
				_, ok := refusedAs(o.askOne(m, again, tell(&second, nil)), codeTagReuse)
				return ok
			})
		})
	}
}

func TestWhatALostBookMayHaveVouchedForIsNotWithdrawn(t *testing.T) {
	t.Parallel()
	o, m, _ := vouching(t)
	m.stop()
	spoilBook(t, m)
	m.start(m.self.Peer)
	m.keeper.renewal.Wait()
	_, ok := refusedAs(m.keeper.maybeVouched(o.self.Org, 39), codeVouched)
	if !ok || m.keeper.maybeVouched(o.self.Org, 40) != nil {
		t.Error("it does not tell what was held from what came later")
	}
	if got := m.alarms(t, o.self.Org); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
}

func TestDamageMetWhileRunningCondemnsTheBook(t *testing.T) {
	t.Parallel()
	o, m, _ := vouching(t)
	m.stop()
	path := filepath.Join(m.dir, "held", "book")
	b, err := openBook(path, &bookFaults{log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	spoilBook(t, m)
	if _, _, err := b.place(o.self.Org, tagOf(7)); err == nil {
		t.Error("a damaged table is read")
	}
	if b.damage == nil {
		t.Error("the damage is not noted")
	}
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
	m.start(m.self.Peer)
	if s, err := m.keeper.Book(); err != nil || len(s.Aside) != 1 || s.Damage != nil {
		t.Errorf("the next start: %+v, %v", s, err)
	}
}
