package journal

import (
	"context"
	"fmt"
)

// Ack says that a record is durable.
type Ack struct {
	Cursor Cursor // the record's place
	Copies int    // custodians that hold it durably, this node not counted
}

// Pending is a record on its way to the disk.
type Pending struct {
	at    Cursor
	group *group
}

// group is a Group being collected, written or held. Its frames belong to the journal's mutex until the writer takes it.
type group struct {
	start, end Cursor
	frames     [][]byte // one for each record, their heads not yet filled in
	size       int      // bytes of frames
	copies     int      // valid once done is closed
	err        error    // valid once done is closed
	done       chan struct{}
}

// Append is AppendContext for who waits as long as it takes.
func (j *Journal) Append(r *Record) (*Pending, error) {
	return j.AppendContext(context.Background(), r)
}

// AppendContext gives the record its number, r.First, and its place after all records appended before, and returns without waiting
// for the disk. It blocks while 16 MiB are on their way; ending ctx ends that. It copies the record.
//
// Errors: ErrRecord for a record beyond the limits, ErrFailed, ErrClosed, ctx's cause. After an error the record is not in the journal.
func (j *Journal) AppendContext(ctx context.Context, r *Record) (*Pending, error) {
	whole := *r
	whole.Seal = nil
	if j.opt.Key != (Key{}) {
		whole.Seal = make([]byte, SealSize) // the writer fills it in
	}
	if err := whole.check(); err != nil {
		return nil, err
	}
	frame := whole.Append(make([]byte, frameHead, frameHead+whole.size()))

	if err := j.turn(ctx); err != nil {
		return nil, err
	}
	defer j.turned()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.awaitRoom(ctx, len(frame)); err != nil {
		return nil, err
	}
	at := j.next
	if at.Entry+uint64(len(whole.Entries)) > maxU48 {
		return nil, fmt.Errorf("%w: the journal is full: it has %d entries", ErrRecord, at.Entry)
	}
	if at.Offset > int64(headerSize) && at.Offset+int64(len(frame)) > j.opt.SegmentSize {
		at = Cursor{Segment: at.Segment + 1, Offset: int64(headerSize), Entry: at.Entry}
	}
	r.First = at.Entry
	appendU48(frame[:frameHead+1], r.First)
	j.next = Cursor{Segment: at.Segment, Offset: at.Offset + int64(len(frame)), Entry: at.Entry + uint64(len(r.Entries))}
	j.pending += len(frame)

	g := j.collecting(at)
	g.frames = append(g.frames, frame)
	g.size += len(frame)
	g.end = j.next
	return &Pending{at: at, group: g}, nil
}

// turn waits until nobody else appends; turned is called afterwards. Where there is no waiting, ctx does not matter.
func (j *Journal) turn(ctx context.Context) error {
	select {
	case j.gate <- struct{}{}:
		return nil
	default:
	}
	select {
	case j.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (j *Journal) turned() { <-j.gate }

// awaitRoom waits until so many bytes may be on their way too. The caller holds j.mu and has its turn.
func (j *Journal) awaitRoom(ctx context.Context, size int) error {
	full := func() bool { return j.state() == nil && j.pending > 0 && j.pending+size > maxQueue }
	if full() {
		defer context.AfterFunc(ctx, func() {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.room.Broadcast()
		})()
	}
	for full() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		j.room.Wait()
	}
	return j.state()
}

// collecting is the group that takes a record at a place: the last one queued, or a new one. The caller holds j.mu.
func (j *Journal) collecting(at Cursor) *group {
	if n := len(j.queue); n > 0 {
		if g := j.queue[n-1]; g.end == at && g.size < maxGroup {
			return g
		}
	}
	g := &group{start: at, end: at, done: make(chan struct{})}
	j.queue = append(j.queue, g)
	j.work.Signal()
	return g
}

// Cursor is the record's place, known before it is durable.
func (p *Pending) Cursor() Cursor { return p.at }

// Wait returns once the record is fsynced and the Holder has answered for its group. Ending ctx ends the waiting,
// not the writing. Errors: ErrFailed, ctx's.
func (p *Pending) Wait(ctx context.Context) (Ack, error) {
	select {
	case <-p.group.done:
	default:
		select {
		case <-p.group.done:
		case <-ctx.Done():
			return Ack{}, context.Cause(ctx)
		}
	}
	if p.group.err != nil {
		return Ack{}, p.group.err
	}
	return Ack{Cursor: p.at, Copies: p.group.copies}, nil
}

// Seal ends the last segment, so that it becomes immutable and gets its hash, and begins the next. It does nothing to an empty
// segment, and returns when the new segment is durable.
func (j *Journal) Seal(ctx context.Context) error {
	if err := j.turn(ctx); err != nil {
		return err
	}
	j.mu.Lock()
	if err := j.state(); err != nil || j.next.Offset == int64(headerSize) {
		j.mu.Unlock()
		j.turned()
		return err
	}
	j.next = Cursor{Segment: j.next.Segment + 1, Offset: int64(headerSize), Entry: j.next.Entry}
	p := &Pending{at: j.next, group: j.collecting(j.next)}
	j.mu.Unlock()
	j.turned()
	_, err := p.Wait(ctx)
	return err
}
