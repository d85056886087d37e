package fhir

import (
	"fmt"
	"sync"
	"time"
)

// strangers bounds the entries that requests without a valid token leave: anyone can send those, and must not be able to fill the
// disk with them. Beyond the bound they are counted, and the next entry says how many there were.
type strangers struct {
	mu      sync.Mutex
	places  float64
	last    time.Time
	skipped int
}

const (
	strangersBurst     = 20
	strangersPerSecond = 1
)

// admit tells whether this refusal leaves an entry of its own, and adds to its Detail how many before it did not.
func (s *strangers) admit(a *Access) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.last.IsZero() {
		s.places = strangersBurst
	} else {
		s.places = min(strangersBurst, s.places+now.Sub(s.last).Seconds()*strangersPerSecond)
	}
	s.last = now
	if s.places < 1 {
		s.skipped++
		return false
	}
	s.places--
	if s.skipped > 0 {
		a.Detail = fmt.Sprintf("%s (and %d more without a valid token before it)", a.Detail, s.skipped)
		s.skipped = 0
	}
	return true
}
