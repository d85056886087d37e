package policy

import (
	"crypto/sha256"
	"sync"
)

// cacheSize bounds the tokens remembered, about 2 MiB in all.
const cacheSize = 8192

// cache remembers verified tokens by the SHA-256 of their text, never the text itself. It has two generations: when the
// young one is full it becomes the old one, and what was in neither for a while is forgotten. Only tokens whose
// signature holds get in, so that a stranger cannot push others out.
type cache struct {
	half int // size at which the generations change

	mu         sync.Mutex // guards both maps
	young, old map[[sha256.Size]byte]verified
}

func newCache(size int) *cache {
	return &cache{half: max(size/2, 1), young: make(map[[sha256.Size]byte]verified)}
}

func (c *cache) get(sum [sha256.Size]byte) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.young[sum]; ok {
		return v, true
	}
	v, ok := c.old[sum]
	if ok {
		c.add(sum, v)
	}
	return v, ok
}

func (c *cache) put(sum [sha256.Size]byte, v verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(sum, v)
}

// add needs mu.
func (c *cache) add(sum [sha256.Size]byte, v verified) {
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[[sha256.Size]byte]verified, c.half)
	}
	c.young[sum] = v
}
