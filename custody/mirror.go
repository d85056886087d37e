package custody

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/sijil-health/sijil/journal"
)

// mirror is the copy of one owner's journal. After its disk failed nobody knows what is durable and nothing more is taken; the next use
// opens it anew, and learns. So one failure costs an owner the groups that met it, and streams and locks of the shelf outlive it.
type mirror struct {
	dir   string
	aside func(damage string) // told of a damaged file that was put aside

	mu     sync.Mutex // guards all below; held while it is opened anew
	now    *journal.Mirror
	failed bool // now is closed, and to be replaced
}

func openMirror(dir string, aside func(damage string)) (*mirror, error) {
	m := &mirror{dir: dir, aside: aside}
	return m, m.open()
}

// maxAside bounds the damaged files put aside when a copy is opened; more of them mean a dying disk.
const maxAside = 16

// open opens what is held. A damaged file is put aside, not lost: the owner brings the copy again. The caller holds m.mu, or is
// the only one to know of m.
func (m *mirror) open() error {
	for aside := 0; ; aside++ {
		now, err := journal.OpenMirror(m.dir)
		damage := new(journal.DamageError)
		if err == nil {
			m.now, m.failed = now, false
			return nil
		}
		if !errors.As(err, &damage) || aside == maxAside {
			return err
		}
		m.aside(fmt.Sprintf("a file of a journal copy is damaged and was put aside as %s.damaged: %s", damage.File, damage.Reason))
		if err := os.Rename(damage.File, damage.File+".damaged"); err != nil {
			return fmt.Errorf("custody: put aside: %w", err)
		}
	}
}

// use gives what is to be used now, opening it anew after a failure.
func (m *mirror) use() (*journal.Mirror, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.failed {
		return m.now, nil
	}
	return m.now, m.open()
}

// last gives what was used last. What it knows to be durable is so.
func (m *mirror) last() *journal.Mirror {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// judge gives an error of a write on. Where the disk failed, no other write is tried on what it was met with.
func (m *mirror) judge(used *journal.Mirror, err error) error {
	if !errors.Is(err, journal.ErrFailed) {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if used == m.now && !m.failed {
		m.failed = true
		_ = used.Close() // what was acknowledged is durable; what its closing says changes nothing
	}
	return err
}

// Append is journal.Mirror.Append.
func (m *mirror) Append(start journal.Cursor, frames []byte) (journal.Cursor, error) {
	now, err := m.use()
	if err != nil {
		return start, err
	}
	end, err := now.Append(start, frames)
	return end, m.judge(now, err)
}

// Cut is journal.Mirror.Cut.
func (m *mirror) Cut(r journal.Range) error {
	now, err := m.use()
	if err != nil {
		return err
	}
	return m.judge(now, now.Cut(r))
}

// Held is journal.Mirror.Held.
func (m *mirror) Held() []journal.Range { return m.last().Held() }

// Last is journal.Mirror.Last.
func (m *mirror) Last(n int64) (end journal.Cursor, b []byte, err error) { return m.last().Last(n) }

// Read is journal.Mirror.Read.
func (m *mirror) Read(at journal.Cursor) (*journal.Record, error) {
	now, err := m.use()
	if err != nil {
		return nil, err
	}
	return now.Read(at)
}

// Frames is journal.Mirror.Frames.
func (m *mirror) Frames(from journal.Cursor, limit int) (journal.Group, error) {
	now, err := m.use()
	if err != nil {
		return journal.Group{}, err
	}
	return now.Frames(from, limit)
}

// Scan is journal.Mirror.Scan.
func (m *mirror) Scan(from journal.Cursor, fn func(journal.Located) error) error {
	now, err := m.use()
	if err != nil {
		return err
	}
	return now.Scan(from, fn)
}

// Gone is journal.Mirror.Gone.
func (m *mirror) Gone() []journal.Range { return m.last().Gone() }

// GonePart is journal.Mirror.GonePart.
func (m *mirror) GonePart(r journal.Range) *journal.DamageError { return m.last().GonePart(r) }

// Absent is journal.Mirror.Absent.
func (m *mirror) Absent() []journal.DamageError { return m.last().Absent() }

// anew opens the copy again, so that it claims what is there: its owner brings the rest.
func (m *mirror) anew() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.failed {
		m.failed = true
		_ = m.now.Close() // what was acknowledged is durable; what its closing says changes nothing
	}
	return m.open()
}

// Close releases the files. Nothing may use m any more.
func (m *mirror) Close() error { return m.last().Close() }
