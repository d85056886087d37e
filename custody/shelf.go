package custody

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// shelf is what is held for one owner, in held/ORG/: journal/ is a journal.Mirror, blobs/ the larger ciphertexts by hash,
// top the page that opens all others. The other pages are in the book.
type shelf struct {
	owner  verify.OrgID
	dir    string
	mirror *journal.Mirror
	used   atomic.Int64 // bytes held
	vouch  sync.Mutex   // held while a proposal is judged: signatures of one owner are given one after the other

	tipMu sync.Mutex
	tip   journal.Cursor // the furthest end appended since the shelf was opened

	pagesMu sync.Mutex        // held while pages are written
	pages   map[uint64]uint64 // number → version held
}

// maxAside bounds the damaged files put aside when a shelf is opened; more of them mean a dying disk.
const maxAside = 16

// openShelf opens an owner's things. A damaged file of the journal copy is put aside, not lost: the owner brings the copy
// again. aside says which.
func openShelf(dir string, owner verify.OrgID) (s *shelf, aside []string, err error) {
	s = &shelf{owner: owner, dir: dir, pages: make(map[uint64]uint64)}
	for _, sub := range []string{"journal", "blobs"} {
		if err := makeDir(filepath.Join(dir, sub)); err != nil {
			return nil, nil, fmt.Errorf("custody: create %s: %w", dir, err)
		}
	}
	for {
		s.mirror, err = journal.OpenMirror(filepath.Join(dir, "journal"))
		damage := new(journal.DamageError)
		if err == nil || !errors.As(err, &damage) || len(aside) == maxAside {
			break
		}
		aside = append(aside, fmt.Sprintf("a file of a journal copy is damaged and was put aside as %s.damaged: %s", damage.File, damage.Reason))
		if err := os.Rename(damage.File, damage.File+".damaged"); err != nil {
			return nil, aside, fmt.Errorf("custody: put aside: %w", err)
		}
	}
	if err != nil {
		return nil, aside, fmt.Errorf("custody: copies of %s: %w", owner, err)
	}
	for _, r := range s.mirror.Gone() {
		if _, err := os.Lstat(s.mirror.GonePart(r).File + ".damaged"); err == nil {
			continue // put aside, and told
		}
		aside = append(aside, fmt.Sprintf("%s is gone, with entries %d to %d; the owner brings them again",
			s.mirror.GonePart(r).File, r.Start.Entry, r.End.Entry))
	}
	total, err := usage(dir)
	if err != nil {
		return nil, aside, errors.Join(fmt.Errorf("custody: measure %s: %w", dir, err), s.mirror.Close())
	}
	s.used.Store(total)
	return s, aside, nil
}

// appended tells how many bytes of frames that are durable now are to be counted. Frames that came twice are counted once as long as
// they come in order, as they do but for repeats; opening the shelf anew counts exactly.
func (s *shelf) appended(end journal.Cursor, size int) (kept int64) {
	s.tipMu.Lock()
	defer s.tipMu.Unlock()
	if s.tip.Compare(end) >= 0 {
		return 0
	}
	s.tip = end
	return int64(size)
}

// cut forgets the furthest end: what comes from there on is new again.
func (s *shelf) cut(from journal.Cursor) {
	s.tipMu.Lock()
	defer s.tipMu.Unlock()
	if s.tip.Compare(from) > 0 {
		s.tip = from
	}
}

// firstHeld is the lowest entry number from `from` on and below `to` that is held.
func firstHeld(ranges []journal.Range, from, to uint64) (entry uint64, ok bool) {
	for _, r := range ranges {
		low, high := max(r.Start.Entry, from), min(r.End.Entry, to)
		if low < high && (!ok || low < entry) {
			entry, ok = low, true
		}
	}
	return entry, ok
}
