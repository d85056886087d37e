package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

func TestAppendReadReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := mustOpen(t, dir, Options{SegmentSize: 4096})
	at := fill(t, j, 40)
	for round := range 3 {
		for i, c := range at {
			r, err := j.Read(c)
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			isSample(t, r, uint64(i), 1+i%3, 200)
		}
		same(t, "scan", seeds(t, dir), count(40))
		end := j.End()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = mustOpen(t, dir, Options{SegmentSize: 4096})
		same(t, "end", j.End(), end)
		same(t, "recovered", j.Recovered(), Recovery{})
	}
	if ack := put(t, j, sample(40, 2, 200)); ack.Cursor.Entry != 79 {
		t.Fatalf("entry %d, want 79", ack.Cursor.Entry)
	}
}

func TestSegmentsAreChained(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 2048})
	fill(t, j, 30)
	if err := j.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := j.Seal(context.Background()); err != nil { // of an empty segment: nothing
		t.Fatal(err)
	}
	segments := j.Segments()
	if len(segments) < 5 {
		t.Fatalf("%d segments", len(segments))
	}
	for i, s := range segments[:len(segments)-1] {
		b := readFile(t, segmentName(dir, s.Number))
		if !s.Sealed || s.Number != uint32(i) || s.Size != int64(len(b)) || s.Hash != verify.Hash(sha256.Sum256(b)) {
			t.Fatalf("segment %d: %+v", i, s)
		}
		if s.Size > 2048 {
			t.Fatalf("segment %d has %d bytes", i, s.Size)
		}
	}
	if last := segments[len(segments)-1]; last.Sealed || last.Size != int64(headerSize) || last.FirstEntry != j.End().Entry {
		t.Fatalf("last segment %+v", last)
	}
	end := j.End()
	j.Close()
	j = mustOpen(t, dir, Options{SegmentSize: 2048})
	same(t, "segments", j.Segments(), segments)
	same(t, "end", j.End(), end)
}

