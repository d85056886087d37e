package ucum

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Limits of what is kept of units that were read. A record uses some dozens; what does not fit costs a parse.
const (
	cachedUnits  = 1024
	cachedLength = 64
)

// cache keeps units by their codes, what is no unit included. Looking one up takes no lock and does not allocate.
type cache struct {
	current atomic.Pointer[map[string]*entry]
	mu      sync.Mutex // held to replace current, whose map is never changed
}

type entry struct {
	unit *Unit
	err  error
}

var known cache

func (c *cache) get(code string) *entry {
	if m := c.current.Load(); m != nil {
		return (*m)[code]
	}
	return nil
}

// put adds an entry. A full cache starts anew: who sends ever new units makes the others cost a parse now and then, no more.
func (c *cache) put(code string, e *entry) {
	if len(code) > cachedLength {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[string]*entry{}
	if m := c.current.Load(); m != nil && len(*m) < cachedUnits {
		next = maps.Clone(*m)
	}
	next[strings.Clone(code)] = e // code may be a part of a large text
	c.current.Store(&next)
}
