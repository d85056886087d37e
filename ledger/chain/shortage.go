package chain

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
)

const (
	// enoughRoom is how many bytes must be free before an engine that a full disk stopped begins again.
	enoughRoom  = 16 << 20
	lookForRoom = time.Second
)

// shortage is what a full disk did to a running engine. CometBFT's log of consensus and Pebble's list of its files take nothing more after
// one failed write, also when there is room again: only a start opens them anew.
type shortage struct{ why atomic.Pointer[string] }

// met notes a remark of the engine's, if it tells of a full disk, and says whether it does.
func (s *shortage) met(text string) bool {
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if strings.Contains(text, full.Error()) {
			s.why.CompareAndSwap(nil, &text)
			return true
		}
	}
	return false
}

// keepRoom begins the engine again once there is room on the disk that was full. It is a start like any other: what the validator key
// signed was durable before a signature left, and the same key reads it.
func (b *books) keepRoom(ctx context.Context) {
	tick := time.NewTicker(lookForRoom)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		why := b.short.why.Load()
		if why == nil {
			continue
		}
		if left, err := durable.Free(b.cfg.Dir); err != nil || left < enoughRoom {
			continue
		}
		b.log.Warn("chain: the disk was full and has room again; the engine begins again", "why", *why)
		b.beginAgain()
		return
	}
}

// full says that a full disk is why nothing moves; "" when it is not.
func (b *books) full() string {
	why := b.short.why.Load()
	if why == nil {
		return ""
	}
	return fmt.Sprintf("the disk is full (%s); when there is room it goes on by itself", *why)
}
