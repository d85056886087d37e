package record_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
)

// TestReadsAndWritesLookAlike: from outside a usual read and a usual write have seals of one size, of the least there is.
func TestReadsAndWritesLookAlike(t *testing.T) {
	s := newSite(t)
	defer s.close()
	const patient, observation = "Patient/5b2c7a1e-90d4-4f6b-8a3e-1c2d3e4f5a6b", "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"
	a := record.Access{Actor: "Practitioner/7d0c1b2a-3948-4756-a5b4-c3d2e1f00918", Role: "clinician", Purpose: "TREAT", Request: [16]byte{1}}
	a.Detail = "POST Observation"
	if _, err := s.store.Write(context.Background(), a, []record.Change{change(record.OpCreate, observation, patient, "one")}); err != nil {
		t.Fatal(err)
	}
	a.Detail = "GET Observation/" + observation
	if _, err := s.store.Read(context.Background(), a, "Observation", observation, 0); err != nil {
		t.Fatal(err)
	}
	var seals []int
	s.ok(journal.Scan(filepath.Join(s.dir, "journal"), journal.Cursor{}, func(at journal.Located) error {
		blobs, sealed, err := at.Record.Entries[0].Open()
		if err != nil {
			return err
		}
		seals = append(seals, len(sealed)-32*len(blobs)) // the commitments to what it brings stand before the seal
		frame := at.Next.Offset - at.At.Offset + journal.SealSize
		for _, b := range at.Record.Blobs {
			frame -= int64(len(b))
		}
		t.Logf("%d ciphertexts, %d bytes besides", len(blobs), frame)
		return nil
	}))
	if len(seals) != 2 || seals[0] != seals[1] || seals[0] != 12+96+16 {
		t.Errorf("seals of %v bytes", seals)
	}
}
