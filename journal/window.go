package journal

import (
	"cmp"
	"errors"
	"fmt"
	"hash"
	"io"
)

// chunkSize is how much of a file is read at once, in bytes; a larger frame is read alone.
const chunkSize = 256 << 10

// Located is a record with its place. Its byte slices are valid until the function it was given to returns.
type Located struct {
	At, Next Cursor // Next is the place after it; Next of the last durable record is the journal's End
	Record   *Record
}

// window reads the frames of one segment, or of a part of one, a chunk at a time.
type window struct {
	src   io.ReaderAt
	name  string    // of the file, for errors
	base  int64     // offset in the segment of the file's first byte
	limit int64     // offset in the segment at which reading stops
	buf   []byte    // reused by each chunk
	sum   hash.Hash // if not nil, takes the bytes of the frames passed
	// chained asks of each sealed record that it continues what stands before it. A custodian, who may hold any runs, does not ask.
	chained bool
}

// chunk gives the whole valid frames that begin at pos, at least one. At the limit it returns io.EOF, at bytes that are no frame
// a *DamageError. The bytes are valid until the next call.
func (w *window) chunk(pos Cursor) ([]byte, error) {
	if pos.Offset >= w.limit {
		return nil, io.EOF
	}
	if w.buf == nil {
		w.buf = make([]byte, min(chunkSize, w.limit-w.base))
	}
	b, err := w.fill(pos, min(chunkSize, w.limit-pos.Offset))
	if err != nil {
		return nil, err
	}
	n, reason := wholeFrames(b)
	if n == 0 && errors.Is(reason, errFrameShort) {
		if size, err := frameLen(b); err == nil && int64(size) <= w.limit-pos.Offset {
			if b, err = w.fill(pos, int64(size)); err != nil {
				return nil, err
			}
			n, reason = wholeFrames(b)
		}
	}
	if n == 0 {
		// Without a reason there are no bytes at all: the file is shorter than it was said to be.
		return nil, w.damage(pos, cmp.Or(reason, errFrameShort).Error())
	}
	if w.sum != nil {
		w.sum.Write(b[:n])
	}
	return b[:n], nil
}

// batch decodes the next chunk at pos.
func (w *window) batch(pos Cursor) ([]Located, error) {
	b, err := w.chunk(pos)
	if err != nil {
		return nil, err
	}
	found, reason := decodeFrames(nil, pos, b)
	if w.chained {
		before := make([]byte, LinkSize)
		if _, err := w.src.ReadAt(before, pos.Offset-LinkSize); err != nil {
			return nil, fmt.Errorf("journal: read %s: %w", w.name, err)
		}
		if n := continued(before, b, found); n < len(found) {
			reason, found = errUnlinked, found[:n]
		}
	}
	if len(found) == 0 {
		return nil, w.damage(pos, reason.Error())
	}
	return found, nil
}

// continued is how many of the records found in b, one after the other, continue what stands before them.
func continued(before, b []byte, found []Located) int {
	for i, l := range found {
		frame := b[:l.Next.Offset-l.At.Offset]
		if !linked(before, frame) {
			return i
		}
		before, b = frame, b[len(frame):]
	}
	return len(found)
}

func (w *window) fill(pos Cursor, size int64) ([]byte, error) {
	if int64(cap(w.buf)) < size {
		w.buf = make([]byte, size)
	}
	b := w.buf[:size]
	n, err := w.src.ReadAt(b, pos.Offset-w.base)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("journal: read %s: %w", w.name, err)
	}
	return b[:n], nil
}

func (w *window) damage(pos Cursor, reason string) error {
	return &DamageError{File: w.name, Segment: pos.Segment, Offset: pos.Offset - w.base, Reason: reason}
}

// wholeFrames is the length of the run of valid frames at the beginning of b, and why it ends before len(b).
func wholeFrames(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		f, err := parseFrame(b[n:])
		if err != nil {
			return n, err
		}
		n += f.size()
	}
	return n, nil
}

// decodeFrames decodes the frames of b, which lie at pos, appending to dst. Entry numbers must go on densely from pos.
func decodeFrames(dst []Located, pos Cursor, b []byte) ([]Located, error) {
	for len(b) > 0 {
		f, err := parseFrame(b)
		if err != nil {
			return dst, err
		}
		r, err := DecodeRecord(f.payload)
		if err != nil {
			return dst, errors.New("the checksum holds but the record is malformed")
		}
		if r.First != pos.Entry {
			return dst, fmt.Errorf("entry %d stands where entry %d is due", r.First, pos.Entry)
		}
		next := Cursor{Segment: pos.Segment, Offset: pos.Offset + int64(f.size()), Entry: r.First + uint64(len(r.Entries))}
		dst = append(dst, Located{At: pos, Next: next, Record: r})
		pos, b = next, b[f.size():]
	}
	return dst, nil
}

// readFrame reads the one record at a cursor.
func (w *window) readFrame(at Cursor) (*Record, error) {
	b, err := w.fill(at, min(4096, w.limit-at.Offset))
	if err != nil {
		return nil, err
	}
	if size, err := frameLen(b); err == nil && size > len(b) && int64(size) <= w.limit-at.Offset {
		if b, err = w.fill(at, int64(size)); err != nil {
			return nil, err
		}
	}
	f, err := parseFrame(b)
	if err != nil {
		return nil, w.damage(at, err.Error())
	}
	r, err := DecodeRecord(f.payload)
	if err != nil {
		return nil, w.damage(at, "the checksum holds but the record is malformed")
	}
	if r.First != at.Entry {
		return nil, fmt.Errorf("%w: %s holds entry %d at byte %d, not %d", ErrCursor, w.name, r.First, at.Offset, at.Entry)
	}
	return r, nil
}
