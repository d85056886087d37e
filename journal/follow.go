package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
)

// batchSize is about how many bytes of records a follower gets at once.
const batchSize = 1 << 20

// Follow gives fn the durable records from a cursor on, in order and in batches, and then waits for more. It returns fn's error,
// ctx's cause, ErrClosed, ErrCursor for a place that is no record's, or a *DamageError; after Repair it may be called again.
// The next call's cursor is the Next of the last record that fn has dealt with.
func (j *Journal) Follow(ctx context.Context, from Cursor, fn func([]Located) error) error {
	pos, err := j.locate(from)
	if err != nil {
		return err
	}
	if pos.Compare(j.End()) < 0 {
		if err := j.isRecord(pos); err != nil {
			return err
		}
	}
	w := &window{chained: true}
	for {
		if pos, err = j.await(ctx, pos); err != nil {
			return err
		}
		batch, err := j.batch(w, pos)
		if err != nil {
			return err
		}
		if err := fn(batch); err != nil {
			return err
		}
		pos = batch[len(batch)-1].Next
		if cap(w.buf) > chunkSize {
			w.buf = nil // a large record must not stay in memory
		}
	}
}

// await returns when a durable record lies at pos or, where pos is the end of a segment, at the beginning of the next.
func (j *Journal) await(ctx context.Context, pos Cursor) (Cursor, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return pos, err
		}
		j.mu.Lock()
		if pos = j.onward(pos); pos.Compare(j.end) < 0 {
			j.mu.Unlock()
			return pos, nil
		}
		if j.closed {
			j.mu.Unlock()
			return pos, ErrClosed
		}
		if j.moved == nil {
			j.moved = make(chan struct{})
		}
		moved := j.moved
		j.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
	}
}

// onward moves a place at the end of a sealed segment to the first record of the next. The caller holds j.mu.
func (j *Journal) onward(pos Cursor) Cursor {
	for int(pos.Segment) < len(j.segments) {
		s := j.segments[pos.Segment]
		if !s.Sealed || pos.Offset < s.Size {
			break
		}
		pos = Cursor{Segment: pos.Segment + 1, Offset: int64(headerSize), Entry: pos.Entry}
	}
	return pos
}

// locate checks a cursor that came from outside, and replaces offset 0 by the place of the first record.
func (j *Journal) locate(at Cursor) (Cursor, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if int(at.Segment) >= len(j.segments) {
		return at, fmt.Errorf("%w: %s lies beyond the end, %s", ErrCursor, at, j.end)
	}
	s := j.segments[at.Segment]
	if at.Offset == 0 {
		at = Cursor{Segment: at.Segment, Offset: int64(headerSize), Entry: s.FirstEntry}
	}
	if at.Offset < int64(headerSize) || at.Offset > s.Size || at.Entry < s.FirstEntry {
		return at, fmt.Errorf("%w: %s, where the segment has %d bytes from entry %d on", ErrCursor, at, s.Size, s.FirstEntry)
	}
	return at, nil
}

// batch reads durable records at pos, from memory if they are recent.
func (j *Journal) batch(w *window, pos Cursor) ([]Located, error) {
	name := segmentName(j.dir, pos.Segment)
	j.mu.Lock()
	chunks := j.recent.from(pos, batchSize)
	size := j.segments[pos.Segment].Size
	j.mu.Unlock()
	if chunks != nil {
		return decodeRecent(name, pos, chunks)
	}
	f, err := openSegment(j.disk, j.dir, pos.Segment)
	if err != nil {
		return nil, lost(err, name, pos)
	}
	w.src, w.name, w.limit = f, name, size
	found, err := w.batch(pos)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %s", ErrCursor, pos)
	}
	return found, errors.Join(lost(err, name, pos), f.Close())
}

// lost makes damage of an error that says that the bytes at a place are gone: the disk cannot read them, or there is no file.
func lost(err error, name string, at Cursor) error {
	if !errors.Is(err, syscall.EIO) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &DamageError{File: name, Segment: at.Segment, Offset: at.Offset, Reason: err.Error()}
}

func decodeRecent(name string, pos Cursor, chunks [][]byte) (found []Located, err error) {
	for _, b := range chunks {
		if found, err = decodeFrames(found, pos, b); err != nil {
			return nil, fmt.Errorf("%w: %s, in %s: %w", ErrCursor, pos, name, err)
		}
		pos = found[len(found)-1].Next
	}
	return found, nil
}
