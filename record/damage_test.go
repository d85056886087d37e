package record_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

func TestDamageIsHealedOrNamed(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	body := strings.Repeat("large ", 20<<10)
	if _, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "big", "Patient/a", body)}); err != nil {
		t.Fatal(err)
	}
	s.close()
	s.open() // nothing is left in memory
	good := s.damageBlob()
	if _, err := s.store.Read(ctx, clinician, "Observation", "big", 0); !errors.Is(err, record.ErrDamaged) {
		t.Fatalf("damaged content without a custodian: %v, want ErrDamaged", err)
	}
	s.heal = func(context.Context, index.Version) ([]byte, error) { return good[:len(good)-1], nil }
	if _, err := s.store.Read(ctx, clinician, "Observation", "big", 0); !errors.Is(err, record.ErrDamaged) {
		t.Fatalf("a custodian's wrong copy: %v, want ErrDamaged", err)
	}
	s.heal = func(context.Context, index.Version) ([]byte, error) { return good, nil }
	got, err := s.store.Read(ctx, clinician, "Observation", "big", 0)
	if err != nil || string(got.Body) != body {
		t.Fatalf("after repair: %v", err)
	}
	var kinds []verify.Kind
	for _, e := range s.entries()["Patient/a"] {
		kinds = append(kinds, e.Kind)
	}
	// The two reads that gave nothing are no reads; the gate records them as refused.
	if want := []verify.Kind{verify.KindCreate, verify.KindSystem, verify.KindRead}; !slices.Equal(kinds, want) {
		t.Errorf("entries of kinds %v, want %v", kinds, want)
	}
}

// TestRepairWhileTheIndexCatchesUp damages a large ciphertext that many entries of its chart follow, and has the index made anew: the repair is
// noted behind them all, and the node starts again, however often.
func TestRepairWhileTheIndexCatchesUp(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	body := strings.Repeat("large ", 20<<10)
	if _, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "big", "Patient/a", body)}); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		_, err := s.store.Read(ctx, clinician, "Observation", "big", 0)
		s.ok(err)
	}
	s.close()
	good := s.damageBlob()
	s.heal = func(context.Context, index.Version) ([]byte, error) { return good, nil }
	for range 2 {
		s.ok(os.RemoveAll(filepath.Join(s.dir, "index")))
		s.open()
		if _, err := s.store.Read(ctx, clinician, "Observation", "big", 0); err != nil {
			t.Error(err)
		}
		s.close()
	}
	s.open()
	noted := 0
	entries := s.entries()["Patient/a"]
	for _, e := range entries {
		if e.Kind == verify.KindSystem {
			noted++
		}
	}
	// Here what heals does not put the copy in place: it is needed, and noted, at both rebuilds and both reads.
	if len(entries) != 1+50+2+4 || noted != 4 {
		t.Errorf("%d entries, %d of them repairs", len(entries), noted)
	}
}

// damageBlob changes a byte of the one large ciphertext there is, and gives what it was.
func (s *site) damageBlob() (good []byte) {
	s.t.Helper()
	s.ok(filepath.WalkDir(filepath.Join(s.dir, "blobs"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if good, err = os.ReadFile(path); err != nil {
			return err
		}
		bad := slices.Clone(good)
		bad[len(bad)/2] ^= 1
		return os.WriteFile(path, bad, 0o600)
	}))
	return good
}
