package journal

import (
	"errors"
	"fmt"
)

// FrameHeader is how far into its frame a record begins, in bytes: a Cursor names the frame, a Span counts from the record.
const FrameHeader = frameHead

// ReadRaw gives bytes of a segment as they stand in its file. Nothing is checked: it is for a ciphertext whose place is known and whose
// hash the caller holds it against. Errors: ErrCursor for a place outside the journal.
func (j *Journal) ReadRaw(segment uint32, offset int64, length int) ([]byte, error) {
	j.mu.Lock()
	outside := int(segment) >= len(j.segments) || offset < 0 || length < 0 || length > MaxRecord ||
		offset > j.segments[segment].Size-int64(length)
	j.mu.Unlock()
	if outside {
		return nil, fmt.Errorf("%w: %d bytes at %d of segment %d", ErrCursor, length, offset, segment)
	}
	name := segmentName(j.dir, segment)
	f, err := j.disk.Open(name, false)
	if err != nil {
		return nil, fmt.Errorf("journal: open %s: %w", name, err)
	}
	b := make([]byte, length)
	_, err = f.ReadAt(b, offset)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, &DamageError{File: name, Segment: segment, Offset: offset, Reason: err.Error()}
	}
	return b, nil
}
