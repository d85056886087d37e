package fhir

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

// conditions keeps two requests from both finding that nothing matches the same condition and both creating it: whoever creates on
// a condition holds it from before the search until the write is done.
type conditions struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when given up
}

// hold takes all conditions, in one order for everybody so that nobody waits for one who waits for him.
func (c *conditions) hold(ctx context.Context, names []string) (release func(), err error) {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	taken := 0
	release = func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, name := range names[:taken] {
			close(c.held[name])
			delete(c.held, name)
		}
		taken = 0
	}
	for _, name := range names {
		if err := c.take(ctx, name); err != nil {
			release()
			return nil, err
		}
		taken++
	}
	return release, nil
}

func (c *conditions) take(ctx context.Context, name string) error {
	for {
		c.mu.Lock()
		other, held := c.held[name]
		if !held {
			if c.held == nil {
				c.held = map[string]chan struct{}{}
			}
			c.held[name] = make(chan struct{})
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// writeConditions are the searches on which entries create or update.
func (s *Server) writeConditions(list []entry) (names []string) {
	for i := range list {
		if e := &list[i]; e.method != http.MethodDelete {
			if c, _ := e.condition(s); c.text != "" {
				names = append(names, c.text)
			}
		}
	}
	return names
}
