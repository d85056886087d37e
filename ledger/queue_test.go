package ledger

import (
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// TestWhenABatchIsDue holds the decision against those who wait: a lone writer waits for nobody, writers who come together share a block.
func TestWhenABatchIsDue(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	base := pace{maxInFlight: 2, spacing: 10 * time.Millisecond, linger: time.Second}
	with := func(change func(*pace)) pace { p := base; change(&p); return p }
	for name, c := range map[string]struct {
		entries, waiting int
		pace             pace
		now              int
		due              bool
		again            int // ms; -1 for when something changes
	}{
		"nothing is there":                           {0, 0, base, 0, false, -1},
		"nobody waits, it lingers":                   {1, 0, base, 0, false, 1000},
		"nobody waits, it has lingered":              {1, 0, base, 1000, true, 1000},
		"a lone writer":                              {1, 1, base, 0, true, 0},
		"a lone writer, a moment after its last":     {1, 1, with(func(p *pace) { p.crowd, p.lastLanded = 1, at(0) }), 0, true, 0},
		"a second writer while a block is under way": {1, 1, with(func(p *pace) { p.inFlight, p.crowd, p.lastCut = 1, 1, at(0) }), 2, false, 10},
		"the first of a crowd to come back":          {1, 1, with(func(p *pace) { p.crowd, p.lastLanded = 64, at(0) }), 2, false, 10},
		"its half has come back":                     {32, 32, with(func(p *pace) { p.crowd, p.lastLanded = 64, at(0) }), 2, true, 2},
		"the crowd has gone":                         {1, 1, with(func(p *pace) { p.crowd, p.lastLanded = 64, at(0) }), 10, true, 10},
		"the other half":                             {32, 32, with(func(p *pace) { p.inFlight, p.crowd, p.lastCut = 1, 64, at(0) }), 2, true, 2},
		"few, some of them back, by a slow block":    {3, 3, with(func(p *pace) { p.crowd, p.latency, p.lastLanded = 8, 20*time.Millisecond, at(0) }), 2, false, 10},
		"few, all of them back":                      {8, 8, with(func(p *pace) { p.crowd, p.latency, p.lastLanded = 8, 20*time.Millisecond, at(0) }), 4, true, 4},
		"few, others of them under way":              {4, 4, with(func(p *pace) { p.inFlight, p.crowd, p.latency, p.lastCut = 1, 8, 20*time.Millisecond, at(0) }), 12, false, 20},
		"few, others of them under way too long":     {4, 4, with(func(p *pace) { p.inFlight, p.crowd, p.latency, p.lastCut = 1, 8, 20*time.Millisecond, at(0) }), 20, true, 20},
		"too many are under way":                     {64, 64, with(func(p *pace) { p.inFlight = 2 }), 50, false, -1},
		"a full batch waits for nobody":              {MaxEntries, 0, with(func(p *pace) { p.crowd = 64 }), 0, true, -1},
	} {
		q := newQueue(journal.Cursor{})
		for i := range c.entries {
			q.add(journal.Cursor{Entry: uint64(i + 1)}, start.UnixMilli(), make([]verify.Hash, 1), start)
		}
		for i := range c.waiting {
			q.mark(uint64(i))
		}
		q.mark(uint64(c.entries)) // somebody waits for an entry that is still to come: no matter
		due, again := q.due(c.pace, at(c.now))
		if due != c.due {
			t.Errorf("%s: due is %v", name, due)
		}
		if want := at(c.again); c.again >= 0 && !again.Equal(want) || c.again < 0 && !again.IsZero() {
			t.Errorf("%s: to be asked again at %v, want %v ms", name, again.Sub(start), c.again)
		}
	}
}
