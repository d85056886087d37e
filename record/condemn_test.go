package record_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
)

// steady are rules that do not change.
type steady struct{}

func (steady) Governs(string) (governs, read bool)                        { return false, false }
func (steady) Read() []string                                             { return nil }
func (steady) Number() uint64                                             { return 0 }
func (steady) Change([]record.Rule)                                       {}
func (steady) Types() []string                                            { return nil }
func (steady) Settle(string, map[string]string) (map[string]string, bool) { return nil, true }
func (steady) By(string) map[string]string                                { return nil }

// TestDamageThatARecordMeetsIsNotMetAgain: an index that opens, and in which damage is met by who reads on, is made anew at the next start.
func TestDamageThatARecordMeetsIsNotMetAgain(t *testing.T) {
	s := newSite(t)
	_, err := s.store.Write(t.Context(), clinician, []record.Change{change(record.OpCreate, "a", "Patient/1", "one")})
	s.ok(err)
	s.ok(s.index.Note([]index.Telling{{Type: "Observation", Note: []byte("{")}}))
	s.close()
	s.rules = steady{}
	if err := s.tryOpen(); !errors.Is(err, index.ErrDamaged) {
		t.Fatal(err)
	}
	at := filepath.Join(s.dir, "index")
	keys, err := vault.Open(filepath.Join(s.dir, "keys"), s.root, vault.Options{})
	s.ok(err)
	key, err := keys.Key("", vault.Index)
	s.ok(err)
	if _, err := index.Open(at, key.Blind("file", nil)); !errors.Is(err, index.ErrDamaged) {
		t.Errorf("it is opened again: %v", err)
	}
	s.ok(errors.Join(keys.Close(), index.Remove(at)))
	s.open()
	defer s.close()
	if v, err := s.store.Read(t.Context(), clinician, "Observation", "a", 0); err != nil || string(v.Body) != "one" {
		t.Errorf("made anew: %+v, %v", v, err)
	}
}
