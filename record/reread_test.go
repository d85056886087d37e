package record_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// TestWhatCouldNotBeReadIsFoundLater has the index made anew while a resource does not open, or gives no terms. Searches that may miss it say so, to
// those who may see it; it is found as soon as it can be read: after a restart, or when a read has healed it.
func TestWhatCouldNotBeReadIsFoundLater(t *testing.T) {
	body := strings.Repeat("large ", 20<<10)
	for name, c := range map[string]struct{ spoil, mend func(s *site) }{
		"damaged, put back, restarted": {
			spoil: func(s *site) { s.good = s.damageBlob() },
			mend: func(s *site) {
				s.close()
				s.ok(filepath.WalkDir(filepath.Join(s.dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					return os.WriteFile(path, s.good, 0o600)
				}))
				s.open()
			},
		},
		"damaged, healed by a read": {
			spoil: func(s *site) { s.good = s.damageBlob() },
			mend: func(s *site) {
				s.heal = func(context.Context, index.Version) ([]byte, error) { return s.good, nil }
				_, err := s.store.Read(s.t.Context(), clinician, "Observation", "big", 0)
				s.ok(err)
			},
		},
		"stored under other rules": {
			spoil: func(s *site) {
				s.extract = func(string) ([]term.Term, error) { return nil, errors.New("not by these rules") }
			},
			mend: func(s *site) {
				s.close()
				s.extract = nil
				s.open()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			defer func() { s.close() }()
			_, err := s.store.Write(t.Context(), clinician, []record.Change{change(record.OpCreate, "big", "Patient/a", body)})
			s.ok(err)
			s.close()
			c.spoil(s)
			s.ok(os.RemoveAll(filepath.Join(s.dir, "index")))
			s.open()
			search := func(a record.Access, f term.Clause) *record.Page {
				t.Helper()
				page, err := s.store.Search(t.Context(), a, record.Query{Type: "Observation", All: []term.Clause{f}, Count: 5})
				s.ok(err)
				return page
			}
			byCode := term.Clause{Param: "code", Kind: term.Token, Any: []term.Test{{System: "s", Code: body}}}
			byID := term.Clause{Param: term.ParamID, Kind: term.Token, Any: []term.Test{{Code: "big"}}}
			patient := func(id string) record.Access {
				return record.Access{Actor: id, Role: "patient", Purpose: "PATRQT", Chart: "Patient/" + id}
			}
			for who, a := range map[string]record.Access{"a clinician": clinician, "the patient": patient("a")} {
				if page := search(a, byCode); page.Total != 0 || !page.Missing {
					t.Errorf("%s is given %d, and is told %v that something is missing", who, page.Total, page.Missing)
				}
				if page := search(a, byID); page.Total != 1 || page.Missing {
					t.Errorf("%s is given %d by id, and is told %v that something is missing", who, page.Total, page.Missing)
				}
			}
			if page := search(patient("b"), byCode); page.Missing {
				t.Error("another patient is told that something of somebody else is missing")
			}
			c.mend(s)
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				page := search(clinician, byCode)
				if page.Total == 1 && !page.Missing {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("it is never found: %d, %v", page.Total, page.Missing)
				}
			}
		})
	}
}
