package custody

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

const (
	tendEvery    = time.Second
	listEvery    = 30 * time.Second // how long what a custodian listed is believed
	topUpChunk   = 1 << 20          // bytes of frames in one request
	tendWait     = 30 * time.Second // for one answer
	probeTimeout = 2 * time.Second  // for a connection and two answers
)

// tend tops up in the background, until Close. What is lacking is computed from what custodians list, so that there is no progress
// to lose: after a restart, a substitution, a late join or the loss of a custodian's disk the same comparison finds it.
func (r *Replicator) tend() {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	var limit journal.Cursor // of a round ago: younger groups are on their way by Hold
	members := r.memberHash()
	for {
		if now := r.memberHash(); now != members {
			members = now
			r.lookAgain()
		}
		end := r.sources().Journal.End()
		if r.opt.Copies() > 1 {
			for _, c := range r.present() {
				r.visit(c, limit)
			}
		}
		limit = end
		select {
		case <-tick.C:
		case <-r.kick:
		case <-r.ctx.Done():
			return
		}
	}
}

// Kick makes the next round of topping up begin now.
func (r *Replicator) Kick() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// present gives a courier to each member that can be a custodian now, and forgets those that cannot any more.
func (r *Replicator) present() []*courier {
	var list []*courier
	for _, org := range rank(r.opt.Org, nil, r.opt.Members()) {
		list = append(list, r.courier(org))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for org, c := range r.couriers {
		if !slices.Contains(list, c) {
			delete(r.couriers, org)
		}
	}
	return list
}

// visit begins what there is to do at one custodian, unless the last visit is not over.
func (r *Replicator) visit(c *courier, limit journal.Cursor) {
	c.state.Lock()
	defer c.state.Unlock()
	if c.tending || time.Now().Before(c.until) {
		return
	}
	c.tending = true
	onProbation := !c.since.IsZero()
	r.work.Go(func() {
		err := error(nil)
		if onProbation {
			err = c.probe()
		}
		if err == nil {
			err = c.tendOne(limit)
		}
		if err != nil && r.ctx.Err() == nil {
			c.failed(err)
		}
		c.state.Lock()
		defer c.state.Unlock()
		c.tending = false
	})
}

// probe tries a custodian on probation. The first answer may include the connection; the second must be prompt.
func (c *courier) probe() error {
	ctx, cancel := context.WithTimeout(c.ctx, probeTimeout)
	defer cancel()
	if _, err := c.opt.Client.Ping(ctx, c.org); err != nil {
		return err
	}
	took, err := c.opt.Client.Ping(ctx, c.org)
	if err != nil {
		return err
	}
	if took > c.opt.Patience {
		return fmt.Errorf("custody: %s answers after %v, more than the %v that a group may wait", c.org, took.Round(time.Millisecond), c.opt.Patience)
	}
	c.restore()
	return nil
}

// tendOne brings one custodian what it lacks.
func (c *courier) tendOne(limit journal.Cursor) error {
	if err := c.meet(); err != nil {
		return err
	}
	if err := c.list(); err != nil {
		return err
	}
	src := c.sources()
	if err := c.notOurs(c.tendPages(src.Pages)); err != nil {
		return err
	}
	for _, s := range src.Journal.Segments() {
		if s.Number > limit.Segment {
			break
		}
		size := s.Size
		if s.Number == limit.Segment {
			size = min(size, limit.Offset)
		}
		if !slices.Contains(c.wanted(Custodians(c.opt.Org, s.Number, c.opt.Members())), c.org) {
			size = min(size, c.goneUpTo(s.Number))
		}
		if size == 0 {
			continue
		}
		if c.empty() && s.Sealed {
			// It is new, or it lost its disk: then it lacks more than the journal.
			c.lookAgain()
		}
		if err := c.notOurs(c.fill(src.Journal, s, size)); err != nil {
			return err
		}
	}
	return nil
}

// notOurs gives an error on if it is the custodian's. One of this node's own is seen to here, and what comes after it is brought.
func (c *courier) notOurs(err error) error {
	if !isOwn(err) {
		return err
	}
	c.ownFailed(err)
	return nil
}

// list asks what the custodian holds, if that is not known or has not been asked for a while.
func (c *courier) list() error {
	c.state.Lock()
	fresh := time.Since(c.heldAt) < listEvery
	sent := c.sentPages
	c.state.Unlock()
	if fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, tendWait)
	defer cancel()
	asked := time.Now()
	h, err := c.ask.held(ctx, c.org)
	if err != nil {
		return err
	}
	c.state.Lock()
	defer c.state.Unlock()
	// Groups that became durable while the list was on its way are found again by the next one, or sent twice: harmless.
	c.held, c.gone, c.heldAt, c.pages, c.used, c.quota = newRuns(h.Ranges), h.Gone, asked, h.Pages, h.Used, h.Quota
	if c.pages == nil {
		c.pages = make(map[uint64]uint64)
	}
	if c.sentPages != sent {
		c.heldAt = time.Time{} // the list may or may not have them: ask once more in the next round
	}
	return nil
}

// empty tells whether the custodian holds nothing of the journal.
func (c *courier) empty() bool {
	c.state.Lock()
	defer c.state.Unlock()
	return len(c.held) == 0
}

// goneUpTo is up to where the custodian has lost bytes of a segment. It gets them again whoever else holds them by now: it may have vouched
// for them, and names them as damage until they are back.
func (c *courier) goneUpTo(segment uint32) (offset int64) {
	c.state.Lock()
	defer c.state.Unlock()
	for _, r := range c.gone {
		if r.End.Segment == segment {
			offset = max(offset, r.End.Offset)
		}
	}
	return offset
}

// wanted are those of an order of custodians that should hold a thing: the first R−1 that are not lost.
func (r *Replicator) wanted(order []verify.OrgID) []verify.OrgID {
	var list []verify.OrgID
	for _, org := range order {
		if len(list) < r.opt.Copies()-1 && !r.courier(org).lost() {
			list = append(list, org)
		}
	}
	return list
}

// fill sends what is lacking of the first `size` bytes of a segment, at the bounded rate.
func (c *courier) fill(j Journal, s journal.Segment, size int64) error {
	for {
		c.state.Lock()
		from, lacking := c.held.gap(s.Number, s.FirstEntry, size)
		c.state.Unlock()
		if lacking <= 0 {
			return nil
		}
		g, err := j.Frames(from, int(min(lacking, topUpChunk)))
		if err != nil {
			return ownError{fmt.Errorf("custody: read the journal: %w", err)}
		}
		if len(g.Frames) == 0 || g.Start.Segment != s.Number {
			return nil
		}
		if err := c.limit.WaitN(c.ctx, min(len(g.Frames), c.limit.Burst())); err != nil {
			return err
		}
		if err := c.topUp(g); err != nil {
			return err
		}
	}
}

func (c *courier) topUp(g journal.Group) error {
	ctx, cancel := context.WithTimeout(c.ctx, tendWait+c.patience(len(g.Frames)))
	defer cancel()
	return c.append(ctx, journal.Range{Start: g.Start, End: g.End}, g.Frames)
}
