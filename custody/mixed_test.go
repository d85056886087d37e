package custody

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// histories makes an owner that lost records by a loss of power, and wrote others of the same size in their places: shared is what both
// histories begin with. Each record is a frame of the same number of bytes, so that they share every boundary.
type histories struct {
	*cluster
	o                   *owner
	shared              journal.Cursor
	lost, since         []byte           // the whole segment in either history
	lostEnds, sinceEnds []journal.Cursor // of the records after shared
}

func newHistories(t *testing.T, lost, since int) *histories {
	h := &histories{cluster: newCluster(t, 4)}
	h.o = h.nodes[0].own(1, journal.Options{})
	dir, tags := filepath.Join(t.TempDir(), "journal"), uint64(0)
	write := func(n int) (ends []journal.Cursor, segment []byte) {
		j, err := journal.Open(dir, journal.Options{Key: testKey}) // nobody is given anything: what a custodian holds the test decides
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		for range n {
			p, err := j.Append(record(&tags, 1))
			if err == nil {
				_, err = p.Wait(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			ends = append(ends, j.End())
		}
		g, err := j.Frames(journal.Cursor{}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return ends, g.Frames
	}
	begun, _ := write(3)
	h.shared = begun[2]
	h.lostEnds, h.lost = write(lost)
	if err := errors.Join(os.Truncate(journal.SegmentFile(dir, 0), h.shared.Offset), os.Remove(filepath.Join(dir, "durable"))); err != nil {
		t.Fatal(err)
	}
	h.sinceEnds, h.since = write(since)
	return h
}

// gives makes a member the custodian of a run of either history.
func (h *histories) gives(t *testing.T, m *member, start, end journal.Cursor, file []byte) {
	t.Helper()
	s, err := m.keeper.shelf(h.o.self.Org)
	if err == nil {
		_, err = s.mirror.Append(start, file[start.Offset:end.Offset])
	}
	if err != nil {
		t.Fatal(err)
	}
}

// restored is the journal that a lost disk has back from custodians.
func (h *histories) restored(t *testing.T) ([]byte, Holdings) {
	t.Helper()
	ctx := context.Background()
	f, dir := h.o.fetcher(), filepath.Join(t.TempDir(), "journal")
	held := f.Holdings(ctx)
	f.Prove(ctx, &held, journal.Cursor{}, nil)
	if err := f.Extend(ctx, dir, journal.Cursor{}, held.End(), nil); err != nil {
		t.Log(err)
	}
	end := journal.Cursor{}
	if err := journal.Scan(dir, journal.Cursor{}, func(at journal.Located) error { end = at.Next; return nil }); err != nil {
		t.Fatal(err)
	}
	b, err := head(journal.SegmentFile(dir, 0), end.Offset)
	if err != nil {
		t.Fatal(err)
	}
	f.Prove(ctx, &held, end, b)
	f.Compare(ctx, &held, journal.Cursor{}, func(at journal.Cursor, n int) ([]byte, error) {
		return b[min(at.Offset, int64(len(b))):min(at.Offset+int64(n), int64(len(b)))], nil
	})
	return b, held
}

// TestHistoriesAreNotMixed has a custodian that was silent since before the loss of power serve the lost history once the owner's whole disk is
// gone: up to a boundary that both histories have, where another custodian goes on with the present one.
func TestHistoriesAreNotMixed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost, since, from int  // records; from which of those since the other custodian holds
		whole             bool // or it holds all from the beginning
		want              string
	}{
		"the present goes further, from the fork on":         {1, 4, 0, false, "since"},
		"the present goes further, all of it":                {2, 4, 0, true, "since"},
		"the lost goes further":                              {4, 1, 0, false, "lost"},
		"what joins the present to the beginning is nowhere": {2, 4, 1, false, "lost"},
		"the lost goes further, both from the beginning":     {3, 2, 0, true, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistories(t, c.lost, c.since)
			silent, other := h.o.custodian(0, 0), h.o.custodian(0, 1)
			h.gives(t, silent, journal.Cursor{}, h.lostEnds[c.lost-1], h.lost)
			start := slices.Concat([]journal.Cursor{h.shared}, h.sinceEnds)[c.from]
			if c.whole {
				start = journal.Cursor{}
			}
			h.gives(t, other, start, h.sinceEnds[c.since-1], h.since)
			got, held := h.restored(t)
			want := map[string][]byte{"lost": h.lost, "since": h.since}[c.want]
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes came back, of which the first %d are the lost history's and the first %d the present one's; want the %s",
					len(got), alike(got, h.lost), alike(got, h.since), c.want)
			}
			apart := []verify.OrgID{silent.self.Org}
			if c.want == "lost" {
				apart = []verify.OrgID{other.self.Org}
			}
			var named []verify.OrgID
			for org := range held.Other {
				named = append(named, org)
			}
			if diff := cmp.Diff(apart, named); diff != "" {
				t.Errorf("who holds another history: %s", diff)
			}
		})
	}
}

