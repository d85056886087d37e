package journal

import (
	"errors"
	"fmt"
	"io/fs"
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
	b := make([]byte, length)
	err := j.handles.readAt(j.disk, j.dir, segment, b, offset)
	if open := (*fs.PathError)(nil); errors.As(err, &open) && open.Op == "open" || errors.As(err, new(*DamageError)) {
		return nil, err
	}
	if err != nil {
		return nil, &DamageError{File: segmentName(j.dir, segment), Segment: segment, Offset: offset, Reason: err.Error()}
	}
	return b, nil
}
