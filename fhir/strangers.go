package fhir

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// strangers bounds the entries that requests without a valid token leave: anyone can send those, and must not be able to fill the
// disk with them. Beyond the bound they are counted, and one entry says how many there were.
type strangers struct {
	tell    func(skipped int) // leaves that entry
	mu      sync.Mutex
	places  float64
	last    time.Time
	skipped int
}

const (
	strangersBurst     = 20
	strangersPerSecond = 1
	strangersTold      = time.Minute // after the first one that was counted
)

// admit tells whether this refusal leaves an entry of its own.
func (s *strangers) admit() bool {
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
		if s.skipped++; s.skipped == 1 {
			time.AfterFunc(strangersTold, s.report)
		}
		return false
	}
	s.places--
	return true
}

func (s *strangers) report() {
	s.mu.Lock()
	n := s.skipped
	s.skipped = 0
	s.mu.Unlock()
	if n > 0 {
		s.tell(n)
	}
}

// refuseStrangers leaves the entry for requests that were counted only.
func (s *Server) refuseStrangers(n int) {
	q := request{Context: context.Background()}
	q.access.Detail = fmt.Sprintf("%d more requests in %v", n, strangersTold)
	_, _ = rand.Read(q.access.Request[:]) // never fails, see crypto/rand
	q.refuse(s, problemOf(ErrUnauthenticated))
}
