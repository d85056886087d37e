package chain

import (
	"testing"
	"time"
)

// TestOldBlocksTellNothingOfTheClock: the last block of an idle ledger, caught up on at a start, was voted for long before; a clock that is
// ahead is still told from it.
func TestOldBlocksTellNothingOfTheClock(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		voted, committed time.Duration // after the start
		live             bool
	}{
		"caught up on after a pause":          {-19 * time.Second, time.Second, false},
		"made after the start":                {30 * time.Second, 30 * time.Second, true},
		"made after the start, clock behind":  {40 * time.Second, 30 * time.Second, true},
		"made later, clock an hour ahead":     {2*time.Minute - time.Hour, 2 * time.Minute, true},
		"caught up on, clock a little behind": {-17 * time.Second, time.Second, false},
	} {
		if got := seenLive(start.Add(c.voted), start.Add(c.committed), start); got != c.live {
			t.Errorf("%s: %v, want %v", name, got, c.live)
		}
	}
}
