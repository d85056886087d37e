package fhir

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// admission bounds what is being worked on. Requests and bytes are taken from two budgets, first come first served; who waits
// longer than Limits.Admission is sent away with 503, before anything of the request is kept.
type admission struct {
	requests, bytes *budget
	wait            time.Duration
}

func newAdmission(l Limits) *admission {
	return &admission{requests: &budget{free: int64(l.Requests)}, bytes: &budget{free: l.Bodies}, wait: l.Admission}
}

// enter takes a place for a request; leave gives it back.
func (a *admission) enter(ctx context.Context) (leave func(), err error) {
	return a.take(ctx, a.requests, 1)
}

// hold takes room for n bytes of a body; free gives it back.
func (a *admission) hold(ctx context.Context, n int64) (free func(), err error) {
	return a.take(ctx, a.bytes, n)
}

func (a *admission) take(ctx context.Context, b *budget, n int64) (func(), error) {
	if b.try(n) {
		return func() { b.give(n) }, nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.wait)
	defer cancel()
	if err := b.take(ctx, n); err != nil {
		p := fail(http.StatusServiceUnavailable, "throttled", "the node is busy; nothing was stored, try again later")
		p.cause = fmt.Errorf("admission: %w", err)
		return nil, p
	}
	return func() { b.give(n) }, nil
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
