package subscription

import (
	"context"
	"sync"
)

// places bound what is being sent at once. Of them one actor takes a few: receivers that do not answer hold up their owner's notifications, and nobody else's.
type places struct {
	mu    sync.Mutex
	free  int
	most  int            // of one actor
	taken map[string]int // by actor
	given chan struct{}  // closed and replaced when one is given back
}

func (p *places) begin(all, most int) {
	p.free, p.most, p.taken, p.given = all, most, map[string]int{}, make(chan struct{})
}

// take waits for a place.
func (p *places) take(ctx context.Context, actor string) error {
	for {
		p.mu.Lock()
		if p.free > 0 && p.taken[actor] < p.most {
			p.free--
			p.taken[actor]++
			p.mu.Unlock()
			return nil
		}
		given := p.given
		p.mu.Unlock()
		select {
		case <-given:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *places) give(actor string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	if p.taken[actor]--; p.taken[actor] == 0 {
		delete(p.taken, actor)
	}
	close(p.given)
	p.given = make(chan struct{})
}
