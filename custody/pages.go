package custody

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sijil-health/sijil/verify"
)

const (
	// pagesAtOnce bounds the pages of one step of bringing the key store to a custodian: what is sealed and in memory at once.
	pagesAtOnce = 256
	pageBytes   = 4 << 10 // of a page, about
)

// Pages is the owner's key store as its custodians see it. Versions come from one count for all pages.
type Pages interface {
	// Newest gives the version of the page written last. While it stays the same, so does all else.
	Newest() uint64
	// Versions gives the version of every page there is, by number.
	Versions() (map[uint64]uint64, error)
	// Since gives pages of versions above that one, sealed for custodians, in order of version and at most so many, and the version to ask
	// from next time. Fewer than asked for are all there are: who took them has the key store as it is at the version `next`.
	Since(version uint64, most int) (pages []Page, next uint64, err error)
}

// errFarBehind says that a custodian lacks more of the key store than a write may wait for. The background brings it.
var errFarBehind = errors.New("custody: the custodian has not got all older pages of the key store yet")

// shownPages is how far a custodian has the key store. Guarded by courier.state.
type shownPages struct {
	known  bool   // what it holds was compared with what there is
	next   uint64 // the version to go on from
	whole  uint64 // it has every page as of this version, or newer; 0 while some are missing
	behind bool   // the background is at work, with more than one step to go

	compared time.Time // when the list was made that was compared last
}

// HoldPages begins to bring the key store as of a version to R−1 custodians, and gives the function that waits for them and tells how many
// hold it durably. Calls for versions that are on their way already wait for those; what failed is tried again by the next call, and
// by the background.
func (r *Replicator) HoldPages(version uint64) (wait func(context.Context) (copies int)) {
	need := r.opt.Copies() - 1
	src := r.sources().Pages
	held, oldest := r.pagesHeld(version)
	if held >= need || src == nil {
		return func(context.Context) int { return held }
	}
	size := int(min(version-oldest, pagesAtOnce)) * pageBytes // each version is one page written
	s := r.spread(pageCustodians(r.opt.Org, r.opt.Members()), r.patience(size), func(c *courier) <-chan error {
		return r.later(size, func(ctx context.Context) error { return c.holdPages(ctx, src, version) })
	})
	s.begin()
	return s.finish
}

// pagesHeld counts the custodians that have the key store as of a version, and gives the oldest version that one of the others has whole.
func (r *Replicator) pagesHeld(version uint64) (copies int, oldest uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest = version
	for _, c := range r.couriers {
		c.state.Lock()
		whole := c.shown.whole
		c.state.Unlock()
		if whole >= version {
			copies++
		} else if whole > 0 {
			oldest = min(oldest, whole)
		}
	}
	return copies, oldest
}

// holdPages brings what a write waits for: one step, to a custodian that had all but the last of it. Versions outnumber pages.
func (c *courier) holdPages(ctx context.Context, src Pages, version uint64) error {
	c.state.Lock()
	at := c.shown
	c.state.Unlock()
	if !at.known || at.behind {
		return errFarBehind
	}
	if version < at.whole+pagesAtOnce {
		if whole, err := c.stepPages(ctx, src, version); err != nil || whole >= version {
			return err
		}
	}
	c.Kick()
	return errFarBehind
}

// stepPages brings the next pages in order, unless the custodian has the version asked for since it was asked, and tells what it has whole.
// One step is taken at a time: whoever waits for it mostly finds its own work done.
func (c *courier) stepPages(ctx context.Context, src Pages, version uint64) (whole uint64, err error) {
	c.paging.Lock()
	defer c.paging.Unlock()
	c.state.Lock()
	from, whole := c.shown.next, c.shown.whole
	c.state.Unlock()
	if whole >= version {
		return whole, nil
	}
	pages, next, err := src.Since(from, pagesAtOnce)
	if err != nil {
		return whole, ownError{fmt.Errorf("custody: read the key store: %w", err)}
	}
	last := len(pages) < pagesAtOnce
	if err := c.sendPages(ctx, c.without(pages)); err != nil {
		return whole, err
	}
	c.state.Lock()
	defer c.state.Unlock()
	c.shown.next = next
	if last {
		c.shown.whole = next
	}
	return c.shown.whole, nil
}

