package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
)

// Open opens the journal in dir, or begins one. It checks the chain of segment headers and sizes and every byte of the last segment;
// sealed segments are checked when they are read. A torn tail is cut off, reported to opt.Log and by Recovered.
//
// A *DamageError names bytes that were durable and are not there any more: nothing is changed then, and Restore
// brings the segment back. ErrLocked means that another process has the journal open.
func Open(dir string, opt Options) (*Journal, error) {
	if opt.SegmentSize <= 0 {
		opt.SegmentSize = DefaultSegment
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.disk == nil {
		opt.disk = osDisk{}
	}
	j := &Journal{dir: dir, opt: opt, disk: opt.disk, gate: make(chan struct{}, 1), stopped: make(chan struct{})}
	j.mac = opt.Key.mac()
	j.work.L, j.room.L = &j.mu, &j.mu
	j.ctx, j.cancel = context.WithCancel(context.Background())
	if err := openDir(j.disk, dir); err != nil {
		return nil, err
	}
	m, err := openMarks(j.disk, dir, filepath.Join(dir, durableLog))
	if err != nil {
		return nil, err
	}
	j.marks = m
	if err := j.load(); err != nil {
		if j.live != nil {
			err = errors.Join(err, j.live.file.Close())
		}
		return nil, errors.Join(err, m.f.Close())
	}
	go j.run()
	return j, nil
}

// openDir creates dir where it is missing and removes files that were never finished.
func openDir(d disk, dir string) error {
	if err := d.MkdirAll(dir); err != nil {
		return fmt.Errorf("journal: create %s: %w", dir, err)
	}
	if err := d.SyncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("journal: sync %s: %w", filepath.Dir(dir), err)
	}
	names, err := d.List(dir)
	if err != nil {
		return fmt.Errorf("journal: list %s: %w", dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, tempSuffix) {
			if err := d.Remove(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("journal: remove an unfinished file: %w", err)
			}
		}
	}
	return nil
}

// load reads what is there, and leaves the journal ready for the writer.
func (j *Journal) load() error {
	slots, err := j.marks.load()
	if err != nil {
		return err
	}
	slot, marked := slots[0]
	mark := slot.End
	if mark.Compare(j.opt.Known) < 0 {
		mark = j.opt.Known
	}
	if j.segments, err = chain(j.disk, j.dir, mark); err != nil {
		return err
	}
	if len(j.segments) == 0 {
		if j.live, err = newLive(j.disk, j.dir, header{}); err != nil {
			return fmt.Errorf("journal: begin: %w", err)
		}
		j.segments = []Segment{{Size: j.live.size}}
		j.end = Cursor{Offset: j.live.size}
	} else if j.live, err = openLive(j.disk, j.dir, j.segments[len(j.segments)-1].Number); err != nil {
		return err
	} else if err := j.replay(mark); err != nil {
		return err
	}
	j.next = j.end
	if !marked && j.end.Entry > 0 { // before the first entry the mark is synced
		j.recovered.Mark = "it is missing, or not the mark that was written"
		j.opt.Log.Warn("journal: the mark of what was acknowledged is lost, which no crash explains; it is made anew",
			"file", MarkFile(j.dir), "end", j.end.String())
	}
	return j.mark()
}

// chain reads the headers in dir and checks that they are one chain of files of the right sizes.
func chain(d disk, dir string, mark Cursor) ([]Segment, error) {
	numbers, err := listSegments(d, dir)
	if err != nil {
		return nil, fmt.Errorf("journal: list %s: %w", dir, err)
	}
	var segments []Segment
	for i, number := range numbers {
		if number != uint32(i) {
			return nil, missing(dir, uint32(i))
		}
		name := segmentName(dir, number)
		h, size, err := headerOf(d, name, number)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			if err := follows(&segments[i-1], dir, h); err != nil {
				return nil, err
			}
		}
		segments = append(segments, Segment{Number: number, FirstEntry: h.first, Size: size})
	}
	if n := len(numbers); n <= int(mark.Segment) && mark.Offset > 0 {
		return nil, missing(dir, uint32(n))
	}
	return segments, nil
}

// follows checks that h can be the header after segment s, and seals s.
func follows(s *Segment, dir string, h header) error {
	name := segmentName(dir, s.Number)
	switch {
	case s.Size != h.prevSize:
		return &DamageError{File: name, Segment: s.Number, Offset: min(s.Size, h.prevSize),
			Reason: fmt.Sprintf("the file has %d bytes, it was sealed with %d", s.Size, h.prevSize)}
	case h.first < s.FirstEntry:
		return &DamageError{File: segmentName(dir, h.number), Segment: h.number, Reason: "entry numbers run backwards"}
	}
	s.Sealed, s.Hash = true, h.prevHash
	return nil
}

func missing(dir string, number uint32) error {
	return &DamageError{File: segmentName(dir, number), Segment: number, Reason: "the file is missing"}
}

