package chain

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// watch leaves a member that does not begin, or that sends nothing although another has more.
func (f *follower) watch(ctx context.Context, member verify.OrgID, began <-chan struct{}, leave context.CancelCauseFunc) {
	select {
	case <-began:
	case <-ctx.Done():
		return
	case <-time.After(answerLimit):
		leave(fmt.Errorf("%w: no answer for %v", errSilent, answerLimit))
		return
	}
	tick := time.NewTicker(lookSoon)
	defer tick.Stop()
	looked, turn := time.Now(), 0
	reached, since := f.app.current.Load().Height, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := f.app.current.Load().Height; now != reached {
			reached, since = now, time.Now()
		}
		if _, said := f.link.now(); said > reached && time.Since(since) > grace {
			leave(fmt.Errorf("%w: it said that it is at %d, and stopped at %d", errSilent, said, reached))
			return
		}
		if time.Since(looked) < lookAround && !f.ahead.overdue() {
			continue
		}
		looked = time.Now()
		turn++
		if f.outpaced(ctx, member, turn) {
			leave(errSilent)
			return
		}
	}
}

// outpaced tells whether another member has had for a while what the one being followed does not send.
func (f *follower) outpaced(ctx context.Context, member verify.OrgID, turn int) bool {
	members, err := f.cfg.Feed.Members(ctx)
	if err != nil {
		return false
	}
	members = slices.DeleteFunc(slices.Clone(members), func(m verify.OrgID) bool { return m == member })
	if len(members) == 0 {
		return false
	}
	before := f.app.current.Load().Height
	ask, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	b, err := f.cfg.Feed.Ask(ask, members[(f.first()+turn)%len(members)], &Question{Ask: AskHeight})
	if err != nil {
		return false
	}
	height, err := unmarshal[int64](b)
	if err != nil || *height <= before {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(grace):
	}
	return f.app.current.Load().Height == before // it moved: what is missing is on its way
}
