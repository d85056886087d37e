package ledger

import (
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// TestBatchesEndWithTheirSegment: nobody may hold all of a batch that lies in two segments, as each has its own custodians.
func TestBatchesEndWithTheirSegment(t *testing.T) {
	q := newQueue(journal.Cursor{})
	for i, next := range []journal.Cursor{{Offset: 100, Entry: 1}, {Offset: 200, Entry: 2}, {Segment: 1, Offset: 150, Entry: 3}, {Segment: 1, Offset: 250, Entry: 4}} {
		q.add(next, int64(i), []verify.Hash{{byte(i)}}, time.Now())
	}
	for _, want := range []journal.Cursor{{Offset: 200, Entry: 2}, {Segment: 1, Offset: 250, Entry: 4}} {
		leaves, end, records := q.next()
		if end != want || len(leaves) != 2 || records != 2 {
			t.Fatalf("%d leaves of %d records to %v, want 2 of 2 to %v", len(leaves), records, end, want)
		}
		q.take(records)
	}
}
