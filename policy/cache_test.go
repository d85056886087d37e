package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"testing"
)

func sumOf(i int) [sha256.Size]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(100)
	for i := range 10_000 {
		c.put(sumOf(i), verified{})
		if n := len(c.young) + len(c.old); n > 100 {
			t.Fatalf("%d tokens after %d, at most 100", n, i+1)
		}
	}
}

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := newCache(100)
	c.put(sumOf(0), verified{access: Access{Token: "kept"}})
	for i := 1; i < 10_000; i++ {
		c.put(sumOf(i), verified{})
		if v, ok := c.get(sumOf(0)); !ok || v.access.Token != "kept" {
			t.Fatalf("a token in use was forgotten after %d others", i)
		}
	}
	if _, ok := c.get(sumOf(1)); ok {
		t.Error("a token not used for long is still there")
	}
}

func TestCacheConcurrently(t *testing.T) {
	c := newCache(64)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				c.put(sumOf(g*2000+i), verified{})
				c.get(sumOf(i))
			}
		})
	}
	wg.Wait()
}
