package custody

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

const (
	// sendTimeout is for how long a group is tried after nobody waits for it any more; then it is for the top-up.
	sendTimeout = 5 * time.Second
	// maxSend is about how many bytes of groups that queued up behind one another go in one request.
	maxSend = 4 << 20
	// pipeline bounds the requests on their way to one custodian. A second one is only sent when the first takes long: on a
	// near link, joining what queues up meanwhile is better for both disks.
	pipeline      = 16
	pipelineAfter = 2 * time.Millisecond

	firstProbation = time.Second
	maxProbation   = time.Minute
	// lostAfter is how long a custodian must have been away for others to be given what it should hold.
	lostAfter = 10 * time.Second
)

// courier is the way to one custodian: a queue of groups in the order of the journal, what is known to be held there, and how it
// has been answering.
type courier struct {
	*Replicator
	org verify.OrgID

	sending sync.Mutex // guards the queue and what is on its way
	queue   []*parcel
	flying  int       // requests under way
	waiting bool      // for the youngest to take long
	started time.Time // when the youngest request left

	state    sync.Mutex // guards all below
	held     runs
	heldAt   time.Time         // when the custodian last listed what it holds; zero if never
	pages    map[uint64]uint64 // versions held; nil if unknown
	used     int64             // bytes held there
	quota    int64             // bytes granted there
	until    time.Time         // on probation until then
	wait     time.Duration     // of the present probation
	since    time.Time         // when the first of the present probations began; zero if in good standing
	problem  string            // why
	probing  bool
	tending  bool
	attested uint64 // number of the batch signed last, plus one; 0 if unknown
}

// parcel is a group for one custodian.
type parcel struct {
	g    journal.Group
	done chan error // buffered: nobody need wait
}

// send queues a group; the answer comes when it is durable there, or not.
func (c *courier) send(g journal.Group) <-chan error {
	p := &parcel{g: g, done: make(chan error, 1)}
	c.sending.Lock()
	defer c.sending.Unlock()
	c.queue = append(c.queue, p)
	c.pump()
	return p.done
}

// pump sends what is queued if a request may leave now. The caller holds c.sending.
func (c *courier) pump() {
	if len(c.queue) == 0 || c.flying >= pipeline {
		return
	}
	if c.flying > 0 {
		if wait := pipelineAfter - time.Since(c.started); wait > 0 {
			c.pumpAfter(wait)
			return
		}
	}
	load := c.load()
	ordered := c.flying > 0
	c.flying++
	c.started = time.Now()
	c.work.Go(func() {
		c.deliver(load, ordered)
		c.sending.Lock()
		defer c.sending.Unlock()
		c.flying--
		c.pump()
	})
}

// pumpAfter looks again when the request under way takes long. The caller holds c.sending.
func (c *courier) pumpAfter(wait time.Duration) {
	if c.waiting {
		return
	}
	c.waiting = true
	c.work.Go(func() {
		select {
		case <-time.After(wait):
		case <-c.ctx.Done():
		}
		c.sending.Lock()
		defer c.sending.Unlock()
		c.waiting = false
		c.pump()
	})
}

// load takes from the queue the groups that go in one request: those of one segment that follow one another.
func (c *courier) load() []*parcel {
	n, size := 1, len(c.queue[0].g.Frames)
	for n < len(c.queue) && c.queue[n].g.Start == c.queue[n-1].g.End && size+len(c.queue[n].g.Frames) <= maxSend {
		size += len(c.queue[n].g.Frames)
		n++
	}
	load := c.queue[:n:n]
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return load
}

func (c *courier) deliver(load []*parcel, ordered bool) {
	frames := load[0].g.Frames
	if len(load) > 1 {
		frames = nil
		for _, p := range load {
			frames = append(frames, p.g.Frames...)
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, sendTimeout)
	defer cancel()
	start := time.Now()
	err := c.append(ctx, journal.Range{Start: load[0].g.Start, End: load[len(load)-1].g.End}, frames, ordered)
	if err == nil && time.Since(start) < c.opt.Patience {
		c.prompt()
	}
	for _, p := range load {
		p.done <- err
	}
}

// append brings frames and notes that they are held.
func (c *courier) append(ctx context.Context, r journal.Range, frames []byte, ordered bool) error {
	end, err := c.ask.append(ctx, c.org, r.Start, frames, ordered)
	if err == nil && end != r.End {
		err = errors.New("custody: the custodian names another end than that of the bytes sent")
	}
	if err != nil {
		return err
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
// merely lacks something it is asked about is not.
func (c *courier) failed(err error) {
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
