package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/sijil-health/sijil/verify"
)

// source is a durable run of a mirror, opened for reading.
type source struct {
	Range
	*window
	file file
}

// source opens the part that holds a place; at an offset where one part ends and the next begins, the next. With end true the
// very end of a part will do.
func (m *Mirror) source(at Cursor, end bool) (source, error) {
	m.mu.Lock()
	closed := m.closed
	var held *part
	var r Range
	for _, p := range m.parts[at.Segment] {
		if p.start.Offset <= at.Offset && (at.Offset < p.durable.Offset || end && at.Offset == p.durable.Offset) {
			held, r = p, Range{p.start, p.durable}
		}
	}
	m.mu.Unlock()
	if closed {
		return source{}, ErrClosed
	}
	if held == nil {
		return source{}, fmt.Errorf("%w: %s", ErrNotHeld, at)
	}
	f, err := m.disk.Open(held.name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return source{}, gonePart(m.dir, r)
	}
	if err != nil {
		return source{}, fmt.Errorf("journal: open %s: %w", held.name, err)
	}
	return source{Range: r, window: held.window(f, r.End.Offset), file: f}, nil
}

// Read gives the record at a cursor, its checksum checked. Errors: ErrNotHeld, ErrCursor, a *DamageError.
func (m *Mirror) Read(at Cursor) (*Record, error) {
	s, err := m.source(at, false)
	if err != nil {
		return nil, err
	}
	if at.Offset == 0 {
		at = Cursor{Segment: at.Segment, Offset: int64(headerSize), Entry: s.Start.Entry}
	}
	r, err := s.readFrame(at)
	return r, errors.Join(err, s.file.Close())
}

// Frames gives the exact bytes of whole frames held from a cursor on, about limit bytes but at least one frame; Offset 0 includes the
// segment's header. At the end of a run the Group is empty. Errors: ErrNotHeld, a *DamageError.
func (m *Mirror) Frames(from Cursor, limit int) (Group, error) {
	s, err := m.source(from, true)
	if err != nil {
		return Group{}, err
	}
	if from.Offset == 0 {
		from.Entry = s.Start.Entry
	}
	g, err := readGroup(s.window, from, limit)
	g.Segment = Segment{Number: from.Segment, Size: s.End.Offset}
	return g, errors.Join(err, s.file.Close())
}

// Last gives the end of what is held durably, and up to n bytes before it, without a gap; none if nothing is held.
func (m *Mirror) Last(n int64) (end Cursor, b []byte, err error) {
	m.mu.Lock()
	var last *part
	for _, parts := range m.parts {
		for _, p := range parts {
			if p.durable.Offset > p.start.Offset && p.durable.Compare(end) > 0 {
				last, end = p, p.durable
			}
		}
	}
	m.mu.Unlock()
	if last == nil {
		return end, nil, nil
	}
	f, err := m.disk.Open(last.name, false)
	if err != nil {
		return end, nil, fmt.Errorf("journal: open %s: %w", last.name, err)
	}
	size := end.Offset - last.start.Offset
	b = make([]byte, min(n, size))
	if read, err := f.ReadAt(b, size-int64(len(b))); read < len(b) {
		return end, nil, errors.Join(fmt.Errorf("journal: read %s: %w", last.name, err), f.Close())
	}
	return end, b, f.Close()
}

// Copy writes a segment's file to w as far as it is held from its header on without a gap, and gives the place after it. Whether that
// is the whole segment the owner can tell, by its hash. Errors: ErrNotHeld, w's.
func (m *Mirror) Copy(segment uint32, w io.Writer) (Cursor, error) {
	at := Cursor{Segment: segment}
	for {
		s, err := m.source(at, false)
		if errors.Is(err, ErrNotHeld) && at.Offset > 0 {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		from, size := at.Offset-s.base, s.End.Offset-at.Offset
		n, err := io.Copy(w, io.NewSectionReader(s.file, from, size))
		if err == nil && n < size {
			err = s.damage(Cursor{Segment: segment, Offset: at.Offset + n}, "the file ends here")
		}
		if err = errors.Join(err, s.file.Close()); err != nil {
			return at, err
		}
		at = s.End
	}
}

// Scan gives fn every record held durably from a cursor on, in order, passing over what is not held: a gap shows in At. It
// checks each checksum and the numbering and, where a segment and the header after it are held, the chain. It ends with
// fn's error or the first *DamageError; to go on, call it again from Cursor{Segment: e.Segment + 1}.
func (m *Mirror) Scan(from Cursor, fn func(Located) error) error {
	var c chained
	for _, r := range m.Held() {
		if r.End.Compare(from) <= 0 {
			continue
		}
		at := r.Start
		if from.Compare(at) > 0 {
			at = from
		}
		for at.Compare(r.End) < 0 {
			next, err := m.scanPart(at, &c, fn)
			if err != nil {
				return err
			}
			at = next
		}
	}
	return nil
}

// scanPart walks the part that holds a place to its end.
func (m *Mirror) scanPart(at Cursor, c *chained, fn func(Located) error) (next Cursor, err error) {
	s, err := m.source(at, false)
	if err != nil {
		return at, err
	}
	defer func() { err = errors.Join(err, s.file.Close()) }()
	if err := c.meet(s, at); err != nil {
		return at, err
	}
	if at.Offset == 0 {
		at = Cursor{Segment: at.Segment, Offset: int64(headerSize), Entry: s.Start.Entry}
	}
	s.sum = c.sum
	for {
		found, err := s.batch(at)
		if errors.Is(err, io.EOF) {
			c.end = at
			return at, nil
		}
		if err != nil {
			return at, err
		}
		for _, l := range found {
			if err := fn(l); err != nil {
				return at, err
			}
		}
		at = found[len(found)-1].Next
	}
}

// chained follows the hash chain through the segments that are held from their header on.
type chained struct {
	sum hash.Hash // over the present segment so far; nil if not all of it was seen
	end Cursor    // what was seen
}

// meet is called where the walk goes on at a place; at a segment's header it checks what was seen of the segment before.
func (c *chained) meet(s source, at Cursor) error {
	if at.Offset > 0 {
		if at != c.end {
			c.sum = nil
		}
		return nil
	}
	h, err := readHeader(s.src, s.name, at.Segment)
	if err != nil {
		return err
	}
	if c.sum != nil && c.end.Segment+1 == h.number && c.end.Offset >= h.prevSize {
		if c.end.Offset > h.prevSize || verify.Hash(c.sum.Sum(nil)) != h.prevHash {
			return s.damage(at, "the header does not follow the segment held before it")
		}
	}
	c.sum = sha256.New()
	c.sum.Write(headerBytes(s.src))
	return nil
}
