package custody

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/journal"
)

// TestRotIsNoLoss flips a bit in an old segment of the owner, in what its custodian holds the only good copy of, and starts the owner
// again: nothing is withdrawn and nobody accused, and the owner has its bytes back.
func TestRotIsNoLoss(t *testing.T) {
	t.Parallel()
	for name, vouch := range map[string]bool{"vouched for": true, "not yet": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small := journal.Options{SegmentSize: 1 << 12}
			c := newCluster(t, 2)
			m, o := c.nodes[1], c.nodes[0].own(2, small)
			o.start(Sources{})
			if vouch {
				b := o.batch(3)
				o.anchor(b, o.attest(b))
			}
			for range 3 {
				o.write(2)
			}
			end := o.journal.End()
			m.stop()
			for range 20 { // others, in this segment and the next
				if _, err := o.append(record(&o.tags, 2)); err != nil {
					t.Fatal(err)
				}
			}
			o.close()
			file := journal.SegmentFile(filepath.Join(o.dir, "journal"), end.Segment)
			good, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rotten := bytes.Clone(good)
			rotten[end.Offset-20] ^= 1
			if vouch {
				rotten[100] ^= 1 // in an entry that is vouched for
			}
			if err := os.WriteFile(file, rotten, 0o600); err != nil {
				t.Fatal(err)
			}
			again := c.nodes[0].own(2, small)
			again.plans, again.tags = o.plans, o.tags
			m.start(m.self.Peer)
			again.start(Sources{})
			eventually(t, "a write is held again", func() bool { return again.write(1).Copies == 1 })
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, good) {
				t.Errorf("the owner's segment is not whole again: %v", err)
			}
			kept, err := m.keeper.Status()
			if err != nil || kept[0].Withdrawn != 0 || len(kept[0].Alarms) != 0 {
				t.Errorf("withdrawn or accused: %+v, %v", kept, err)
			}
		})
	}
}

// TestInventedRecordsAreNotSignedFor has a custodian add records of its own making to what it holds.
func TestInventedRecordsAreNotSignedFor(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	m, o := c.nodes[1], c.nodes[0].own(2, journal.Options{})
	o.start(Sources{})
	o.write(2)
	place := o.journal.End()
	invented, err := journal.Open(t.TempDir(), journal.Options{Key: journal.Key{9}})
	if err != nil {
		t.Fatal(err)
	}
	defer invented.Close()
	var start journal.Cursor
	for i := range 2 {
		p, err := invented.Append(record(&o.tags, 2)) // the first has as many bytes and entries as the owner's
		if err == nil {
			_, err = p.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			start = invented.End()
		}
	}
	if start != place {
		t.Fatalf("the invented ones begin at %s, want %s", start, place)
	}
	g, err := invented.Frames(start, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.mirror.Append(place, g.Frames); err != nil {
		t.Fatal(err)
	}
	o.close()
	again := c.nodes[0].own(2, journal.Options{})
	again.start(Sources{})
	told := func() string { return again.repl.Status().Custodians[0].Problem }
	eventually(t, "the false claim is told", func() bool { return strings.Contains(told(), errStranger.Error()) })
	kept, err := m.keeper.Status()
	if err != nil || kept[0].Withdrawn != 0 {
		t.Errorf("the owner signed for what it never wrote: %+v, %v", kept, err)
	}
}
