package record_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
)

// A chart whose keys are lost was not erased: its content and its entries are damaged, nothing takes its place, and its entries are not passed
// over when the index is made anew.
func TestALostKeyIsDamage(t *testing.T) {
	s := newSite(t)
	ctx := context.Background()
	kept := filepath.Join(t.TempDir(), "keys")
	s.close()
	s.ok(os.CopyFS(kept, os.DirFS(filepath.Join(s.dir, "keys"))))
	s.open()
	_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "o1", "Patient/a", "body")})
	s.ok(err)
	for s.store.Lag() > 0 { // the index must not need the key any more
		time.Sleep(time.Millisecond)
	}
	s.close()
	s.ok(os.RemoveAll(filepath.Join(s.dir, "keys")))
	s.ok(os.CopyFS(filepath.Join(s.dir, "keys"), os.DirFS(kept))) // as of before the chart, all of it whole
	s.open()
	defer func() { s.close() }()
	if _, err := s.store.Read(ctx, clinician, "Observation", "o1", 0); !errors.Is(err, record.ErrDamaged) {
		t.Errorf("read: %v, want ErrDamaged", err)
	}
	for _, op := range []record.Op{record.OpUpdate, record.OpDelete} {
		if _, err := s.store.Write(ctx, clinician, []record.Change{change(op, "o1", "Patient/a", "other")}); !errors.Is(err, record.ErrDamaged) {
			t.Errorf("write %v: %v, want ErrDamaged", op, err)
		}
	}
	auditor := record.Access{Actor: "Practitioner/2", Role: "auditor", Purpose: "HOPERAT", Request: [16]byte{2}, Detail: "test"}
	if _, err := s.store.AuditEvent(ctx, auditor, fmt.Sprintf("%s-0", org)); !errors.Is(err, record.ErrDamaged) {
		t.Errorf("entry: %v, want ErrDamaged", err)
	}
	s.store.Close()
	s.ok(s.index.Close())
	s.ok(os.RemoveAll(filepath.Join(s.dir, "index")))
	s.ok(errors.Join(s.log.Close(), s.vault.Close()))
	if err := s.tryOpen(); err == nil {
		t.Error("the index is made anew without the chart")
	}
	s.ok(os.RemoveAll(filepath.Join(s.dir, "journal"))) // so that it opens, to be closed
	s.open()
}

// An erased chart is gone, and what was erased is no damage.
func TestAnErasedChartIsGone(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "o1", "Patient/a", "body")})
	s.ok(err)
	s.close()
	v, err := vault.Open(filepath.Join(s.dir, "keys"), s.root, vault.Options{})
	s.ok(err)
	s.ok(errors.Join(v.EraseChart("Patient/a"), v.Close()))
	s.ok(os.RemoveAll(filepath.Join(s.dir, "index")))
	s.open()
	if _, err := s.store.Read(ctx, clinician, "Observation", "o1", 0); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("read: %v, want ErrNotFound", err)
	}
}
