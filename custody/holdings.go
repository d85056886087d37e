package custody

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// askAgain is the pause before a member that cannot be reached is asked once more.
const askAgain = 100 * time.Millisecond

// Holdings is what the members say that they hold of this node's journal.
type Holdings struct {
	Held   map[verify.OrgID][]journal.Range
	Silent map[verify.OrgID]error // those who could not be asked, and why
	False  map[verify.OrgID]error // those who claimed what they do not have, and what they gave instead; see Prove
	Other  map[verify.OrgID]error // those who hold true records of another history than this node's; see Prove and Compare

	last map[verify.OrgID]last // by which those who hold the same are known
}

// Holdings asks every member at the same time what it holds of this node's journal. One that cannot be reached is asked again until ctx
// ends: it may be starting.
func (f *Fetcher) Holdings(ctx context.Context) Holdings {
	all := Holdings{Held: make(map[verify.OrgID][]journal.Range), last: make(map[verify.OrgID]last)}
	for _, m := range []*map[verify.OrgID]error{&all.Silent, &all.False, &all.Other} {
		*m = make(map[verify.OrgID]error)
	}
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
			all.Held[org], all.last[org] = h.Ranges, h.Last
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

// Prove has each member that claims to hold something beyond a place, where this node's journal ends, show it: of its furthest range the
// first bytes beyond the place must carry this node's seal. Who shows others, or none, is believed no more, so that a false claim keeps
// nobody waiting for what does not exist; who cannot be reached any more, or stalls, is silent. Before are the last bytes of the journal, nil
// where it has none: who shows there what does not continue them has another history of it. All are asked at the same time.
func (f *Fetcher) Prove(ctx context.Context, h *Holdings, from journal.Cursor, before []byte) {
	var mu sync.Mutex
	var asking sync.WaitGroup
	for org, ranges := range maps.Clone(h.Held) { // answers take from it while others are still being asked
		far := furthest(ranges)
		if far.End.Compare(from) <= 0 {
			continue
		}
		asking.Go(func() {
			at, before := from, before
			if far.Start.Compare(from) > 0 {
				at, before = far.Start, nil
			}
			b, _, err := f.frames(ctx, org, whole(at), before)
			if err == nil && len(b) > 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			delete(h.Held, org)
			if errors.Is(err, journal.ErrOther) {
				h.Other[org] = fmt.Errorf("it holds the journal up to %s: %w", far.End, err)
				return
			}
			if lied(err) {
				h.False[org] = fmt.Errorf("it claims to hold the journal up to %s, and does not show what is at %s: %w", far.End, at, cmp.Or(err, ErrNowhere))
				return
			}
			h.Silent[org] = err
		})
	}
	asking.Wait()
}

// lied tells whether an answer to who asked for what was claimed contradicts the claim: other bytes, none, or that it is not held. A
// copy that the custodian itself calls damaged, and an answer that did not come, do not.
func lied(err error) bool {
	_, unknown := refusedAs(err, codeUnknown)
	return err == nil || unknown || errors.Is(err, ErrNowhere) || errors.Is(err, journal.ErrSeal) || errors.Is(err, journal.ErrFrames)
}

// whole is a place from which frames can be checked: of a segment's first frame that includes the header.
func whole(at journal.Cursor) journal.Cursor {
	if at.Offset <= journal.SegmentHeader {
		at.Offset = 0
	}
	return at
}

func furthest(ranges []journal.Range) (far journal.Range) {
	for _, r := range ranges {
		if r.End.Compare(far.End) > 0 {
			far = r
		}
	}
	return far
}

// End is the furthest place held by anyone. Where it lies beyond the end of the node's own journal, the node has lost what is between: bring
// it back with Extend before anything is written, because other bytes in that place would be refused for ever, as a second history.
func (h *Holdings) End() (end journal.Cursor) {
	for _, ranges := range h.Held {
		if far := furthest(ranges).End; far.Compare(end) > 0 {
			end = far
		}
	}
	return end
}

// Extend brings back the journal in dir, which no process has open, from `from`, where its good bytes end, up to `to`. The zero Cursor
// begins an empty directory. Only what carries this node's seal is taken; see Rest. step, if not nil, is told of each segment. What was brought before an error stays: journal.Scan tells
// how far it came. Errors: ErrNowhere where no custodian holds the bytes in between.
func (f *Fetcher) Extend(ctx context.Context, dir string, from, to journal.Cursor, step func(segment uint32)) error {
	var before []byte
	if from = whole(from); from.Offset > 0 {
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