func TestRecordLargerThanSegment(t *testing.T) {
	j := mustOpen(t, t.TempDir(), Options{SegmentSize: 1000})
	for i := range 4 {
		put(t, j, sample(uint64(i), 1, 300<<10))
	}
	put(t, j, sample(4, 1, 10))
	n := 0
	err := j.Follow(context.Background(), Cursor{}, func(b []Located) error {
		if n += len(b); n == 5 {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) {
		t.Fatal(err)
	}
}

var errStop = errors.New("stop")

func TestAppendRefuses(t *testing.T) {
	j := mustOpen(t, t.TempDir(), Options{})
	for name, r := range map[string]*Record{
		"no entries": {},
		"many":       {Entries: make([]Entry, MaxEntries+1)},
		"blob":       {Entries: make([]Entry, 1), Blobs: [][]byte{make([]byte, MaxInline+1)}},
		"large":      {Entries: []Entry{{Envelope: make([]byte, MaxRecord)}}},
	} {
		if _, err := j.Append(r); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	j.Close()
	if _, err := j.Append(sample(1, 1, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := j.Seal(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Seal after Close: %v", err)
	}
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v", err)
	}
	j.Close()
	mustOpen(t, dir, Options{})
}

func TestReadRefusesOtherCursors(t *testing.T) {
	for _, kept := range []bool{true, false} { // in memory, and from the file
		dir := t.TempDir()
		j := mustOpen(t, dir, Options{})
		at := fill(t, j, 3)
		if !kept {
			j.Close()
			j = mustOpen(t, dir, Options{})
		}
		for name, c := range map[string]Cursor{
			"beyond":        {Segment: 0, Offset: j.End().Offset + 1, Entry: j.End().Entry},
			"end":           j.End(),
			"segment":       {Segment: 7},
			"header":        {Offset: 8},
			"another entry": {Segment: 0, Offset: at[1].Offset, Entry: at[1].Entry + 1},
		} {
			if _, err := j.Read(c); !errors.Is(err, ErrCursor) {
				t.Errorf("%s: %v", name, err)
			}
			if name == "end" { // where a follower would wait for more
				continue
			}
			if err := j.Follow(context.Background(), c, func([]Located) error { return errStop }); !errors.Is(err, ErrCursor) {
				t.Errorf("follow %s: %v", name, err)
			}
		}
		if _, err := j.Read(Cursor{Offset: at[1].Offset + 3, Entry: 1}); err == nil {
			t.Error("a place inside a frame was read")
		}
	}
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 64 << 10})
	const n = 3000
	var wg sync.WaitGroup
	starts := []Cursor{{}}
	follow := func(from Cursor, first int) {
		defer wg.Done()
		next, at := uint64(first), from
		err := j.Follow(context.Background(), from, func(batch []Located) error {
			for _, l := range batch {
				if at != (Cursor{}) && l.At != at && l.At.Segment == at.Segment {
					t.Errorf("record at %s, want %s", l.At, at)
				}
				if at = l.Next; uint64(l.Record.Time) != next {
					t.Errorf("record %d, want %d", l.Record.Time, next)
				}
				next++
			}
			if next == n {
				return errStop
			}
			return nil
		})
		if !errors.Is(err, errStop) {
			t.Error(err)
		}
	}
	for range 3 {
		wg.Add(1)
		go follow(starts[0], 0)
	}
	for i := range n {
		p, err := j.Append(sample(uint64(i), 1, 100))
		if err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			if _, err := p.Wait(context.Background()); err != nil {
				t.Fatal(err)
			}
			wg.Add(1)
			go follow(p.Cursor(), i)
		}
	}
	wg.Wait()
}

func TestFollowEnds(t *testing.T) {
	j := mustOpen(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- j.Follow(ctx, Cursor{}, func([]Located) error { return nil }) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	go func() { ended <- j.Follow(context.Background(), Cursor{}, func([]Located) error { return nil }) }()
	time.Sleep(time.Millisecond)
	j.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

// custodians is a Holder that keeps every group in a mirror.
type custodians struct{ m *Mirror }

func (c custodians) Hold(_ context.Context, g Group) int {
	if _, err := c.m.Append(g.Start, g.Frames); err != nil {
		return 0
	}
	return 1
}

func TestHolderGetsTheFile(t *testing.T) {
	dir, held := t.TempDir(), t.TempDir()
	m, err := OpenMirror(held)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	opt := Options{SegmentSize: 8 << 10, Hold: custodians{m}}
	j := mustOpen(t, dir, opt)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if ack := put(t, j, sample(uint64(w*20+i), 1, 150)); ack.Copies != 1 {
					t.Errorf("%d copies", ack.Copies)
				}
			}
		})
	}
	wg.Wait()
	j.Close()
	j = mustOpen(t, dir, opt) // and what is written after opening again
	put(t, j, sample(1000, 1, 150))
	j.Close()
	for _, s := range j.Segments() {
		var copied bytes.Buffer
		if _, err := m.Copy(s.Number, &copied); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(copied.Bytes(), readFile(t, segmentName(dir, s.Number))) {
			t.Fatalf("the copy of segment %d differs", s.Number)
		}
	}
}

func TestFramesBringMirrorUpToDate(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 4096})
	fill(t, j, 60)
	m, err := OpenMirror(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	at := Cursor{}
	for range 1000 {
		g, err := j.Frames(at, 1500)
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Frames) == 0 {
			break
		}
		if at, err = m.Append(g.Start, g.Frames); err != nil {
			t.Fatal(err)
		}
		same(t, "end", at, g.End)
	}
	same(t, "end", at, j.End())
	n := 0
	if err := m.Scan(Cursor{}, func(l Located) error {
		isSample(t, l.Record, uint64(n), 1+n%3, 200)
		n++
		return nil
	}); err != nil || n != 60 {
		t.Fatal(n, err)
	}
	same(t, "held", len(m.Held()), len(j.Segments()))
}

