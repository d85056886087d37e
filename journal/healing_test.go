package journal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

// TestFollowingThroughDamage has a sealed segment rot. Whoever follows is told where, gets on by itself once there is a copy, whoever put it in
// place, and sees every record once.
func TestFollowingThroughDamage(t *testing.T) {
	for name, c := range map[string]struct{ byOther, gone bool }{
		"it heals": {}, "somebody else heals": {byOther: true}, "the file is gone": {gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				j := mustOpen(t, dir, Options{SegmentSize: 4000})
				const n = 60
				for i := range n {
					put(t, j, sample(uint64(i), 1, 100))
				}
				j.Close()
				path := segmentName(dir, 1)
				good := readFile(t, path)
				bad := bytes.Clone(good)
				bad[len(bad)/2] ^= 1
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				j = mustOpen(t, dir, Options{SegmentSize: 4000}) // nothing is left in memory
				defer j.Close()
				if c.gone {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				}
				asked, told := 0, []error(nil)
				h := Healing{
					Heal: func(_ context.Context, d *DamageError) error {
						if asked++; d.Segment != 1 {
							t.Errorf("segment %d is to be healed", d.Segment)
						}
						if asked < 3 {
							return errors.New("nobody answers")
						}
						if err := j.Repair(1, bytes.NewReader(good)); err != nil || !c.byOther {
							return err
						}
						return errors.New("nobody answers")
					},
					Stalled: func(err error) { told = append(told, err) },
				}
				var seen []uint64
				err := h.Through(t.Context(), j.Follow, Cursor{}, func(batch []Located) error {
					for _, l := range batch {
						seen = append(seen, uint64(l.Record.Time))
					}
					if len(seen) == n {
						return errStop
					}
					return nil
				})
				if !errors.Is(err, errStop) {
					t.Fatal(err)
				}
				same(t, "records", seen, count(n))
				if len(told) < 3 || told[len(told)-1] != nil || !errors.Is(told[0], ErrUnhealed) || !strings.Contains(told[0].Error(), path) {
					t.Errorf("told %v", told)
				}
			})
		})
	}
}
