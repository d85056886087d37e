package record_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// TestNothingIsBelievedWithoutItsBinding changes what the seal of an entry does not cover: the binding, so that it names another key than the one
// that opens the entry, and the record's time, of which the entry's is taken.
func TestNothingIsBelievedWithoutItsBinding(t *testing.T) {
	s := newSite(t)
	defer s.close()
	if _, err := s.store.Write(context.Background(), clinician, []record.Change{change(record.OpCreate, "o1", "Patient/a", "one")}); err != nil {
		t.Fatal(err)
	}
	err := journal.Scan(filepath.Join(s.dir, "journal"), journal.Cursor{}, func(at journal.Located) error {
		r := at.Record
		if _, _, err := s.store.Opened(r, r.First); err != nil {
			return err
		}
		other := *r
		other.Entries = slices.Clone(r.Entries)
		other.Entries[0].Bind = verify.Bind(verify.Hash{9}, verify.Hash{9})
		if e, _, err := s.store.Opened(&other, r.First); err == nil {
			t.Errorf("under another binding: %+v", e)
		}
		other.Entries, other.Time = r.Entries, r.Time+1
		if e, _, err := s.store.Opened(&other, r.First); err == nil {
			t.Errorf("at another time: %+v", e)
		}
		return nil
	})
	s.ok(err)
}