func TestRepair(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 4096})
	at := fill(t, j, 60)
	j.Close()
	j = mustOpen(t, dir, Options{SegmentSize: 4096}) // nothing in memory
	name := segmentName(dir, 1)
	good := readFile(t, name)
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 4
	writeFile(t, name, bad)
	read := func() (err error) {
		for _, c := range at {
			if _, e := j.Read(c); e != nil {
				err = e
			}
		}
		return err
	}
	wantDamage(t, read(), name, int64(len(bad)/2))
	wantDamage(t, Scan(dir, Cursor{}, func(Located) error { return nil }), name, int64(len(bad)/2))
	if err := j.Repair(1, reader(bad)); !errors.Is(err, ErrCopy) {
		t.Fatal(err)
	}
	if err := j.Repair(1, reader(append(bytes.Clone(good), 0))); !errors.Is(err, ErrCopy) {
		t.Fatal(err)
	}
	if err := j.Repair(j.End().Segment, reader(good)); !errors.Is(err, ErrCopy) {
		t.Fatal(err)
	}
	if err := j.Repair(1, reader(good)); err != nil {
		t.Fatal(err)
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	same(t, "scan", seeds(t, dir), count(60))
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+tempSuffix)); len(left) > 0 {
		t.Fatal(left)
	}
}

func TestRestoreAfterLossOfDisk(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 4096})
	fill(t, j, 60)
	segments := j.Segments()
	j.Close()
	lost := filepath.Join(t.TempDir(), "journal")
	for _, s := range segments {
		f, err := os.Open(segmentName(dir, s.Number))
		if err != nil {
			t.Fatal(err)
		}
		if s.Number == 2 { // of another journal: its header does not follow
			if err := Restore(lost, 2, reader(readFile(t, segmentName(dir, 1)))); !errors.Is(err, ErrCopy) {
				t.Fatal(err)
			}
		}
		if err := Restore(lost, s.Number, f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	j = mustOpen(t, lost, Options{SegmentSize: 4096})
	same(t, "segments", j.Segments(), segments)
	same(t, "scan", seeds(t, lost), count(60))
}

// TestRepairOfLastSegment: damage in the segment being written is mended by sealing it; its hash is of what was written.
func TestRepairOfLastSegment(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	fill(t, j, 10)
	m := mustMirror(t, t.TempDir())
	g, err := j.Frames(Cursor{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Append(g.Start, g.Frames); err != nil {
		t.Fatal(err)
	}
	name := segmentName(dir, 0)
	bad := readFile(t, name)
	bad[g.End.Offset/2] ^= 1
	writeInPlace(t, name, bad)
	if err := j.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	var held bytes.Buffer
	if _, err := m.Copy(0, &held); err != nil {
		t.Fatal(err)
	}
	if err := j.Repair(0, &held); err != nil {
		t.Fatal(err)
	}
	put(t, j, sample(10, 1, 9))
	same(t, "scan", seeds(t, dir), count(11))
}

// TestScanBesideOpenJournal reads the files while they are written, sealed and begun: no damage is seen where there is none,
// and nothing that was acknowledged before is missing.
func TestScanBesideOpenJournal(t *testing.T) {
	d := newMemDisk()
	j := mustOpen(t, "j", Options{disk: d, SegmentSize: 3000})
	var acked atomic.Int64
	var wg sync.WaitGroup
	const n = 400
	wg.Go(func() {
		for i := range n {
			put(t, j, sample(uint64(i), 1, 100+i%700))
			acked.Add(1)
		}
	})
	for scans := 0; acked.Load() < n; scans++ {
		before := acked.Load()
		seen := int64(0)
		err := scan(d, "j", Cursor{}, func(l Located) error {
			if l.Record.Time != seen {
				return errors.New("out of order")
			}
			seen++
			return nil
		})
		if err != nil || seen < before {
			t.Fatalf("scan %d: %d records, %d were acknowledged before it: %v", scans, seen, before, err)
		}
	}
	wg.Wait()
}