// TestALostHistoryDoesNotGoOnFromThePresent has a custodian that was silent hold more of the lost history than the owner, whose disk is there, has
// written since: nothing of it is taken, and who holds it is named.
func TestALostHistoryDoesNotGoOnFromThePresent(t *testing.T) {
	t.Parallel()
	h := newHistories(t, 5, 2)
	silent := h.o.custodian(0, 0)
	h.gives(t, silent, journal.Cursor{}, h.lostEnds[4], h.lost)
	dir := t.TempDir()
	if err := os.WriteFile(journal.SegmentFile(dir, 0), h.since, 0o600); err != nil {
		t.Fatal(err)
	}
	f, end := h.o.fetcher(), h.sinceEnds[1]
	if err := f.Extend(t.Context(), dir, end, h.lostEnds[4], nil); !errors.Is(err, ErrNowhere) || !errors.Is(err, journal.ErrOther) {
		t.Errorf("the lost history was taken, or it is not said why not: %v", err)
	}
	if b, err := os.ReadFile(journal.SegmentFile(dir, 0)); err != nil || !bytes.Equal(b, h.since) {
		t.Errorf("the owner's segment has %d bytes, want %d: %v", len(b), len(h.since), err)
	}
	held := f.Holdings(t.Context())
	f.Prove(t.Context(), &held, end, h.since)
	if held.Other[silent.self.Org] == nil || held.End().Compare(end) > 0 {
		t.Errorf("believed up to %s: %+v", held.End(), held)
	}
}

// TestASegmentOfAnotherHistoryDoesNotStandInTheWay has the first custodian in order hold a whole segment of the lost history: the header that
// begins it names another segment before, and the next custodian is asked.
func TestASegmentOfAnotherHistoryDoesNotStandInTheWay(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	o := c.nodes[0].own(1, journal.Options{})
	dir, tags := filepath.Join(t.TempDir(), "journal"), uint64(0)
	write := func(n int) (files [2][]byte, starts [2]journal.Cursor, end journal.Cursor) {
		j, err := journal.Open(dir, journal.Options{Key: testKey, SegmentSize: 1 << 11})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		for range n {
			p, err := j.Append(record(&tags, 1))
			if err == nil {
				_, err = p.Wait(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range j.Segments() {
			g, err := j.Frames(journal.Cursor{Segment: s.Number, Entry: s.FirstEntry}, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			files[s.Number], starts[s.Number], end = g.Frames, g.Start, g.End
		}
		return files, starts, end
	}
	_, _, shared := write(3)
	lost, starts, _ := write(6)
	err := errors.Join(os.Remove(journal.SegmentFile(dir, 1)), os.Truncate(journal.SegmentFile(dir, 0), shared.Offset), os.Remove(filepath.Join(dir, "durable")))
	if err != nil {
		t.Fatal(err)
	}
	since, _, end := write(6)
	hold := func(m *member, at journal.Cursor, b []byte) {
		s, err := m.keeper.shelf(o.self.Org)
		if err == nil {
			_, err = s.mirror.Append(at, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	hold(o.custodian(1, 0), starts[1], lost[1])
	hold(o.custodian(1, 1), starts[0], since[0])
	hold(o.custodian(1, 1), starts[1], since[1])
	restored := filepath.Join(t.TempDir(), "journal")
	if err := o.fetcher().Extend(t.Context(), restored, journal.Cursor{}, end, nil); err != nil {
		t.Fatal(err)
	}
	for number, want := range since {
		if b, err := os.ReadFile(journal.SegmentFile(restored, uint32(number))); err != nil || !bytes.Equal(b, want) {
			t.Errorf("segment %d is another: %v", number, err)
		}
	}
}

func alike(a, b []byte) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
