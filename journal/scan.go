package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/sijil-health/sijil/verify"
)

// Scan gives fn every whole record in dir from a cursor on, checking each checksum, the numbering, and, of the sealed segments that it
// reads from their beginning, size and hash. It modifies nothing and may run beside an open journal. It ends without error at
// the end or at a torn tail, and with fn's error, ErrCursor or the first *DamageError; an audit that goes on calls it again
// from Cursor{Segment: e.Segment + 1}. A directory without segments is an empty journal.
func Scan(dir string, from Cursor, fn func(Located) error) error {
	return scan(osDisk{}, dir, from, fn)
}

func scan(d disk, dir string, from Cursor, fn func(Located) error) error {
	s := scanner{disk: d, dir: dir, fn: fn}
	last, empty, err := s.extent()
	if err != nil || empty && from == (Cursor{}) {
		return err
	}
	if from.Segment > last+1 {
		return fmt.Errorf("%w: %s", ErrCursor, from)
	}
	for at := from; at.Segment <= last; {
		sealed := at.Segment < last
		if at, err = s.segment(at, sealed); err != nil {
			return err
		}
		if sealed {
			at = Cursor{Segment: at.Segment + 1}
			continue
		}
		// An open journal may have written on and begun a new segment since: then this one has an end that can be checked.
		if last, _, err = s.extent(); err != nil || last == at.Segment {
			return err
		}
	}
	return nil
}

// scanner walks segment files as they are.
type scanner struct {
	disk    disk
	dir     string
	fn      func(Located) error
	mark    Cursor // everything before it was once durable
	buf     []byte
	stopped bool // fn returned an error
}

// extent reads the number of the last segment that there is, or must be.
func (s *scanner) extent() (last uint32, empty bool, err error) {
	mark, err := readMark(s.disk, filepath.Join(s.dir, durableLog))
	if err != nil {
		return 0, false, fmt.Errorf("journal: %w", err)
	}
	numbers, err := listSegments(s.disk, s.dir)
	if err != nil {
		return 0, false, fmt.Errorf("journal: list %s: %w", s.dir, err)
	}
	s.mark = mark.End
	if len(numbers) == 0 {
		return mark.End.Segment, mark == (Range{}), nil
	}
	return max(mark.End.Segment, numbers[len(numbers)-1]), false, nil
}

// segment walks one segment from a place in it.
func (s *scanner) segment(at Cursor, sealed bool) (Cursor, error) {
	name := segmentName(s.dir, at.Segment)
	f, err := s.disk.Open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return at, missing(s.dir, at.Segment)
	}
	if err != nil {
		return at, fmt.Errorf("journal: open %s: %w", name, err)
	}
	h, err := readHeader(f, name, at.Segment)
	if err != nil {
		return at, errors.Join(err, f.Close())
	}
	w := &window{src: f, name: name, buf: s.buf, chained: true}
	whole := at.Offset <= int64(headerSize)
	if at.Offset < int64(headerSize) {
		at = Cursor{Segment: at.Segment, Offset: int64(headerSize), Entry: h.first}
	}
	if sealed {
		at, err = s.sealed(w, at, whole)
	} else {
		at, err = s.last(w, at)
	}
	s.buf = w.buf
	return at, errors.Join(err, f.Close())
}

// sealed walks a segment that the next header vouches for.
func (s *scanner) sealed(w *window, at Cursor, whole bool) (Cursor, error) {
	size, err := w.src.(file).Size()
	if err != nil {
		return at, err
	}
	w.limit = size
	if whole {
		w.sum = sha256.New()
		w.sum.Write(headerBytes(w.src))
	}
	if at, err = s.walk(w, at); err != nil {
		return at, err
	}
	next, _, err := headerOf(s.disk, segmentName(s.dir, at.Segment+1), at.Segment+1)
	switch {
	case err != nil:
		return at, nil // that is for the next segment to say; these frames are good
	case at.Offset != next.prevSize:
		return at, w.damage(at, fmt.Sprintf("the file ends here, it was sealed with %d bytes", next.prevSize))
	case at.Entry != next.first:
		return at, w.damage(at, fmt.Sprintf("it ends before entry %d, the next segment begins with %d", at.Entry, next.first))
	case whole && verify.Hash(w.sum.Sum(nil)) != next.prevHash:
		return at, w.damage(Cursor{Segment: at.Segment}, "the file's SHA-256 is not the one that it was sealed with")
	}
	return at, nil
}

// last walks the segment that is, or was, being written.
func (s *scanner) last(w *window, at Cursor) (Cursor, error) {
	for {
		size, err := w.src.(file).Size()
		if err != nil {
			return at, err
		}
		w.limit = size
		before := at
		at, err = s.walk(w, at)
		if damage := (*DamageError)(nil); s.stopped || !errors.As(err, &damage) && at.Offset >= s.durable(at) {
			return at, err
		}
		if at != before {
			continue // an open journal may have written on
		}
		rest := make([]byte, max(0, size-at.Offset))
		n, err := w.src.ReadAt(rest, at.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return at, err
		}
		t := tail{name: w.name, pos: at, durable: s.durable(at), groups: true}
		if _, err = t.judge(rest[:n]); err == nil {
			return at, nil
		}
		if now, _ := w.batch(at); len(now) == 0 {
			return at, err
		}
	}
}

// durable is the number of bytes of a segment known to have been durable.
func (s *scanner) durable(at Cursor) int64 {
	if at.Segment != s.mark.Segment {
		return 0
	}
	return s.mark.Offset
}

// walk gives the records from a place on to fn, and returns the place where they end.
func (s *scanner) walk(w *window, at Cursor) (Cursor, error) {
	for {
		found, err := w.batch(at)
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		for _, l := range found {
			if err := s.fn(l); err != nil {
				s.stopped = true
				return at, err
			}
			at = l.Next
		}
	}
}

func headerBytes(src io.ReaderAt) []byte {
	b := make([]byte, headerSize)
	n, _ := src.ReadAt(b, 0) // a short read fails the hash
	return b[:n]
}
