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
	mirror *mirror
	used   atomic.Int64 // bytes held
	vouch  sync.Mutex   // held while a proposal is judged: signatures of one owner are given one after the other

	blobs  sync.RWMutex // held for reading while a blob is put in place, for writing while a damaged one is removed
	unread sync.Map     // verify.Hash of the blobs that the disk did not give when they were read last

	tipMu sync.Mutex
	tip   journal.Cursor // the furthest end appended since the shelf was opened

	pagesMu  sync.Mutex        // held while pages are written
	pages    map[uint64]uint64 // number → version held
	standing uint64            // version of the top page in place; above the one held while an older one is not overwritten yet
}

// openShelf opens an owner's things. aside is told of damaged files of the journal copy that were put aside.
func openShelf(dir string, owner verify.OrgID, aside func(damage string)) (*shelf, error) {
	s := &shelf{owner: owner, dir: dir, pages: make(map[uint64]uint64)}
	for _, sub := range []string{"journal", "blobs"} {
		if err := makeDir(filepath.Join(dir, sub)); err != nil {
			return nil, fmt.Errorf("custody: create %s: %w", dir, err)
		}
	}
	var err error
	if s.mirror, err = openMirror(filepath.Join(dir, "journal"), aside); err != nil {
		return nil, fmt.Errorf("custody: copies of %s: %w", owner, err)
	}
	for _, r := range s.mirror.Gone() {
		if _, err := os.Lstat(s.mirror.GonePart(r).File + ".damaged"); err == nil {
			continue // put aside, and told
		}
		aside(fmt.Sprintf("%s is gone, with entries %d to %d; the owner brings them again", s.mirror.GonePart(r).File, r.Start.Entry, r.End.Entry))
	}
	total, err := usage(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("custody: measure %s: %w", dir, err), s.mirror.Close())
	}
	s.used.Store(total)
	return s, nil
}

// appended tells how many bytes of frames that are durable now are to be counted. Frames that came twice are counted once as long as
// they come in order, as they do but for repeats; the next start counts exactly.
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
