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
	local   []span        // entries that were acknowledged while too few custodians held them, also of records still to come
}

// span is the entries from first to before end.
type span struct{ first, end uint64 }

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

// unmark takes one mark of an entry back: who waited for it has gone.
func (q *queue) unmark(entry uint64) {
	if i := slices.Index(q.urgent, entry); i >= 0 {
		q.urgent = slices.Delete(q.urgent, i, i+1)
	}
}

// waiting counts those who wait for an entry that is here.
func (q *queue) waiting() (n int) {
	for _, e := range q.urgent {
		if e < q.end.Entry {
			n++
		}
	}
	return n
}

// markLocal notes entries that too few custodians held when they were acknowledged. One that is in a plan already was vouched for before
// that, or its anchor says that it was not.
func (q *queue) markLocal(s span) {
	if s.end > q.begin.Entry {
		q.local = append(q.local, s)
	}
}

// localOnly tells whether such an entry is among those from the queue's begin to before end.
func (q *queue) localOnly(end uint64) bool {
	return slices.ContainsFunc(q.local, func(s span) bool { return s.first < end && s.end > q.begin.Entry })
}

// pace is what the decision to cut a batch depends on besides the queue.
type pace struct {
	inFlight, maxInFlight int
	crowd                 int           // how many wait at a time, of late
	lastCut, lastLanded   time.Time     // of a batch; of one that somebody waited for
	latency               time.Duration // from submission to commitment, of late
	spacing               time.Duration // longest time that an awaited entry waits for company
	linger                time.Duration // longest time a record waits that nobody waits for
}

// due tells whether a batch is to be cut now, and if not, when to ask again at the latest; zero means when something changes.
//
// A full batch goes as soon as there is room. An awaited entry goes at once when nothing is in flight and nobody else is about: those who
// were just answered ask again in a moment, and if the first of them took the next block for itself, all others would wait for two. So
// a batch waits for its share of those who are about, but not for long. The others linger, so that neither the number of batches nor
// their time gives single visits away.
func (q *queue) due(p pace, now time.Time) (bool, time.Time) {
	if len(q.leaves) == 0 || p.inFlight >= p.maxInFlight {
		return false, time.Time{}
	}
	if len(q.leaves) >= MaxEntries {
		return true, time.Time{}
	}
	at := q.records[0].arrived.Add(p.linger)
	if n := q.waiting(); n > 0 {
		at = p.awaited(n, now)
	}
	return !at.After(now), at
}

// perRequest is what a small machine takes of its time for a request that is waited for.
const perRequest = 500 * time.Microsecond

// together tells whether the crowd comes back, all of it, in less time than a block takes. Then one batch carries everybody: two halves under way
// by turns would each wait for the other's block besides their own.
func (p pace) together() bool { return time.Duration(p.crowd)*perRequest < p.latency }

// awaited tells when a batch goes that so many wait for.
func (p pace) awaited(waiting int, now time.Time) time.Time {
	if p.together() {
		switch {
		case p.inFlight > 0:
			return later(p.lastCut, p.lastLanded).Add(p.latency) // its block is late
		case waiting < p.crowd:
			return p.lastLanded.Add(p.spacing)
		}
		return now
	}
	share := (p.crowd + p.maxInFlight - 1) / p.maxInFlight
	switch {
	case p.inFlight > 0 && waiting < max(share, 2):
		return later(p.lastCut, p.lastLanded).Add(p.spacing)
	case p.inFlight == 0 && waiting < share:
		return p.lastLanded.Add(p.spacing)
	}
	return now
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
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
	q.local = slices.DeleteFunc(q.local, func(s span) bool { return s.end <= q.begin.Entry })
}

// oldest gives the time of the first record; ok is false when the queue is empty.
func (q *queue) oldest() (at int64, ok bool) {
	if len(q.records) == 0 {
		return 0, false
	}
	return q.records[0].time, true
}
