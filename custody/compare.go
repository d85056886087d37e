package custody

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Compare finds those who hold another history than the one that this node has brought back, and hold less of theirs, so that Prove has no
// question to them. Own gives bytes of this node's journal, fewer where it has no more. Whose last bytes, beyond a place, are others shows
// the run that they are in: where it parts from the node's and carries its seal it is another history, else a false claim. All are asked at
// the same time.
func (f *Fetcher) Compare(ctx context.Context, h *Holdings, from journal.Cursor, own func(at journal.Cursor, n int) ([]byte, error)) {
	var mu sync.Mutex
	var asking sync.WaitGroup
	for org, ranges := range maps.Clone(h.Held) {
		l := h.last[org]
		if l.Size <= 0 || l.Size > min(lastBytes, l.End.Offset) || l.End.Compare(from) <= 0 {
			continue
		}
		b, err := own(journal.Cursor{Segment: l.End.Segment, Offset: l.End.Offset - l.Size}, int(l.Size))
		if err != nil || int64(len(b)) < l.Size || hashOf(b) == l.Hash {
			continue
		}
		asking.Go(func() {
			place, err := f.parts(ctx, org, furthest(ranges), own)
			mu.Lock()
			defer mu.Unlock()
			delete(h.Held, org)
			switch {
			case err == nil:
				h.Other[org] = fmt.Errorf("it holds the journal up to %s, and from %s on %w", l.End, place, journal.ErrOther)
			case lied(err):
				h.False[org] = fmt.Errorf("it claims to hold another history of the journal, up to %s, and does not show it: %w", l.End, err)
			default:
				h.Silent[org] = err
			}
		})
	}
	asking.Wait()
}

// parts is the place up to which a run that a custodian holds is this node's own. ErrNowhere, if it is to its end.
func (f *Fetcher) parts(ctx context.Context, org verify.OrgID, r journal.Range, own func(at journal.Cursor, n int) ([]byte, error)) (journal.Cursor, error) {
	for at := whole(r.Start); at.Compare(r.End) < 0; {
		b, end, err := f.frames(ctx, org, at, nil)
		if err != nil {
			return at, err
		}
		mine, err := own(at, len(b))
		if err != nil {
			return at, err
		}
		if len(b) == 0 {
			break
		}
		if !bytes.Equal(b, mine) {
			return journal.Agree(at, b, mine)
		}
		at = end
	}
	return r.End, ErrNowhere
}
