package journal

import (
	"errors"
	"fmt"
)

// errUnlinked is why a frame that is whole is no part of a journal.
var errUnlinked = errors.New("a record that does not continue the one before it")

var (
	// ErrFailed is returned by Append and Pending.Wait, and by Mirror.Append, once a write or an fsync has failed. It wraps
	// the cause and stays until the directory is opened again: after a failed fsync nobody knows what the disk holds, so
	// nothing more is acknowledged. A record whose Wait returned it may or may not be found after the next Open, whole in
	// either case.
	ErrFailed = errors.New("journal: the disk failed, nothing more is acknowledged; mend the cause and restart the node")
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("journal: closed")
	// ErrLocked is returned by Open, OpenMirror and Restore while another process has the directory open.
	ErrLocked = errors.New("journal: in use by another process")
	// ErrCursor is returned where a cursor names no record: beyond the end, inside a frame, or of another journal.
	ErrCursor = errors.New("journal: no record at this cursor")
	// ErrCopy is returned by Repair and Restore for bytes that are not the segment they are offered for.
	ErrCopy = errors.New("journal: the copy is not that segment")
	// ErrConflict is returned by Mirror.Append for bytes that contradict what the mirror holds: the owner has shown two histories.
	ErrConflict = errors.New("journal: different bytes are held at this place")
	// ErrFrames is returned by Mirror.Append for bytes that are no run of whole, valid, consecutive frames.
	ErrFrames = errors.New("journal: malformed frames")
	// ErrNotHeld is returned by a Mirror for a place that it holds no copy of.
	ErrNotHeld = errors.New("journal: not held here")
	// ErrScattered is returned by Mirror.Append when a segment would be held in more than MaxParts pieces.
	ErrScattered = errors.New("journal: held in too many pieces")
)

// DamageError names bytes on disk that are not what was written. A torn tail, the unfinished last write of a
// process that died, is no damage.
type DamageError struct {
	File    string // path of the file
	Segment uint32 // number of the segment it belongs to
	Offset  int64  // bytes from the start of the file
	Reason  string // what is wrong, for people
}

// Error gives file, offset, reason and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("journal: %s is damaged at byte %d: %s; restore the segment from a custodian's copy", e.File, e.Offset, e.Reason)
}
