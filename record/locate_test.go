package record_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
)

// TestEntryIsHealedAtTheRead damages the live segment of the journal in the frame of an entry. One that nobody has a copy of is named; with a
// copy the entry is given, and so are those that a search goes through.
func TestEntryIsHealedAtTheRead(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	if _, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "a", "Patient/a", "text")}); err != nil {
		t.Fatal(err)
	}
	auditor := record.Access{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL"}
	id := org.String() + "-0"
	s.close()
	path := filepath.Join(s.dir, "journal", "0000000000.segment")
	good, err := os.ReadFile(path)
	s.ok(err)
	s.open() // nothing is left in memory
	at, err := s.index.Locate(0)
	s.ok(err)
	bad := bytes.Clone(good)
	bad[at.Offset+40] ^= 0xff
	s.ok(os.WriteFile(path, bad, 0o600))

	if _, err := s.store.AuditEvent(ctx, auditor, id); !errors.Is(err, record.ErrDamaged) {
		t.Fatalf("a damaged entry without a custodian: %v, want ErrDamaged", err)
	}
	healed := 0
	s.healSegment = func(ctx context.Context, segment uint32) error {
		healed++
		if s.log.End().Segment == segment {
			s.ok(s.log.Seal(ctx))
		}
		whole, err := os.ReadFile(path) // what was written since is not in the copy
		s.ok(err)
		copy(whole, good)
		return s.log.Repair(segment, bytes.NewReader(whole))
	}
	e, err := s.store.AuditEvent(ctx, auditor, id)
	if err != nil || e.Entry == nil || healed != 1 {
		t.Fatalf("with a custodian: %v, healed %d times", err, healed)
	}
	s.ok(os.WriteFile(path, bad, 0o600)) // shorter than it was sealed, too
	events, _, err := s.store.AuditEvents(ctx, auditor, record.AuditQuery{Count: 100})
	s.ok(err)
	for _, e := range events {
		if e.Entry == nil {
			t.Errorf("%s is left out of a search", e.ID)
		}
	}
	if err := journal.Scan(filepath.Join(s.dir, "journal"), journal.Cursor{}, func(journal.Located) error { return nil }); err != nil {
		t.Errorf("the journal is not whole: %v", err)
	}
}

// TestSegmentIsHealedOnTheWayIntoTheIndex has a sealed segment rot and the index made anew. Without a copy the start says which file it is;
// with one it goes through, and the repair is noted behind everything.
func TestSegmentIsHealedOnTheWayIntoTheIndex(t *testing.T) {
	s := newSite(t)
	ctx := context.Background()
	for _, id := range []string{"a", "b"} {
		if _, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, id, "Patient/a", id)}); err != nil {
			t.Fatal(err)
		}
		s.ok(s.log.Seal(ctx))
	}
	s.close()
	path := filepath.Join(s.dir, "journal", "0000000000.segment")
	good, err := os.ReadFile(path)
	s.ok(err)
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 1
	s.ok(os.WriteFile(path, bad, 0o600))
	s.ok(os.RemoveAll(filepath.Join(s.dir, "index")))

	err = s.tryOpen()
	if !errors.Is(err, journal.ErrUnhealed) || !strings.Contains(err.Error(), path) {
		t.Fatalf("without a copy: %v, want ErrUnhealed and the file", err)
	}

	s.healSegment = func(_ context.Context, segment uint32) error { return s.log.Repair(segment, bytes.NewReader(good)) }
	s.open()
	defer s.close()
	for _, id := range []string{"a", "b"} {
		if _, err := s.store.Read(ctx, clinician, "Observation", id, 0); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if own := s.entries()[""]; len(own) != 1 || own[0].Detail != "repaired segment 0 of the journal from a custodian" {
		t.Errorf("the organisation's entries: %+v", own)
	}
}