func headerOf(d disk, name string, number uint32) (h header, size int64, err error) {
	f, err := d.Open(name, false)
	if err != nil {
		return h, 0, fmt.Errorf("journal: open %s: %w", name, err)
	}
	if h, err = readHeader(f, name, number); err == nil {
		size, err = f.Size()
	}
	return h, size, errors.Join(err, f.Close())
}

// newLive creates the segment that h describes.
func newLive(d disk, dir string, h header) (*live, error) {
	l := &live{name: segmentName(dir, h.number), number: h.number, size: int64(headerSize), sum: sha256.New()}
	b := h.encode()
	l.last = [LinkSize]byte(b[len(b)-LinkSize:])
	l.sum.Write(b)
	f, err := placeFile(d, l.name, func(f file) error {
		_, err := f.WriteAt(b, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.file = f
	return l, nil
}

func openLive(d disk, dir string, number uint32) (*live, error) {
	l := &live{name: segmentName(dir, number), number: number, sum: sha256.New()}
	f, err := d.Open(l.name, true)
	if err != nil {
		return nil, fmt.Errorf("journal: open %s: %w", l.name, err)
	}
	l.file = f
	return l, nil
}

// replay reads the last segment to its end, cuts off a torn tail, and makes the rest durable: what is found
// whole may have been written by a process that died before its fsync.
func (j *Journal) replay(mark Cursor) error {
	last := &j.segments[len(j.segments)-1]
	t := tail{name: j.live.name, groups: true}
	if mark.Segment == last.Number {
		t.durable = mark.Offset
	}
	end, torn, err := readLast(j.live.file, *last, t, j.live.sum)
	if err != nil {
		return err
	}
	if torn > 0 {
		j.recovered = Recovery{File: j.live.name, Offset: end.Offset, Bytes: torn}
		j.opt.Log.Warn("journal: cut off a torn tail, which was never acknowledged",
			"file", j.live.name, "offset", end.Offset, "bytes", torn)
	}
	if last.Size > end.Offset {
		if err := j.live.file.Truncate(end.Offset); err != nil {
			return fmt.Errorf("journal: cut off the tail of %s: %w", j.live.name, err)
		}
	}
	if err := j.live.file.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := j.live.file.ReadAt(j.live.last[:], end.Offset-LinkSize); err != nil {
		return fmt.Errorf("journal: read %s: %w", j.live.name, err)
	}
	j.live.size, j.live.allocated = end.Offset, end.Offset
	last.Size, j.end = end.Offset, end
	return nil
}

// readLast reads the last segment through, with sum taking its good bytes, and judges what lies behind them.
func readLast(f io.ReaderAt, s Segment, t tail, sum io.Writer) (end Cursor, torn int64, err error) {
	head := make([]byte, headerSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return end, 0, fmt.Errorf("journal: read %s: %w", t.name, err)
	}
	sum.Write(head)
	end = Cursor{Segment: s.Number, Offset: int64(headerSize), Entry: s.FirstEntry}
	w := window{src: f, name: t.name, limit: s.Size, chained: true}
	for {
		found, err := w.batch(end)
		if damage := (*DamageError)(nil); errors.As(err, &damage) || errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return end, 0, err
		}
		next := found[len(found)-1].Next
		sum.Write(w.buf[:next.Offset-end.Offset])
		end = next
	}
	rest := make([]byte, s.Size-end.Offset)
	if n, err := f.ReadAt(rest, end.Offset); n < len(rest) {
		return end, 0, fmt.Errorf("journal: read %s: %w", t.name, err)
	}
	t.pos = end
	torn, err = t.judge(rest)
	return end, torn, err
}

// Restore puts a copy of a segment in place while no process has the journal open: of one that Open called damaged or missing,
// or of each in turn after the loss of a disk. It accepts only bytes that fit the segments beside it: the hash in the next
// header or, of the last segment, its own header, frames and mark. Otherwise it returns ErrCopy and changes nothing.
func Restore(dir string, segment uint32, from io.Reader) error {
	return restore(osDisk{}, dir, segment, from)
}

func restore(d disk, dir string, number uint32, from io.Reader) (err error) {
	if err := openDir(d, dir); err != nil {
		return err
	}
	m, err := openMarks(d, dir, filepath.Join(dir, durableLog))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.f.Close()) }()
	slots, err := m.load()
	if err == nil && len(slots) == 0 { // a directory that is being filled
		if err = m.put(0, Range{}); err == nil {
			err = m.f.Sync()
		}
	}
	if err != nil {
		return err
	}
	next, _, err := headerOf(d, segmentName(dir, number+1), number+1)
	if err == nil {
		return replaceSealed(d, dir, Segment{Number: number, Size: next.prevSize, Hash: next.prevHash}, from)
	}
	return replaceLast(d, dir, number, slots[0].End, from)
}
