package custody

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

const (
	// sendTimeout is for how long a group is tried after nobody waits for it any more; then it is for the top-up.
	sendTimeout = 5 * time.Second
	// maxSend is about how many bytes of pages go in one request.
	maxSend = 4 << 20

	firstProbation = time.Second
	maxProbation   = time.Minute
	// lostAfter is how long a custodian must have been away for others to be given what it should hold.
	lostAfter = 10 * time.Second
)

// courier is the way to one custodian: a stream for the groups, what is known to be held there, and how it has been answering.
type courier struct {
	*Replicator
	org verify.OrgID

	meeting sync.Mutex // held while what the custodian holds is compared with the journal
	sending sync.Mutex
	paging  sync.Mutex // held through one step of bringing pages; taken before state
	line    *line      // the stream in use; nil if none is. Guarded by sending

	state     sync.Mutex // guards all below
	held      runs
	gone      []journal.Range   // lost there; brought again even where by now others hold it
	heldAt    time.Time         // when the custodian last listed what it holds; zero if never
	pages     map[uint64]uint64 // versions held; nil if unknown
	shown     shownPages
	sentPages int           // counts requests that brought some
	used      int64         // bytes held there
	quota     int64         // bytes granted there
	until     time.Time     // on probation until then
	wait      time.Duration // of the present probation
	since     time.Time     // when the first of the present probations began; zero if in good standing
	problem   string        // why
	tending   bool
	attested  uint64 // number of the batch signed last, plus one; 0 if unknown
}

// append brings frames and notes that they are held.
func (c *courier) append(ctx context.Context, r journal.Range, frames []byte) error {
	end, err := c.ask.append(ctx, c.org, r.Start, frames)
	if err != nil {
		return err
	}
	return c.holds(r, end)
}

// holds notes that a run is held, if the custodian means the same.
func (c *courier) holds(r journal.Range, end journal.Cursor) error {
	if end != r.End {
		return fmt.Errorf("custody: %s names %s as the end of the bytes sent, not %s", c.org, end, r.End)
	}
	c.state.Lock()
	defer c.state.Unlock()
	c.held.add(r)
	return nil
}

// sendPages brings pages, and notes that they are held.
func (c *courier) sendPages(ctx context.Context, pages []Page) error {
	for len(pages) > 0 {
		n, size := 0, 0
		for n < len(pages) && n < maxPages && (n == 0 || size+len(pages[n].Sealed) <= maxSend) {
			size += len(pages[n].Sealed)
			n++
		}
		if err := c.ask.putPages(ctx, c.org, pages[:n]); err != nil {
			return err
		}
		c.state.Lock()
		c.sentPages++
		for i := range pages[:n] {
			if c.pages != nil {
				c.pages[pages[i].Number] = max(c.pages[pages[i].Number], pages[i].Version)
			}
		}
		c.state.Unlock()
		pages = pages[n:]
	}
	return nil
}

// onProbation tells whether the custodian is passed over at present.
func (c *courier) onProbation() bool {
	c.state.Lock()
	defer c.state.Unlock()
	return !c.since.IsZero()
}

// lost tells whether others should be given what this custodian should hold.
func (c *courier) lost() bool {
	c.state.Lock()
	defer c.state.Unlock()
	return !c.since.IsZero() && time.Since(c.since) > lostAfter
}

// silent puts a custodian that did not answer in time on probation.
func (c *courier) silent() { c.suspend("no answer in time") }

// failed judges an error: who does not answer, or has no room, or holds other bytes, is passed over for a while. A custodian that
// merely lacks something it is asked about is not, nor one that this node could not read what to bring to.
func (c *courier) failed(err error) {
	if errors.Is(err, errFarBehind) {
		return
	}
	if isOwn(err) {
		c.ownFailed(err)
		return
	}
	for _, harmless := range []string{codeLacking, codePrior, codeUnanchored, codeUnknown} {
		if _, ok := refusedAs(err, harmless); ok {
			return
		}
	}
	p := new(peer.Problem)
	if errors.As(err, &p) {
		c.suspend(p.Error())
		return
	}
	c.suspend(err.Error())
}

func (c *courier) suspend(problem string) {
	c.state.Lock()
	defer c.state.Unlock()
	now := time.Now()
	c.problem = problem
	if now.Before(c.until) {
		return
	}
	c.wait = min(max(2*c.wait, firstProbation), maxProbation)
	c.until = now.Add(c.wait)
	if c.since.IsZero() {
		c.since = now
	}
	c.heldAt = time.Time{} // what arrived there after all is asked anew
	c.opt.Log.Warn("custody: a custodian is passed over", "custodian", c.org, "for", c.wait, "why", problem)
}

// prompt notes that the custodian did its work in time: the next probation is a short one again.
func (c *courier) prompt() {
	c.state.Lock()
	defer c.state.Unlock()
	if c.since.IsZero() {
		c.wait = 0
	}
}

// restore ends a probation. Its length is remembered until the custodian has held something in time: one that answers but
// does not hold is tried ever more rarely.
func (c *courier) restore() {
	c.state.Lock()
	defer c.state.Unlock()
	if c.since.IsZero() {
		return
	}
	c.until, c.since, c.problem = time.Time{}, time.Time{}, ""
	c.opt.Log.Info("custody: a custodian is back", "custodian", c.org)
}
