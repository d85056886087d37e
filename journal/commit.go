package journal

import (
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/sijil-health/sijil/verify"
)

// yields bounds how often the writer lets others append before it takes a group.
const yields = 8

// run is the writer goroutine: the only one that writes the live segment.
func (j *Journal) run() {
	defer close(j.stopped)
	for {
		g := j.take()
		if g == nil {
			return
		}
		j.commit(g)
	}
}

// take waits for the next group and ends its collecting; nil once the journal is closed and everything is written.
//
// Those whose records were just acknowledged are about to append again. Yielding until the group stops growing lets them
// into this fsync instead of the next one; with nobody else running it costs nothing, so that a lone append goes at once.
func (j *Journal) take() *group {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.queue) == 0 {
		if j.closed {
			return nil
		}
		j.work.Wait()
	}
	g := j.queue[0]
	for i, before := 0, -1; i < yields && g.size != before; i++ {
		before = g.size
		j.mu.Unlock()
		runtime.Gosched()
		j.mu.Lock()
	}
	j.queue[0] = nil
	j.queue = j.queue[1:]
	return g
}

// commit writes and fsyncs one group. The next group is not written before this one is durable: that is what
// groupBit promises to whoever reads the file after a crash.
func (j *Journal) commit(g *group) {
	j.mu.Lock()
	err := j.err
	j.mu.Unlock()
	if err != nil {
		j.finish(g, 0, err)
		return
	}
	out, err := j.write(g)
	if err != nil {
		j.finish(g, 0, j.fail(g, err))
		return
	}
	synced := j.hold(g, out)
	if err = j.live.file.Sync(); err == nil {
		if err = j.live.standing(j.disk); err == nil {
			err = j.putMark(g.end)
		}
	}
	if err != nil {
		err = j.fail(g, err)
	} else {
		j.publish(out)
	}
	if synced != nil {
		synced <- err
		return
	}
	j.finish(g, 0, err)
}

// write brings the group's bytes into the file, beginning a new segment where the group does.
func (j *Journal) write(g *group) (Group, error) {
	if g.start.Segment != j.live.number {
		if err := j.roll(g.start); err != nil {
			return Group{}, err
		}
	}
	l := j.live
	out := Group{Start: g.start, End: g.end}
	head := 0
	if g.start.Offset == int64(headerSize) {
		head, out.Start.Offset = headerSize, 0
	}
	var err error
	if err = j.seal(g); err != nil {
		return Group{}, err
	}
	if out.Frames, err = g.assemble(l, head); err != nil {
		return Group{}, err
	}
	frames := out.Frames[head:]
	if need := l.size + int64(len(frames)); need > l.allocated {
		size := max(need, min(need+allocateStep, j.opt.SegmentSize))
		if l.file.Allocate(size) != nil {
			size = need // perhaps the disk is nearly full: the write will tell
		}
		l.allocated = size
	}
	if _, err := l.file.WriteAt(frames, l.size); err != nil {
		return Group{}, err
	}
	l.size += int64(len(frames))
	l.sum.Write(frames)
	return out, nil
}

// seal fills in the seals, where the journal has a key, and the heads of the frames.
func (j *Journal) seal(g *group) error {
	at := g.start
	for i, frame := range g.frames {
		putLength(frame, i == 0)
		if j.mac != nil {
			var header []byte
			if at.Offset == int64(headerSize) {
				header = make([]byte, headerSize)
				if _, err := j.live.file.ReadAt(header, 0); err != nil {
					return err
				}
			}
			copy(frame[len(frame)-SealSize:], j.live.last[:])
			copy(frame[len(frame)-markSize:], mark(j.mac, at, header, frame))
		}
		putSum(frame)
		j.live.last = [LinkSize]byte(frame[len(frame)-LinkSize:])
		at.Offset += int64(len(frame))
	}
	return nil
}

// assemble joins the frames, after the first head bytes of the segment.
func (g *group) assemble(l *live, head int) ([]byte, error) {
	if head == 0 && len(g.frames) == 1 {
		return g.frames[0], nil
	}
	all := make([]byte, head, head+g.size)
	if head > 0 {
		if _, err := l.file.ReadAt(all, 0); err != nil {
			return nil, err
		}
	}
	for _, frame := range g.frames {
		all = append(all, frame...)
	}
	g.frames = nil
	return all, nil
}

// roll seals the live segment and begins the next one. The seal is the next header: until that file is in its
// place the old segment is still the last one.
func (j *Journal) roll(next Cursor) error {
	old := j.live
	if err := old.standing(j.disk); err != nil {
		return err
	}
	if err := old.file.Truncate(old.size); err != nil {
		return err
	}
	if err := old.file.Sync(); err != nil {
		return err
	}
	h := header{number: next.Segment, first: next.Entry, prevSize: old.size, prevHash: verify.Hash(old.sum.Sum(nil))}
	l, err := newLive(j.disk, j.dir, h)
	if err != nil {
		return err
	}
	j.live = l
	j.mu.Lock()
	last := &j.segments[len(j.segments)-1]
	last.Size, last.Sealed, last.Hash = h.prevSize, true, h.prevHash
	j.segments = append(j.segments, Segment{Number: h.number, FirstEntry: h.first, Size: l.size})
	j.end = next
	j.mu.Unlock()
	return old.file.Close()
}

// hold asks the Holder in a goroutine of its own, which then waits for the fsync and finishes the group.
// It returns nil if there is nobody to ask.
func (j *Journal) hold(g *group, out Group) chan<- error {
	if j.opt.Hold == nil || g.size == 0 {
		return nil
	}
	out.Segment = Segment{Number: out.Start.Segment, FirstEntry: j.lastSegment().FirstEntry, Size: out.End.Offset}
	synced := make(chan error, 1)
	j.holds.Add(1)
	go func() {
		defer j.holds.Done()
		copies := j.opt.Hold.Hold(j.ctx, out)
		j.finish(g, copies, <-synced)
	}()
	return synced
}

func (j *Journal) lastSegment() Segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.segments[len(j.segments)-1]
}

// publish makes a durable group visible to followers and readers.
func (j *Journal) publish(out Group) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.end = out.End
	last := &j.segments[len(j.segments)-1]
	last.Size = out.End.Offset
	out.Segment = *last
	if out.End.Entry != out.Start.Entry {
		j.recent.add(out)
	}
	j.wake()
}

// finish answers everyone who waits for the group and gives its bytes back to the queue.
func (j *Journal) finish(g *group, copies int, err error) {
	g.copies, g.err = copies, err
	j.mu.Lock()
	j.pending -= g.size
	j.room.Signal()
	j.mu.Unlock()
	close(g.done)
}

// fail makes the journal refuse everything from now on. A failed fsync is never tried again: the kernel may have
// dropped the pages and would report success.
func (j *Journal) fail(g *group, cause error) error {
	err := fmt.Errorf("%w: entries from %d on: %w", ErrFailed, g.start.Entry, cause)
	j.mu.Lock()
	j.err = err
	j.room.Broadcast()
	j.mu.Unlock()
	j.cancel()
	j.opt.Log.Error("journal: the disk failed, nothing more is acknowledged",
		"dir", filepath.Clean(j.dir), "entry", g.start.Entry, "err", cause)
	return err
}

// mark notes the durable end while the journal is being opened.
func (j *Journal) mark() error {
	err := j.putMark(j.end)
	if err == nil {
		err = j.marks.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("journal: note the durable end: %w", err)
	}
	return nil
}

func (j *Journal) putMark(end Cursor) error {
	start := Cursor{Segment: end.Segment}
	return j.marks.put(0, Range{Start: start, End: end})
}
