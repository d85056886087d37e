package journal

import (
	"fmt"
	"slices"
)

// Cut forgets what a mirror holds from a place on, up to r.End, where the run must end that r.Start is in: its owner has withdrawn it.
// That frames begin at r.Start the caller knows, who has read them. It returns once the bytes are durably gone; until then a crash brings
// all of them back. Errors: ErrNotHeld if that is not the end of a run, ErrFailed, ErrClosed.
func (m *Mirror) Cut(r Range) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.syncing || len(m.dirty) > 0 {
		if err := m.settled(); err != nil {
			return err
		}
	}
	if err := m.state(); err != nil {
		return err
	}
	tail := m.tail(r)
	if tail == nil {
		return fmt.Errorf("%w: a run from %s on that ends at %s", ErrNotHeld, r.Start, r.End)
	}
	if err := m.cut(tail, r.Start); err != nil {
		m.err = fmt.Errorf("%w: %w", ErrFailed, err)
		return m.err
	}
	return nil
}

// tail gives the parts that hold a range up to the end of its run; nil if it does not end there. The caller holds m.mu.
func (m *Mirror) tail(r Range) (tail []*part) {
	at := r.Start
	for _, p := range m.parts[r.Start.Segment] {
		switch {
		case p.end.Offset <= r.Start.Offset:
			continue
		case len(tail) == 0 && p.start.Offset > r.Start.Offset, len(tail) > 0 && p.start != at:
			return ended(tail, at, r.End)
		}
		tail, at = append(tail, p), p.end
	}
	return ended(tail, at, r.End)
}

func ended(tail []*part, at, end Cursor) []*part {
	if at != end {
		return nil
	}
	return tail
}

// cut lowers the marks durably before a byte goes: a mark behind the end of its file would pass for damage. The caller holds m.mu.
func (m *Mirror) cut(tail []*part, from Cursor) error {
	for _, p := range tail {
		var err error
		if p.start.Offset >= from.Offset {
			err = m.marks.clear(p.slot)
		} else {
			err = m.marks.put(p.slot, Range{p.start, from})
		}
		if err != nil {
			return err
		}
	}
	if err := m.marks.f.Sync(); err != nil {
		return err
	}
	for _, p := range slices.Backward(tail) {
		f, err := m.opened(p)
		if err != nil {
			return err
		}
		if p.start.Offset >= from.Offset {
			if err := m.remove(p); err != nil {
				return err
			}
			continue
		}
		if err := f.Truncate(from.Offset - p.start.Offset); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		p.end, p.durable = from, from
	}
	return m.disk.SyncDir(m.dir)
}

// remove closes and deletes a part. The caller holds m.mu.
func (m *Mirror) remove(p *part) error {
	same := func(q *part) bool { return q == p }
	m.open = slices.DeleteFunc(m.open, same)
	m.parts[p.start.Segment] = slices.DeleteFunc(m.parts[p.start.Segment], same)
	if len(m.parts[p.start.Segment]) == 0 {
		delete(m.parts, p.start.Segment)
	}
	_ = p.file.Close() // nothing of it is needed any more
	p.file = nil
	return m.disk.Remove(p.name)
}
