package journal

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"slices"
	"sync"
)

const (
	// DefaultSegment is the size at which a segment is sealed where Options say nothing else, in bytes.
	DefaultSegment = 64 << 20
	allocateStep   = 4 << 20  // bytes by which the last segment is extended ahead of writing
	maxGroup       = 4 << 20  // bytes after which a group takes no more records; one record may be larger
	maxQueue       = 16 << 20 // bytes appended and not yet acknowledged; beyond it Append blocks
)

// Options of a journal. The zero value is a lone node's.
type Options struct {
	SegmentSize int64        // bytes at which a segment is sealed, 64 MiB if zero; a larger record has a segment to itself
	Hold        Holder       // the custodians; nil for a lone node
	Key         Key          // seals each record, see Record.Seal; zero for none
	Log         *slog.Logger // told of a torn tail; nil for silence
	// Known is a place up to which the journal was once durable, by what others know that rests on it; zero for none. One that ends before it
	// is damaged, whatever its own mark says.
	Known Cursor

	disk disk // the file system; nil for the real one
}

// Group is a run of records that were written and fsynced together: the exact bytes added to a segment file.
// The first group of a segment starts at Offset 0 and includes the segment's header.
type Group struct {
	Start, End Cursor
	Frames     []byte // must not be modified
	Segment    Segment
}

// Holder has copies of each group held by others.
type Holder interface {
	// Hold is called once for each group, in parallel with the fsync and with the Hold of other groups. It returns how many
	// custodians hold the group durably. It must have a deadline of its own; ctx ends when the journal fails.
	Hold(ctx context.Context, g Group) (copies int)
}

// Recovery tells of a torn tail that Open cut off: the remains of a write that never finished and was never acknowledged.
type Recovery struct {
	File   string
	Offset int64 // where the file was cut
	Bytes  int64 // removed; 0 if there was nothing to do
	// Mark is what is wrong with the mark of the durable end, which no crash explains; "" for nothing. Open makes it anew.
	Mark string
}

// Journal is the durable order of a node's records. All methods may be called concurrently.
type Journal struct {
	dir       string
	opt       Options
	disk      disk
	recovered Recovery
	marks     marks
	live      *live         // owned by the writer goroutine
	mac       hash.Hash     // under opt.Key, or nil; owned by the writer goroutine
	stopped   chan struct{} // closed when the writer goroutine has returned
	holds     sync.WaitGroup
	ctx       context.Context // of Hold
	cancel    context.CancelFunc

	handles handles // of segments that ReadRaw reads

	repair sync.Mutex    // held while a segment is replaced
	gate   chan struct{} // full while an appender has its turn, also while it waits for room

	mu       sync.Mutex    // guards all below; never held during input or output
	work     sync.Cond     // a group was queued, or the journal closes
	room     sync.Cond     // bytes were acknowledged, or the journal failed or closes
	queue    []*group      // for the writer, oldest first; the last one takes further records
	pending  int           // bytes appended and not yet acknowledged
	next     Cursor        // place of the next record to be appended
	end      Cursor        // everything before it is fsynced; never moves back
	moved    chan struct{} // closed when end moves or the journal closes; nil if nobody waits
	segments []Segment     // by number from 0; all but the last are sealed
	recent   recent
	err      error // wraps ErrFailed once set, and stays
	closed   bool
}

// live is the segment being written.
type live struct {
	file      file
	name      string
	number    uint32
	size      int64          // bytes written
	allocated int64          // bytes the file extends to
	sum       hash.Hash      // over the bytes written
	last      [LinkSize]byte // of the bytes sealed: the link of the next record
}

// Err gives ErrFailed, with its cause, once the disk has failed, ErrClosed after Close, else nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state()
}

// Recovered tells what Open had to cut off.
func (j *Journal) Recovered() Recovery { return j.recovered }

// End is the place after the last durable record.
func (j *Journal) End() Cursor {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.end
}

// Segments lists the journal's files; the last one is being written.
func (j *Journal) Segments() []Segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.segments)
}

// Close writes and fsyncs what was appended, waits for the custodians' answers, and releases the directory. Followers
// end with ErrClosed.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		<-j.stopped
		return nil
	}
	j.closed = true
	j.work.Signal()
	j.room.Broadcast()
	j.mu.Unlock()

	<-j.stopped
	j.holds.Wait()
	j.cancel()
	j.mu.Lock()
	j.wake()
	failed := j.err
	j.mu.Unlock()
	var err error
	if failed == nil {
		if err = j.live.standing(j.disk); err == nil {
			err = j.trim()
		}
	}
	return errors.Join(err, j.live.file.Close(), j.marks.f.Close(), j.handles.close())
}

// trim gives back the space allocated ahead and makes the mark durable, so that a journal closed in order is
// known to the last byte.
func (j *Journal) trim() error {
	err := j.live.file.Truncate(j.live.size)
	if err == nil {
		err = j.live.file.Sync()
	}
	if err == nil {
		err = j.marks.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("journal: close %s: %w", j.live.name, err)
	}
	return nil
}

// state is why nothing more can be appended, or nil. The caller holds j.mu.
func (j *Journal) state() error {
	if j.err != nil {
		return j.err
	}
	if j.closed {
		return ErrClosed
	}
	return nil
}

// wake rouses those who wait for the end to move. The caller holds j.mu.
func (j *Journal) wake() {
	if j.moved != nil {
		close(j.moved)
		j.moved = nil
	}
}
