package record_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// TestGather: what is found in rounds is one release. Each chart has one entry that names what of it was given, and nothing else.
func TestGather(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	for _, id := range []string{"o1", "o2", "o3"} {
		_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, id, "Patient/a", id)})
		s.ok(err)
	}
	_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "b1", "Patient/b", "b1")})
	s.ok(err)
	before := s.entries()
	byID := func(ids ...string) record.Query {
		q := record.Query{Type: "Observation", All: []term.Clause{{Param: term.ParamID, Kind: term.Token}}, Count: 10}
		for _, id := range ids {
			q.All[0].Any = append(q.All[0].Any, term.Test{Form: term.AnySystem, Code: id})
		}
		return q
	}
	gather := func(a record.Access, stop error) ([]string, error) {
		var rounds []string
		out, err := s.store.Gather(ctx, a, &record.Gathering{
			Next: func(found []record.Version) ([]record.Query, error) {
				rounds = append(rounds, "round")
				for i := range found {
					rounds = append(rounds, found[i].ID)
				}
				first := byID("o1", "o2")
				first.Keep = func(v *record.Version) bool { return v.ID != "o2" }
				switch len(rounds) {
				case 1:
					return []record.Query{first, byID("o1")}, nil
				case 3, 2:
					return []record.Query{byID("o1", "o3", "b1")}, stop
				}
				return nil, nil
			},
			Give: func(v *record.Version) bool { return v.ID != "b1" },
		})
		if err != nil {
			return rounds, err
		}
		if out.Cut || out.Missing {
			t.Errorf("cut %v, missing %v", out.Cut, out.Missing)
		}
		for i := range out.Versions {
			rounds = append(rounds, "given "+string(out.Versions[i].Body))
		}
		return rounds, nil
	}
	added := func() (list []string) {
		for chart, entries := range s.entries() {
			for _, e := range entries[len(before[chart]):] {
				line := fmt.Sprintf("%s %d", chart, e.Kind)
				for _, target := range e.Targets {
					line += " " + target.Ref
				}
				list = append(list, line)
			}
		}
		return list
	}
	stopped := errors.New("stopped")
	if _, err := gather(clinician, stopped); err != stopped {
		t.Errorf("stopped: %v", err)
	}
	if _, err := gather(record.Access{Role: "auditor"}, nil); !errors.Is(err, record.ErrForbidden) {
		t.Errorf("an auditor: %v", err)
	}
	if list := added(); list != nil {
		t.Errorf("nothing was given, and there is %q", list)
	}
	got, err := gather(clinician, nil)
	s.ok(err)
	if diff := cmp.Diff([]string{"round", "round", "o1", "round", "o3", "b1", "given o1", "given o3"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{fmt.Sprintf("Patient/a %d Observation/o1 Observation/o3", verify.KindSearch)}, added()); diff != "" {
		t.Error(diff)
	}
	before = s.entries()
	got, err = gather(record.Access{Role: "patient", Chart: "Patient/b", Actor: "Patient/b"}, nil)
	s.ok(err)
	if diff := cmp.Diff([]string{"round", "round", "round", "b1"}, got); diff != "" {
		t.Errorf("another's patient: %s", diff)
	}
}