// without leaves out the pages that the custodian has.
func (c *courier) without(pages []Page) []Page {
	c.state.Lock()
	defer c.state.Unlock()
	return slices.DeleteFunc(pages, func(p Page) bool {
		held, ok := c.pages[p.Number]
		return ok && held >= p.Version
	})
}

// tendPages brings the pages that the custodian lacks or has in an older version. One that is no custodian of the key store any
// more is told to forget it, once those that are have all of it.
func (c *courier) tendPages(src Pages) error {
	wanted := c.wanted(pageCustodians(c.opt.Org, c.opt.Members()))
	if src == nil || c.pagesSettled(src.Newest(), slices.Contains(wanted, c.org)) {
		return nil
	}
	versions, err := src.Versions()
	if err != nil {
		return ownError{fmt.Errorf("custody: read the key store: %w", err)}
	}
	if !c.comparePages(versions) {
		return nil
	}
	if !slices.Contains(wanted, c.org) {
		return c.releasePages(wanted, versions)
	}
	defer c.fillingPages(false)
	for newest := newestOf(versions); ; c.fillingPages(true) {
		size := min(len(c.behind(versions)), pagesAtOnce) * pageBytes
		if err := c.limit.WaitN(c.ctx, min(size, c.limit.Burst())); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.ctx, tendWait)
		whole, err := c.stepPages(ctx, src, newest)
		cancel()
		if err != nil || whole >= newest {
			return err
		}
	}
}

// pagesSettled tells whether there is nothing to bring or to release: nothing was written since the custodian had all, or it should have none
// and has none, and it has listed nothing since that was compared. To look at every page each second would keep who makes a key waiting.
func (c *courier) pagesSettled(newest uint64, wanted bool) bool {
	c.state.Lock()
	defer c.state.Unlock()
	if !c.shown.known || c.heldAt != c.shown.compared {
		return false
	}
	if !wanted {
		return len(c.pages) == 0
	}
	return c.shown.whole >= newest
}

func (c *courier) fillingPages(behind bool) {
	c.state.Lock()
	defer c.state.Unlock()
	c.shown.behind = behind
}

func newestOf(versions map[uint64]uint64) (newest uint64) {
	for _, v := range versions {
		newest = max(newest, v)
	}
	return newest
}

// comparePages finds from which version on the custodian has to be brought pages, from what it listed: at the beginning, and when it lost some.
// It tells whether that is known: a list that other pages overtook on its way says nothing.
func (c *courier) comparePages(versions map[uint64]uint64) bool {
	c.paging.Lock()
	defer c.paging.Unlock()
	from, behind := newestOf(versions), c.behind(versions)
	c.state.Lock()
	defer c.state.Unlock()
	if c.heldAt.IsZero() || c.pages == nil {
		return c.shown.known
	}
	for _, number := range behind {
		from = min(from, versions[number]-1)
	}
	if !c.shown.known || from < c.shown.next && len(behind) > 0 {
		c.shown = shownPages{known: true, next: from}
	}
	c.shown.compared = c.heldAt
	if len(behind) == 0 {
		c.shown.next, c.shown.whole = max(c.shown.next, from), max(c.shown.whole, from)
	}
	return true
}

// behind lists the pages of which the custodian lacks the present version.
func (c *courier) behind(versions map[uint64]uint64) []uint64 {
	c.state.Lock()
	defer c.state.Unlock()
	var numbers []uint64
	for number, version := range versions {
		if held, ok := c.pages[number]; !ok || held < version {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func (c *courier) releasePages(wanted []verify.OrgID, versions map[uint64]uint64) error {
	c.state.Lock()
	none := len(c.pages) == 0
	c.state.Unlock()
	if none || len(wanted) < c.opt.Copies()-1 {
		return nil
	}
	for _, org := range wanted {
		w := c.courier(org)
		w.state.Lock()
		known := w.pages != nil
		w.state.Unlock()
		if !known || len(w.behind(versions)) > 0 {
			return nil
		}
	}
	c.paging.Lock()
	defer c.paging.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, tendWait)
	defer cancel()
	if err := c.ask.dropPages(ctx, c.org); err != nil {
		return err
	}
	c.state.Lock()
	defer c.state.Unlock()
	clear(c.pages)
	c.shown = shownPages{known: true}
	return nil
}
