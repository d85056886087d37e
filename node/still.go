package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// stillJournal is the journal of a node that does not run. Reading it writes nothing.
type stillJournal struct {
	dir string
	end journal.Cursor
}

var _ ledger.Journal = (*stillJournal)(nil)

// openStillJournal finds the end of the journal in dir. Damage of its last segment is given beside it: the journal then ends before it.
func openStillJournal(dir string) (*stillJournal, *journal.DamageError, error) {
	j := &stillJournal{dir: dir}
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	names = slices.DeleteFunc(names, func(e os.DirEntry) bool { return !strings.HasSuffix(e.Name(), ".segment") })
	last := journal.Cursor{Segment: uint32(max(0, len(names)-1))}
	for { // a damaged header says nothing of where the segment begins: the one before tells
		j.end = last
		err = journal.Scan(dir, last, func(at journal.Located) error { j.end = at.Next; return nil })
		if errors.Is(err, fs.ErrNotExist) {
			return j, nil, nil
		}
		damage := (*journal.DamageError)(nil)
		if err == nil && j.end.Offset == 0 && last.Segment > 0 { // the last segment is empty
			last.Segment--
			continue
		}
		if err == nil || !errors.As(err, &damage) {
			return j, nil, err
		}
		if j.end.Offset == 0 && last.Segment > 0 {
			if end, ok := j.before(last.Segment); ok {
				j.end = end
			}
		}
		return j, damage, nil
	}
}

// before finds the end of the segments before one.
func (j *stillJournal) before(segment uint32) (end journal.Cursor, ok bool) {
	begin := journal.Cursor{Segment: segment - 1}
	_ = journal.Scan(j.dir, begin, func(at journal.Located) error { // what is damaged is named when it is read
		end, ok = at.Next, true
		return nil
	})
	return end, ok
}

// Follow implements ledger.Journal. At the end it returns journal.ErrCursor: nothing follows.
func (j *stillJournal) Follow(ctx context.Context, from journal.Cursor, fn func([]journal.Located) error) error {
	err := journal.Scan(j.dir, from, func(at journal.Located) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn([]journal.Located{at})
	})
	if err == nil {
		err = fmt.Errorf("%w: it ends at %s", journal.ErrCursor, j.end)
	}
	return err
}

// End implements ledger.Journal.
func (j *stillJournal) End() journal.Cursor { return j.end }

// stillBlob compares a stored ciphertext with its hash, and writes nothing.
func stillBlob(dir string) func(context.Context, uint64, verify.Hash) error {
	return func(_ context.Context, entry uint64, h verify.Hash) error {
		name := h.String()
		path := filepath.Join(dir, name[:2], name[2:4], name)
		what := fmt.Sprintf("ciphertext %s of entry %d", h, entry)
		b, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &ledger.Damage{What: what, File: path, Detail: "it is missing"}
		case errors.Is(err, syscall.EIO):
			return &ledger.Damage{What: what, File: path, Detail: err.Error()}
		case err != nil:
			return err
		case len(b) > vault.MaxBlob || sha256.Sum256(b) != h:
			return &ledger.Damage{What: what, File: path, Detail: "its content has another hash"}
		}
		return nil
	}
}
