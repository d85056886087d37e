package peer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Health is how a member's node has been answering this one.
type Health struct {
	Org       verify.OrgID  `json:"org"`
	LastSeen  time.Time     `json:"last_seen,omitzero"`  // of the last answer, a refusal included
	RoundTrip time.Duration `json:"round_trip"`          // smoothed time to an answer, in nanoseconds, the work on it included
	LastError string        `json:"last_error,omitzero"` // empty once it answered again
	Failing   time.Time     `json:"failing,omitzero"`    // since when no answer came
}

type health struct {
	mu  sync.Mutex
	org verify.OrgID
	at  Health
}

// smoothing is the weight of the past in RoundTrip, as a divisor of the newest deviation (RFC 6298 uses the same).
const smoothing = 8

func (h *health) answered(took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at.LastSeen, h.at.LastError, h.at.Failing = time.Now(), "", time.Time{}
	if h.at.RoundTrip == 0 {
		h.at.RoundTrip = took
	}
	h.at.RoundTrip += (took - h.at.RoundTrip) / smoothing
}

// failed notes an error, unless the caller gave up by itself: that says nothing of the other node.
func (h *health) failed(ctx context.Context, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at.LastError = err.Error()
	if h.at.Failing.IsZero() {
		h.at.Failing = time.Now()
	}
}

// Health reports on every member that was ever called, in ascending order of organisation.
func (c *Client) Health() []Health {
	c.mu.Lock()
	states := make([]*health, 0, len(c.links))
	for _, l := range c.links {
		states = append(states, l.health)
	}
	c.mu.Unlock()
	all := make([]Health, 0, len(states))
	for _, s := range states {
		s.mu.Lock()
		at := s.at
		s.mu.Unlock()
		at.Org = s.org
		all = append(all, at)
	}
	slices.SortFunc(all, func(a, b Health) int { return cmp.Compare(a.Org.String(), b.Org.String()) })
	return all
}
