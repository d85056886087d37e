package journal

import (
	"errors"
	"fmt"
	"io"
)

// Read gives the durable record at a cursor, its checksum checked. Errors: ErrCursor where no record begins, a *DamageError.
func (j *Journal) Read(at Cursor) (*Record, error) {
	at, err := j.locate(at)
	if err != nil {
		return nil, err
	}
	name := segmentName(j.dir, at.Segment)
	j.mu.Lock()
	chunks := j.recent.from(at, 1)
	size := j.segments[at.Segment].Size
	j.mu.Unlock()
	if at.Offset >= size {
		return nil, fmt.Errorf("%w: %s, where the segment has %d bytes", ErrCursor, at, size)
	}
	w := window{name: name, limit: size}
	if chunks != nil {
		w.src, w.base, w.limit = memory(chunks[0]), at.Offset, at.Offset+int64(len(chunks[0]))
		r, err := w.readFrame(at)
		if damage := (*DamageError)(nil); errors.As(err, &damage) {
			return nil, fmt.Errorf("%w: %s", ErrCursor, at) // memory does not decay: it is the cursor that is wrong
		}
		return r, err
	}
	f, err := openSegment(j.disk, j.dir, at.Segment)
	if err != nil {
		return nil, lost(err, name, at)
	}
	w.src = f
	r, err := w.readFrame(at)
	return r, errors.Join(lost(err, name, at), f.Close())
}

// isRecord checks that a record begins at a cursor that locate has passed, or that a segment ends there.
func (j *Journal) isRecord(at Cursor) error {
	j.mu.Lock()
	edge := j.onward(at) != at
	j.mu.Unlock()
	if edge {
		return nil
	}
	_, err := j.Read(at)
	return err
}

// Frames gives the exact bytes of whole durable frames from a cursor on, about limit bytes of one segment but at least one frame:
// what a custodian that lags behind, or replaces another, is sent. Offset 0 includes the segment's header. At the end of a segment it
// goes on with the next one's header; at the end of the journal the Group is empty.
func (j *Journal) Frames(from Cursor, limit int) (Group, error) {
	at, err := j.locate(from)
	if err != nil {
		return Group{}, err
	}
	j.mu.Lock()
	if on := j.onward(at); on != at {
		at, from = on, Cursor{Segment: on.Segment, Entry: on.Entry}
	}
	s := j.segments[at.Segment]
	j.mu.Unlock()
	if from.Offset == 0 {
		from.Entry = s.FirstEntry
	}
	name := segmentName(j.dir, s.Number)
	f, err := openSegment(j.disk, j.dir, s.Number)
	if err != nil {
		return Group{}, err
	}
	g, err := readGroup(&window{src: f, name: name, limit: s.Size, chained: true}, from, limit)
	g.Segment = s
	return g, errors.Join(err, f.Close())
}

// readGroup reads frames from a place in a segment up to about limit bytes; from.Offset 0 includes the header.
func readGroup(w *window, from Cursor, limit int) (Group, error) {
	g := Group{Start: from, End: from}
	if from.Offset == 0 && w.limit >= int64(headerSize) {
		if _, err := readHeader(w.src, w.name, from.Segment); err != nil {
			return g, err
		}
		g.Frames = make([]byte, headerSize)
		if _, err := w.src.ReadAt(g.Frames, 0); err != nil {
			return g, fmt.Errorf("journal: read %s: %w", w.name, err)
		}
		g.End.Offset = int64(headerSize)
	}
	for g.End.Entry == g.Start.Entry || len(g.Frames) < limit {
		found, err := w.batch(g.End)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return g, err
		}
		for _, l := range found {
			size := l.Next.Offset - l.At.Offset
			if g.End.Entry != g.Start.Entry && len(g.Frames)+int(size) > limit {
				return g, nil
			}
			p := l.At.Offset - found[0].At.Offset
			g.Frames = append(g.Frames, w.buf[p:p+size]...)
			g.End = l.Next
		}
	}
	return g, nil
}

// memory is bytes read as a file.
type memory []byte

// ReadAt implements io.ReaderAt.
func (m memory) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at >= int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(b, m[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
