package vault

import "sync"

// keyCache keeps the keys used lately, with what was derived from them. It is two generations: when the younger is full
// the older is dropped, and what is used moves back into the younger. It never holds more than its bound.
type keyCache struct {
	mu         sync.Mutex
	half       int
	young, old map[uint64]*Key
}

func (c *keyCache) init(bound int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.half = max(1, bound/2)
	c.young, c.old = make(map[uint64]*Key), nil
}

// get gives the key of a slot, made anew if it is not there.
func (c *keyCache) get(slot uint64, make func() *Key) *Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, ok := c.young[slot]; ok {
		return k
	}
	k, ok := c.old[slot]
	if !ok {
		k = make()
	}
	if len(c.young) >= c.half {
		c.old, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = map[uint64]*Key{}
	}
	c.young[slot] = k
	return k
}

func (c *keyCache) drop(slots []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, slot := range slots {
		delete(c.young, slot)
		delete(c.old, slot)
	}
}
