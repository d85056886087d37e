package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// ErrHistories says that members hold two histories of the record: both were written here, and a loss of power lies between.
var ErrHistories = errors.New("there are two histories of this record")

// prove leaves of what members claim to hold beyond a place only what they can show: a false claim must not make a restore
// impossible, or endless.
func (r *restoring) prove(ctx context.Context, from journal.Cursor) error {
	ctx, cancel := context.WithTimeout(ctx, helperPatience)
	defer cancel()
	r.others.fetcher.Prove(ctx, &r.others.held, from, r.lastBytes(from))
	return r.told()
}

// compare names those who hold another history than what was brought back from a place on, and goes no further without the operator's word:
// a loss of power took records from the lost disk before it was lost, and which of the two is anchored the members' seals do not tell.
func (r *restoring) compare(ctx context.Context, from journal.Cursor, stale map[verify.OrgID]error) error {
	ctx, cancel := context.WithTimeout(ctx, helperPatience)
	defer cancel()
	r.others.fetcher.Compare(ctx, &r.others.held, from, r.journalBytes)
	if err := r.told(); err != nil {
		return err
	}
	for _, m := range r.others.members {
		if err, ok := r.others.held.Other[m.Org]; ok {
			r.done.Other = append(r.done.Other, m.Name)
			if _, ok := stale[m.Org]; !ok && !r.Incomplete {
				return fmt.Errorf("%w: %s: %w", ErrHistories, m.Name, err)
			}
		}
	}
	return nil
}

// journalBytes reads at most n bytes of the journal that is being restored.
func (r *restoring) journalBytes(at journal.Cursor, n int) ([]byte, error) {
	f, err := os.Open(journal.SegmentFile(r.Journal(), at.Segment))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(f, at.Offset, int64(n)))
	return b, errors.Join(err, f.Close())
}

// lastBytes are the last bytes before a place; none at the beginning.
func (r *restoring) lastBytes(at journal.Cursor) []byte {
	if at.Offset -= journal.LinkSize; at.Offset < 0 {
		return nil
	}
	b, _ := r.journalBytes(at, journal.LinkSize) // what cannot be read is named by check
	return b
}

// told notes who is not believed, and refuses to go on where too many are silent.
func (r *restoring) told() error {
	r.done.False = nil
	for _, m := range r.others.members {
		if err, ok := r.others.held.False[m.Org]; ok {
			r.done.False = append(r.done.False, False{Member: m.Name, Problem: err.Error()})
		}
	}
	return r.enough()
}
