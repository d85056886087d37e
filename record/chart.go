package record

import (
	"errors"
	"slices"
	"sync"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/verify"
)

// maxHeads bounds the charts whose count is kept in memory beyond those in use.
const maxHeads = 1 << 14

// charts counts the entries of each chart. While a chart is locked, its next number is spoken for: whoever holds it must hand the
// entry to the journal before letting go, so that the order in the chart is the order in the journal.
type charts struct {
	index *index.Index
	mu    sync.Mutex
	heads map[string]*head
	begun bool // guarded by mu: the index has every entry that was written before this process
}

// errBehind refuses an entry whose number would be read from an index that stands before the journal's end: it is another entry's already.
var errBehind = errors.New("the index has not caught up with the journal yet; try again when it has")

// begin says that the index has caught up, so that entries may be numbered.
func (c *charts) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = true
}

type head struct {
	sync.Mutex
	users int // guarded by charts.mu
	known bool
	next  uint64
	last  verify.Hash
	entry uint64 // journal number behind the newest entry; once the index is past it, the head may be forgotten
}

func newCharts(x *index.Index) *charts { return &charts{index: x, heads: make(map[string]*head)} }

// lock locks the heads of the charts named, each once, in the order of their names, and gives them by name.
func (c *charts) lock(names []string) (map[string]*head, error) {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	held := make(map[string]*head, len(names))
	for _, name := range names {
		c.mu.Lock()
		if !c.begun {
			c.mu.Unlock()
			c.unlock(held)
			return nil, errBehind
		}
		h := c.heads[name]
		if h == nil {
			h = new(head)
			c.heads[name] = h
		}
		h.users++
		c.mu.Unlock()
		h.Lock()
		held[name] = h
		if !h.known {
			at, err := c.index.Chart(name)
			if err != nil {
				c.unlock(held)
				return nil, err
			}
			h.next, h.last, h.known = at.Next, at.Last, true
		}
	}
	return held, nil
}

func (c *charts) unlock(held map[string]*head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range held {
		h.users--
		h.Unlock()
	}
}

// forget drops heads that nobody uses and that the index knows: it has followed the journal up to `indexed`.
func (c *charts) forget(indexed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.heads) <= maxHeads {
		return
	}
	for name, h := range c.heads {
		if h.users == 0 && h.entry <= indexed {
			delete(c.heads, name)
		}
	}
}
