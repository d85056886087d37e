package ledger

import (
	"slices"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// queue holds the journal records that are in no plan yet, in order, as leaves. It decides when a batch is due and
// what goes into it. It has no lock: its owner has.
type queue struct {
	begin   journal.Cursor // where the first record of the queue begins
	end     journal.Cursor // where the record after the last one begins
	records []queued
	leaves  []verify.Hash // of all entries of records
	urgent  []uint64      // entries somebody waits for that are in no plan yet, also of records still to come
}

type queued struct {
	next    journal.Cursor // after the record
	entries int
	time    int64     // Unix milliseconds, the record's own
	arrived time.Time // by the clock of this process
}

func newQueue(begin journal.Cursor) *queue { return &queue{begin: begin, end: begin} }

// add appends a record. Its leaves are those of its entries.
func (q *queue) add(next journal.Cursor, at int64, leaves []verify.Hash, now time.Time) {
	q.records = append(q.records, queued{next, len(leaves), at, now})
	q.leaves = append(q.leaves, leaves...)
	q.end = next
}

// mark makes an entry urgent. An entry that is in a plan already is none of the queue's business.
func (q *queue) mark(entry uint64) {
	if entry >= q.begin.Entry {
		q.urgent = append(q.urgent, entry)
	}
}

// waited tells whether somebody waits for an entry that is here.
func (q *queue) waited() bool {
	for _, e := range q.urgent {
		if e < q.end.Entry {
			return true
		}
	}
	return false
}

// pace is what the decision to cut a batch depends on besides the queue.
type pace struct {
	inFlight, maxInFlight int
	lastCut               time.Time
	spacing               time.Duration // least time between two batches while one is in flight
	linger                time.Duration // longest time a record waits that nobody waits for
}

// due tells whether a batch is to be cut now, and if not, when to ask again at the latest; zero means when something changes.
//
// A full batch goes as soon as there is room. An awaited entry goes at once when nothing is in flight; otherwise entries
// collect for a while, so that a busy node does not spend a block on each. The others linger, so that neither the
// number of batches nor their time gives single visits away.
func (q *queue) due(p pace, now time.Time) (bool, time.Time) {
	if len(q.leaves) == 0 || p.inFlight >= p.maxInFlight {
		return false, time.Time{}
	}
	if len(q.leaves) >= MaxEntries {
		return true, time.Time{}
	}
	at := q.records[0].arrived.Add(p.linger)
	if q.waited() {
		at = now
		if p.inFlight > 0 {
			at = p.lastCut.Add(p.spacing)
		}
	}
	return !at.After(now), at
}

// next gives the leaves of the next batch and where it ends: whole records of one journal segment, at most MaxEntries entries unless the
// first record alone has more. Each segment has its custodians: nobody may hold all of a batch that lies in two, and then nobody could
// vouch for it. The leaves are the queue's own until take is called.
func (q *queue) next() (leaves []verify.Hash, end journal.Cursor, records int) {
	n := 0
	for i := range q.records {
		if i > 0 && (n+q.records[i].entries > MaxEntries || q.records[i].next.Segment != end.Segment) {
			break
		}
		n += q.records[i].entries
		end, records = q.records[i].next, i+1
	}
	return q.leaves[:n:n], end, records
}

// take removes the first records: they are in a plan now.
func (q *queue) take(records int) {
	n := 0
	for i := range q.records[:records] {
		n += q.records[i].entries
	}
	q.begin = q.records[records-1].next
	q.records = slices.Delete(q.records, 0, records)
	q.leaves = slices.Delete(q.leaves, 0, n)
	q.urgent = slices.DeleteFunc(q.urgent, func(e uint64) bool { return e < q.begin.Entry })
}

// oldest gives the time of the first record; ok is false when the queue is empty.
func (q *queue) oldest() (at int64, ok bool) {
	if len(q.records) == 0 {
		return 0, false
	}
	return q.records[0].time, true
}
