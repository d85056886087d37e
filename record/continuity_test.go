package record_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
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

// TestEntryThatBringsNothing has entries of writes in the journal that name no version, or several: an index that is made anew finds what comes behind them.
func TestEntryThatBringsNothing(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	two := []verify.Target{{Ref: "Observation/x", Version: 1, Blob: verify.Hash{1}}, {Ref: "Observation/y", Version: 1, Blob: verify.Hash{2}}}
	for _, kind := range []verify.Kind{verify.KindCreate, verify.KindUpdate, verify.KindDelete} {
		for _, targets := range [][]verify.Target{nil, two, {{Ref: "Observation", Version: 1, Blob: verify.Hash{1}}}} {
			s.ok(s.store.Enter(ctx, clinician, kind, "Patient/1", targets...))
		}
	}
	_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "a", "Patient/1", "one")})
	s.ok(err)
	s.close()
	s.ok(os.RemoveAll(filepath.Join(s.dir, "index")))
	s.ok(s.tryOpen())
	defer s.close()
	page, err := s.store.Search(ctx, clinician, record.Query{Type: "Observation", Count: 10})
	if err != nil || len(page.Versions) != 1 || page.Versions[0].ID != "a" {
		t.Errorf("found %+v, %v", page, err)
	}
	if _, err := s.store.ChangeAt(ctx, 0); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("the first entry brought a version: %v", err)
	}
}
