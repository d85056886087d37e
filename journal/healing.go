package journal

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrUnhealed is what a follower is stalled by: a segment is damaged, and no copy of it could be had. It wraps the *DamageError, which names the
// file, and why there is no copy.
var ErrUnhealed = errors.New("journal: a segment is damaged and no whole copy of it could be had; see that the custodians' nodes run and are " +
	"reached, and it heals by itself; a lone node is restored from its backup (`sijil restore`)")

// The time between two attempts to go on behind damage, doubled from the first to the second.
const (
	shortRest = time.Second
	longRest  = time.Minute
)

// Healing says what is done about damage that a follower meets.
type Healing struct {
	// Heal puts a whole copy in the place of the damaged segment.
	Heal func(context.Context, *DamageError) error
	// Stalled is told why nothing follows at the moment, an ErrUnhealed, and with nil that it goes on.
	Stalled func(error)
}

// Follow is what Journal.Follow is, of anything that is followed.
type Follow func(ctx context.Context, from Cursor, fn func([]Located) error) error

// Through is follow that does not end at damage: it has the segment healed and goes on where it stood, by itself, also when somebody else has
// healed the segment meanwhile. It rests after each attempt that failed, and returns every other error.
func (h Healing) Through(ctx context.Context, follow Follow, from Cursor, fn func([]Located) error) error {
	var rest time.Duration // before the next attempt; 0 when it got on
	stalled := false
	for {
		err := follow(ctx, from, func(batch []Located) error {
			if stalled {
				stalled = false
				h.Stalled(nil)
			}
			if err := fn(batch); err != nil {
				return err
			}
			from, rest = batch[len(batch)-1].Next, 0
			return nil
		})
		damage := (*DamageError)(nil)
		if !errors.As(err, &damage) {
			return err
		}
		err = h.Heal(ctx, damage)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil && rest == 0 {
			rest = shortRest // if the copy cannot be read either, it is the disk
			continue
		}
		stalled = true
		h.Stalled(Unhealed(damage, err))
		rest = min(max(2*rest, shortRest), longRest)
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Unhealed wraps damage, and why it could not be healed, as ErrUnhealed. Without a reason the copy could not be read either.
func Unhealed(damage *DamageError, why error) error {
	if why == nil {
		why = errors.New("a copy was put in its place and cannot be read either: the disk fails")
	}
	return fmt.Errorf("%w: %w: %w", ErrUnhealed, damage, why)
}
