package journal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// MaxParts bounds the pieces in which a mirror holds one segment.
const MaxParts = 1024

// MaxFrames bounds the bytes of one Mirror.Append: the largest record, and a group beside it.
const MaxFrames = MaxRecord + 2*maxGroup

// Mirror is what a custodian keeps of one owner's journal: exact copies of runs of frames, byte for byte at the places they have there. It
// need not hold everything, not even whole segments. All methods may be called concurrently.
type Mirror struct {
	dir       string
	disk      disk
	marks     marks
	recovered []Recovery
	gone      []Range // marked as durable, and not there any more when the mirror was opened

	mu      sync.Mutex         // guards all below; held while bytes are compared and written, and during no fsync but those of Cut
	parts   map[uint32][]*part // by segment, ascending and without overlap
	slots   int                // marks in use
	open    []*part            // whose files are open for writing
	dirty   map[*part]bool     // written since the last fsync began
	created bool               // files were created since the last directory sync began
	round   *round             // the fsync that those who write now will wait for
	syncing bool
	turn    sync.Cond // an fsync ended
	err     error     // wraps ErrFailed once set, and stays
	closed  bool
}

// OpenMirror opens the copies in dir, or begins there. Bytes behind the mark of the last fsync are checked, a torn tail is cut off
// and told by Recovered; other bytes are checked when they are read. ErrLocked means that another process has it open.
//
// A *DamageError here means that a file lost its end or its beginning. It need not be restored: move the file away and
// the owner will bring the copy again.
func OpenMirror(dir string) (*Mirror, error) { return openMirror(osDisk{}, dir) }

func openMirror(d disk, dir string) (*Mirror, error) {
	if err := openDir(d, dir); err != nil {
		return nil, err
	}
	held, err := openMarks(d, dir, filepath.Join(dir, heldLog))
	if err != nil {
		return nil, err
	}
	m := &Mirror{dir: dir, disk: d, marks: held, round: new(round),
		parts: make(map[uint32][]*part), dirty: make(map[*part]bool)}
	m.turn.L = &m.mu
	if err := m.load(); err != nil {
		return nil, errors.Join(err, held.f.Close())
	}
	return m, nil
}

// load opens every part and makes what it found durable.
func (m *Mirror) load() error {
	slots, err := m.marks.load()
	if err != nil {
		return err
	}
	known := make(map[string]int)
	for i, r := range slots {
		known[partName(m.dir, r.Start)] = i
		m.slots = max(m.slots, i+1)
	}
	names, err := m.disk.List(m.dir)
	if err != nil {
		return fmt.Errorf("journal: list %s: %w", m.dir, err)
	}
	for _, base := range names {
		if !strings.HasSuffix(base, partSuffix) {
			continue
		}
		p := &part{name: filepath.Join(m.dir, base), slot: -1}
		if p.start, err = parsePartName(base); err != nil {
			return err
		}
		mark := Range{Start: p.start, End: p.start}
		if i, ok := known[p.name]; ok {
			p.slot, mark = i, slots[i]
		}
		if err := m.loadPart(p, mark); err != nil {
			return err
		}
	}
	if err := m.settle(); err != nil {
		return err
	}
	return m.noteGone(slots)
}

// settle orders the loaded parts and notes what is durable.
func (m *Mirror) settle() error {
	for _, parts := range m.parts {
		slices.SortFunc(parts, func(a, b *part) int { return a.start.Compare(b.start) })
		for i, p := range parts {
			if i > 0 && p.start.Compare(parts[i-1].end) < 0 {
				return &DamageError{File: p.name, Segment: p.start.Segment, Reason: "it overlaps " + filepath.Base(parts[i-1].name)}
			}
			if p.slot < 0 {
				p.slot = m.slots
				m.slots++
			}
			if err := m.marks.put(p.slot, Range{p.start, p.end}); err != nil {
				return fmt.Errorf("journal: note the durable end of %s: %w", p.name, err)
			}
		}
	}
	if err := m.disk.SyncDir(m.dir); err != nil {
		return fmt.Errorf("journal: sync %s: %w", m.dir, err)
	}
	return nil
}

// Recovered tells what OpenMirror had to cut off.
func (m *Mirror) Recovered() []Recovery { return slices.Clone(m.recovered) }

// Held lists what the mirror holds durably, ascending, adjoining runs of one segment as one.
func (m *Mirror) Held() []Range {
	m.mu.Lock()
	defer m.mu.Unlock()
	var held []Range
	for _, segment := range slices.Sorted(maps.Keys(m.parts)) {
		for _, p := range m.parts[segment] {
			r := Range{p.start, p.durable}
			if n := len(held); n > 0 && held[n-1].End == r.Start {
				held[n-1].End = r.End
			} else if r.End.Offset > r.Start.Offset {
				held = append(held, r)
			}
		}
	}
	return held
}

// Close waits for a running fsync and releases the directory. What Append has returned for is durable already.
func (m *Mirror) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.syncing {
		m.turn.Wait()
	}
	if m.closed {
		return nil
	}
	m.closed = true
	var err error
	for _, p := range m.open {
		err = errors.Join(err, p.file.Close())
	}
	return errors.Join(err, m.marks.f.Sync(), m.marks.f.Close())
}

// state is why nothing more can be appended, or nil. The caller holds m.mu.
func (m *Mirror) state() error {
	if m.closed {
		return ErrClosed
	}
	return m.err
}

// round is one fsync and those who wait for it.
type round struct {
	done bool
	err  error
}

// settled waits until all that was written so far is durable. The first to come does the work for everyone who
// wrote meanwhile. The caller holds m.mu.
func (m *Mirror) settled() error {
	r := m.round
	for !r.done {
		if m.syncing {
			m.turn.Wait()
			continue
		}
		m.sync()
	}
	return r.err
}

// sync makes everything written before it durable. The caller holds m.mu, which is released meanwhile.
func (m *Mirror) sync() {
	r := m.round
	r.err = cmp.Or(r.err, m.state())
	ends := make(map[*part]Cursor, len(m.dirty))
	for p := range m.dirty {
		ends[p] = p.end
	}
	created := m.created
	m.round, m.dirty, m.created, m.syncing = new(round), make(map[*part]bool), false, true
	if r.err == nil {
		m.mu.Unlock()
		err := m.flush(ends, created)
		m.mu.Lock()
		if err != nil {
			m.err = fmt.Errorf("%w: %w", ErrFailed, err)
			r.err = m.err
		}
	}
	if r.err == nil {
		for p, end := range ends {
			p.durable = end
		}
	}
	r.done, m.syncing = true, false
	m.turn.Broadcast()
}

// flush fsyncs the files and then notes their ends.
func (m *Mirror) flush(ends map[*part]Cursor, created bool) error {
	for p := range ends {
		if err := p.file.Sync(); err != nil {
			return err
		}
	}
	if created {
		if err := m.disk.SyncDir(m.dir); err != nil {
			return err
		}
	}
	for p, end := range ends {
		if err := m.marks.put(p.slot, Range{p.start, end}); err != nil {
			return err
		}
	}
	return nil
}
