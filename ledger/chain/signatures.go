package chain

import "sync"

// rememberedSignatures bounds each of the two generations of remembered signatures: 2 × 8192 × 32 bytes and map
// overhead are about 1 MiB.
const rememberedSignatures = 8192

// signatures remembers which signatures were found good, by SHA-256 over message, key and signature, so that the three
// times that CometBFT asks about a transaction cost one check. Forgetting is always safe. The nil value remembers nothing.
type signatures struct {
	mu       sync.Mutex
	now, old map[[32]byte]struct{}
}

func (s *signatures) has(sum [32]byte) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.now[sum]; ok {
		return true
	}
	_, ok := s.old[sum]
	return ok
}

func (s *signatures) add(sum [32]byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || len(s.now) >= rememberedSignatures {
		s.now, s.old = make(map[[32]byte]struct{}), s.now
	}
	s.now[sum] = struct{}{}
}
