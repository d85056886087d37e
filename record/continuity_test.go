package record_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
)

// TestEntryThatComesAgainSetsNothingBack puts the first record of a journal behind its last one: the index refuses it, and the resource and the chart stay where they were.
func TestEntryThatComesAgainSetsNothingBack(t *testing.T) {
	s := newSite(t)
	ctx := context.Background()
	op := record.OpCreate
	for _, body := range []string{"one", "two", "three"} {
		_, err := s.store.Write(ctx, clinician, []record.Change{change(op, "a", "Patient/1", body)})
		s.ok(err)
		op = record.OpUpdate
	}
	_, err := s.store.History(ctx, clinician, record.HistoryQuery{Types: []string{"Observation"}, ID: "a", Count: 10}) // waits for the index, and is an entry itself
	s.ok(err)
	for s.store.Lag() > 0 {
		time.Sleep(time.Millisecond)
	}
	head, err := s.index.Chart("Patient/1")
	s.ok(err)
	var first *journal.Record
	s.ok(journal.Scan(filepath.Join(s.dir, "journal"), journal.Cursor{}, func(at journal.Located) error {
		if first == nil {
			first = &journal.Record{Time: at.Record.Time, Entries: at.Record.Entries, Blobs: at.Record.Blobs}
			b := first.Append(nil)
			first, err = journal.DecodeRecord(b)
		}
		return err
	}))
	p, err := s.log.Append(first)
	s.ok(err)
	_, err = p.Wait(ctx)
	s.ok(err)
	if _, err := s.store.History(ctx, clinician, record.HistoryQuery{Types: []string{"Observation"}, ID: "a", Count: 10}); !errors.Is(err, record.ErrUnavailable) {
		t.Errorf("the index took it in: %v", err)
	}
	if _, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "b", "Patient/1", "four")}); !errors.Is(err, record.ErrUnavailable) {
		t.Errorf("written although it will never be found: %v", err)
	}
	v, err := s.index.Current("Observation", "a")
	s.ok(err)
	now, err := s.index.Chart("Patient/1")
	s.ok(err)
	if v.Number != 3 || now != head {
		t.Errorf("version %d, head %+v, was %+v", v.Number, now, head)
	}
	s.close()
}

// TestLookedUpInMemoryOpenedFromDisk: between the two the index takes over what memory held, and nothing is called damaged for it.
func TestLookedUpInMemoryOpenedFromDisk(t *testing.T) {
	s := newSite(t)
	if _, err := s.store.Write(t.Context(), clinician, []record.Change{change(record.OpCreate, "a", "Patient/1", "one")}); err != nil {
		t.Fatal(err)
	}
	v, err := s.store.OpenUnplaced(t.Context(), "Observation", "a")
	if err != nil || string(v.Source) != "one" {
		t.Fatalf("%+v, %v", v, err)
	}
}
