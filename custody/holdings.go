package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// askAgain is the pause before a member that cannot be reached is asked once more.
const askAgain = 100 * time.Millisecond

// Holdings is what the members hold of this node's journal.
type Holdings struct {
	Held   map[verify.OrgID][]journal.Range
	Silent map[verify.OrgID]error // those who could not be asked, and why
}

// Holdings asks every member at the same time what it holds of this node's journal. One that cannot be reached is asked again until ctx
// ends: it may be starting.
func (f *Fetcher) Holdings(ctx context.Context) Holdings {
	all := Holdings{make(map[verify.OrgID][]journal.Range), make(map[verify.OrgID]error)}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, org := range rank(f.org, nil, f.members()) {
		asking.Go(func() {
			h, err := f.persist(ctx, org)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				all.Silent[org] = err
				return
			}
			all.Held[org] = h.Ranges
		})
	}
	asking.Wait()
	return all
}

func (f *Fetcher) persist(ctx context.Context, org verify.OrgID) (held, error) {
	for {
		h, err := f.ask.held(ctx, org)
		if err == nil || !errors.Is(err, peer.ErrUnreachable) || ctx.Err() != nil {
			return h, err
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return h, err
		}
	}
}

// End is the furthest place held by anyone. Where it lies beyond the end of the node's own journal, the node has lost what is between: bring
// it back with Extend before anything is written, because other bytes in that place would be refused for ever, as a second history.
func (h *Holdings) End() (end journal.Cursor) {
	for _, ranges := range h.Held {
		for _, r := range ranges {
			if r.End.Compare(end) > 0 {
				end = r.End
			}
		}
	}
	return end
}

// Extend brings back the journal in dir, which no process has open, from `from`, where its good bytes end, up to `to`. The zero Cursor
// begins an empty directory. step, if not nil, is told of each segment. What was brought before an error stays. It ends without
// error where no custodian holds the bytes in between: journal.Scan tells how far it came.
func (f *Fetcher) Extend(ctx context.Context, dir string, from, to journal.Cursor, step func(segment uint32)) error {
	var before []byte
	if from.Offset > 0 {
		var err error
		if before, err = head(journal.SegmentFile(dir, from.Segment), from.Offset); err != nil {
			return fmt.Errorf("custody: %w", err)
		}
	}
	for at := from; at.Segment <= to.Segment; at, before = (journal.Cursor{Segment: at.Segment + 1}), nil {
		err := f.Rest(ctx, at, before, func(r io.Reader) error { return journal.Restore(dir, at.Segment, r) })
		if errors.Is(err, ErrNowhere) && len(before) > 0 && at.Segment < to.Segment {
			continue // it is whole here
		}
		if err != nil {
			return err
		}
		if step != nil {
			step(at.Segment)
		}
	}
	return nil
}

// head reads the first n bytes of a file.
func head(name string, n int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err = f.ReadAt(b, 0)
	return b, errors.Join(err, f.Close())
}
