package journal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Append stores frames, the exact bytes of an owner's journal at start, and returns once they are durable, with the place after them.
// Bytes already held are compared, not written: repeating a call is harmless, and a lost copy of a damaged frame is healed.
//
// Errors: ErrFrames for malformed bytes, ErrConflict for other bytes than those held, ErrScattered, ErrFailed,
// ErrClosed. After ErrConflict nothing has been stored.
func (m *Mirror) Append(start Cursor, frames []byte) (Cursor, error) {
	r, err := checkRun(start, frames)
	if err != nil {
		return start, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.state(); err != nil {
		return start, err
	}
	plan, err := m.plan(r)
	if err != nil {
		return start, err
	}
	for _, w := range plan.writes {
		if err := m.store(r, w); err != nil {
			return start, err
		}
	}
	if len(plan.writes) > 0 || plan.unsynced {
		if err := m.settled(); err != nil {
			return start, err
		}
	}
	m.keepFew()
	return r.end(), nil
}

// write is bytes of a run to be stored: into a part, or as a new one.
type write struct {
	into     *part // nil for a new part
	from, to int64 // offsets in the segment
}

type plan struct {
	writes   []write
	unsynced bool // bytes of the run are held but not durable yet
}

// plan compares a run with what is held and says what is to be written. It writes nothing. The caller holds m.mu.
func (m *Mirror) plan(r run) (plan, error) {
	var out plan
	var before *part // the part that ends where the next byte of the run goes
	at := r.start().Offset
	parts := m.parts[r.start().Segment]
	fresh := 0
	gap := func(to int64) {
		if at < to {
			out.writes = append(out.writes, write{before, at, to})
			if before == nil {
				fresh++
			}
			at = to
		}
	}
	for _, p := range parts {
		if err := r.fits(p); err != nil {
			return out, err
		}
		if p.end.Offset < at {
			continue
		}
		if p.start.Offset >= r.end().Offset {
			break
		}
		gap(p.start.Offset)
		to := min(p.end.Offset, r.end().Offset)
		if at < to {
			heal, err := m.compare(r, p, at, to)
			if err != nil {
				return out, err
			}
			out.writes = append(out.writes, heal...)
			out.unsynced = out.unsynced || p.durable.Offset < to
			at = to
		}
		before = nil
		if p.end.Offset == at {
			before = p
		}
	}
	gap(r.end().Offset)
	if len(parts)+fresh > MaxParts {
		return out, fmt.Errorf("%w: segment %d in more than %d", ErrScattered, r.start().Segment, MaxParts)
	}
	return out, nil
}

// fits checks that a part's ends agree with the run in where frames begin and how entries are numbered.
func (r run) fits(p *part) error {
	for _, edge := range []Cursor{p.start, p.end} {
		var ok bool
		switch {
		case edge.Offset < r.start().Offset:
			ok = edge.Entry <= r.start().Entry
		case edge.Offset > r.end().Offset:
			ok = edge.Entry >= r.end().Entry
		default:
			place, found := r.at(edge.Offset)
			ok = found && place == edge
		}
		if !ok {
			return fmt.Errorf("%w: the frames at %s do not fit those held at %s", ErrConflict, r.start(), edge)
		}
	}
	return nil
}

// compare holds a run against the bytes of a part between two offsets. Frames that differ because the part's are damaged
// are to be written anew; if a valid frame differs the owner contradicts itself.
func (m *Mirror) compare(r run, p *part, from, to int64) ([]write, error) {
	f, err := m.opened(p)
	if err != nil {
		return nil, err
	}
	held := make([]byte, to-from)
	if n, err := f.ReadAt(held, from-p.start.Offset); n < len(held) {
		return nil, fmt.Errorf("journal: read %s: %d bytes of %d: %w", p.name, n, len(held), cmp.Or(err, io.ErrUnexpectedEOF))
	}
	if bytes.Equal(held, r.slice(from, to)) {
		return nil, nil
	}
	var heal []write
	for i, a := range r.places[:len(r.places)-1] {
		a, b := max(a.Offset, from), min(r.places[i+1].Offset, to)
		if a >= b || bytes.Equal(held[a-from:b-from], r.slice(a, b)) {
			continue
		}
		if n := len(heal); n > 0 && heal[n-1].to == a {
			heal[n-1].to = b
		} else {
			heal = append(heal, write{p, a, b})
		}
	}
	for _, h := range heal {
		if holdsFrame(held[h.from-from:], int(h.to-h.from), p.start.Entry) || !m.goesOn(r, p, h.to) {
			return nil, fmt.Errorf("%w: segment %d, bytes %d to %d", ErrConflict, r.start().Segment, h.from, h.to)
		}
	}
	return heal, nil
}

// holdsFrame tells whether a valid header or frame, numbered from an entry on, begins in the first n bytes of b.
func holdsFrame(b []byte, n int, entry uint64) bool {
	if _, err := parseHeader(b); err == nil {
		return true
	}
	search := frameSearch{expect: entry, budget: searchBudget}
	for p := range n {
		if _, ok := search.at(b[p:]); ok {
			return true
		}
	}
	return search.budget < 0
}

// goesOn tells whether a part ends at a boundary of the run, or has a valid frame there: what is healed must not reach into one.
func (m *Mirror) goesOn(r run, p *part, offset int64) bool {
	place, _ := r.at(offset)
	if place == p.end {
		return true
	}
	_, err := p.window(p.file, p.end.Offset).readFrame(place)
	return err == nil
}

// store writes bytes of a run. After a failed write the file is cut back, so that a full disk does no harm and can be tried
// again later. The caller holds m.mu.
func (m *Mirror) store(r run, w write) error {
	p := w.into
	if p == nil {
		var err error
		start, _ := r.at(w.from)
		if p, err = m.begin(start); err != nil {
			return err
		}
	}
	f, err := m.opened(p)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(r.slice(w.from, w.to), w.from-p.start.Offset); err != nil {
		return m.undo(p, fmt.Errorf("journal: write %s: %w", p.name, err))
	}
	m.dirty[p] = true
	if w.to > p.end.Offset {
		p.end, _ = r.at(w.to)
	}
	return nil
}

// begin creates a part and puts it in its place among those of its segment.
func (m *Mirror) begin(start Cursor) (*part, error) {
	p := &part{name: partName(m.dir, start), slot: m.slots, start: start, end: start, durable: start}
	f, err := m.disk.Create(p.name)
	if err != nil {
		return nil, fmt.Errorf("journal: create %s: %w", p.name, err)
	}
	p.file = f
	m.open = append(m.open, p)
	m.slots++
	m.created = true
	parts := m.parts[start.Segment]
	i, _ := slices.BinarySearchFunc(parts, start, func(q *part, c Cursor) int { return q.start.Compare(c) })
	m.parts[start.Segment] = slices.Insert(parts, i, p)
	return p, nil
}

// undo takes back what a failed write has left, and gives its cause. If that fails too, nothing more is accepted.
func (m *Mirror) undo(p *part, cause error) error {
	err := p.file.Truncate(p.end.Offset - p.start.Offset)
	if err == nil && p.end == p.start {
		m.parts[p.start.Segment] = slices.DeleteFunc(m.parts[p.start.Segment], func(q *part) bool { return q == p })
		delete(m.dirty, p)
		err = m.disk.Remove(p.name)
	}
	if err != nil {
		m.err = fmt.Errorf("%w: %w", ErrFailed, errors.Join(cause, err))
		return m.err
	}
	return cause
}

// opened gives a part's file open for writing. The caller holds m.mu.
func (m *Mirror) opened(p *part) (file, error) {
	if p.file == nil {
		f, err := m.disk.Open(p.name, true)
		if err != nil {
			return nil, fmt.Errorf("journal: open %s: %w", p.name, err)
		}
		p.file = f
		m.open = append(m.open, p)
	}
	return p.file, nil
}

// keepFew closes the files opened longest ago that have nothing left to sync. The caller holds m.mu.
func (m *Mirror) keepFew() {
	const few = 4
	for i := 0; len(m.open) > few && i < len(m.open) && !m.syncing; {
		p := m.open[i]
		if m.dirty[p] {
			i++
			continue
		}
		m.open = slices.Delete(m.open, i, i+1)
		_ = p.file.Close() // it is synced: nothing is lost if closing fails
		p.file = nil
	}
}
