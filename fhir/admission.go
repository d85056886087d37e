package fhir

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sijil-health/sijil/record"
)

// admission bounds what is being worked on. Requests and bytes are taken from two budgets, and of each one actor has a share only, so that
// nobody keeps the others out. First come first served; who waits longer than Limits.Admission is sent away with 503.
type admission struct {
	requests, bytes       *budget
	maxRequests, maxBytes int64 // of one actor
	most                  int64 // bytes that one request can ever be given
	wait                  time.Duration

	mu     sync.Mutex
	shares map[string]*share // of the actors who have requests here
}

// share is what is left of one actor's part of both budgets.
type share struct {
	requests, bytes *budget
	users           int // guarded by admission.mu
}

// place is that of one request among those worked on, and the room for its body and its answer. It is kept until the answer is written: what a
// slow reader has not taken yet stands in memory. A nil place has no bounds, and is that of what has no request of an actor.
type place struct {
	*admission
	actor string
	share *share
	wait  time.Duration // for the place, and for each room
	room  sync.Mutex
	held  int64 // bytes; guarded by room, for the entries of a batch are answered at the same time
}

// oneOf is the part of a budget that one actor may take.
const oneOf = 4

func newAdmission(l Limits) *admission {
	a := &admission{
		requests: &budget{free: int64(l.Requests)}, maxRequests: max(1, int64(l.Requests)/oneOf),
		bytes: &budget{free: l.Bodies}, maxBytes: max(int64(l.Bundle), int64(l.Resource), l.Bodies/oneOf),
		wait: l.Admission, shares: map[string]*share{},
	}
	a.most = min(a.maxBytes, l.Bodies)
	return a
}

// enter takes a place for a request.
func (a *admission) enter(ctx context.Context, actor string) (*place, error) {
	return a.enterFor(ctx, actor, a.wait)
}

// enterLater takes a place for a request that nobody waits for: its turn comes when it comes, as long as ctx lasts.
func (a *admission) enterLater(ctx context.Context, actor string) (*place, error) {
	return a.enterFor(ctx, actor, math.MaxInt64)
}

func (a *admission) enterFor(ctx context.Context, actor string, wait time.Duration) (*place, error) {
	a.mu.Lock()
	s := a.shares[actor]
	if s == nil {
		s = &share{requests: &budget{free: a.maxRequests}, bytes: &budget{free: a.maxBytes}}
		a.shares[actor] = s
	}
	s.users++
	a.mu.Unlock()
	p := &place{admission: a, actor: actor, share: s, wait: wait}
	if err := p.take(ctx, s.requests, a.requests, 1); err != nil {
		p.forget()
		return nil, err
	}
	return p, nil
}

// hold takes room for n more bytes, and waits for it. Whoever waits must not hold what others wait for.
func (p *place) hold(ctx context.Context, n int64) error {
	if err := p.take(ctx, p.share.bytes, p.bytes, n); err != nil {
		return err
	}
	p.add(n)
	return nil
}

// try takes room for n more bytes if it is there.
func (p *place) try(n int64) bool {
	if !p.share.bytes.try(n) {
		return false
	}
	if !p.bytes.try(n) {
		p.share.bytes.give(n)
		return false
	}
	p.add(n)
	return true
}

func (p *place) add(n int64) {
	p.room.Lock()
	p.held += n
	p.room.Unlock()
}

// keep makes what the request holds n bytes: what is there already, so that it does not wait for those that were not foreseen.
func (p *place) keep(n int) {
	if p == nil {
		return
	}
	p.room.Lock()
	more := int64(n) - p.held
	p.held = int64(n)
	p.room.Unlock()
	p.bytes.give(-more)
	p.share.bytes.give(-more)
}

// opening is record.WithRoom for what the request is answered with. The parts of a Bundle do not wait, because their Bundle holds room: of two
// that did, none would go on.
func (p *place) opening(ctx context.Context, part bool) context.Context {
	if p == nil {
		return ctx
	}
	return record.WithRoom(ctx, func(n int64) error {
		n = min(n, p.most) // so that whatever is stored can be read, though alone
		switch {
		case !part:
			return p.hold(ctx, n)
		case p.try(n):
			return nil
		}
		return fail(http.StatusServiceUnavailable, "throttled", "there is no room for this answer beside the others; ask for it again in a request of its own")
	})
}

// leave gives back all that the request took.
func (p *place) leave() {
	if p == nil {
		return
	}
	p.bytes.give(p.held)
	p.share.bytes.give(p.held)
	p.requests.give(1)
	p.share.requests.give(1)
	p.forget()
}

func (p *place) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.share.users--; p.share.users == 0 {
		delete(p.shares, p.actor)
	}
}

// take takes n of an actor's share and then of what all have: who waits for the first is in nobody's way.
func (p *place) take(ctx context.Context, own, all *budget, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	err := own.take(ctx, n)
	if err == nil {
		if err = all.take(ctx, n); err == nil {
			return nil
		}
		own.give(n)
	}
	busy := fail(http.StatusServiceUnavailable, "throttled", "the node is busy; nothing was stored, try again later")
	busy.cause = fmt.Errorf("admission: %w", err)
	return busy
}

// budget is an amount that is shared out in the order of asking, so that a large request is not passed over for ever.
type budget struct {
	mu      sync.Mutex
	free    int64
	waiting []*claim
}

type claim struct {
	n       int64
	granted chan struct{} // closed when it is
}

func (b *budget) try(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) > 0 || b.free < n {
		return false
	}
	b.free -= n
	return true
}

func (b *budget) take(ctx context.Context, n int64) error {
	if b.try(n) {
		return nil
	}
	c := &claim{n: n, granted: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, c)
	b.grant()
	b.mu.Unlock()
	select {
	case <-c.granted:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, c); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
		b.grant()
		return ctx.Err()
	}
	return nil // granted at the last moment
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	b.grant()
}

// grant serves those who wait, in order. The caller holds mu.
func (b *budget) grant() {
	for len(b.waiting) > 0 && b.waiting[0].n <= b.free {
		b.free -= b.waiting[0].n
		close(b.waiting[0].granted)
		b.waiting = b.waiting[1:]
	}
}
