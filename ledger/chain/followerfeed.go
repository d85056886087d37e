package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

const (
	answerLimit = 5 * time.Second  // for a member to answer, or to begin a feed
	chunkLimit  = 5 * time.Minute  // for a member to send a chunk of a snapshot
	lookAround  = time.Minute      // ask another member how far it is
	lookSoon    = 2 * time.Second  // the same while something that was handed in is in no block
	grace       = 5 * time.Second  // for the member being followed to send what another has already
	feedPause   = time.Second      // after all members failed; doubles
	feedMost    = 15 * time.Second // up to here
	doubtLiar   = 10 * time.Minute // for how long a member is asked last after it sent what does not hold
	doubtSilent = time.Minute      // after it fell silent
)

var (
	// errLie says that a member sent a block that is not the ledger's next one.
	errLie = errors.New("chain: a member sent what is not the ledger's next block")
	// errSilent says that a member sends nothing although others are ahead.
	errSilent = errors.New("chain: the member being followed sends nothing although others are ahead")
	// errBehind says that a member has fewer blocks than this node: it was cut off, or is no member any more.
	errBehind = errors.New("chain: the member that was to be followed is behind this node")
	// errLeaves says that the members decided that the one being followed votes no more: it is about to get no more blocks itself.
	errLeaves = errors.New("chain: the member being followed ceases to vote")
	// errHalf says that a block that holds could not be written whole. A start executes it again.
	errHalf = errors.New("chain: a block was not written whole")
)

// first is where this node begins in the list of members, so that not all follow the same one.
func (f *follower) first() int { return int(f.self[0]) + int(f.self[1])<<8 }

// feed follows one member after the other until Close.
func (f *follower) feed(ctx context.Context) {
	pause := feedPause
	for ctx.Err() == nil {
		before := f.app.current.Load().Height
		again, err := f.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if again {
			f.log.Warn("state sync: this node cannot go on from its last block; its engine begins again", "height", before, "err", err)
			f.beginAgain()
			return
		}
		if err != nil {
			f.log.Debug("nobody feeds this node", "err", err)
		}
		if f.app.current.Load().Height > before {
			pause = feedPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, feedMost)
	}
}

// round tries each member once. again says that the node must begin again: nobody keeps the blocks that it needs, or a write failed.
func (f *follower) round(ctx context.Context) (again bool, err error) {
	if f.snapshot && f.app.current.Load().Height == 0 {
		if err := f.restore(ctx); err != nil {
			f.link.ended(verify.OrgID{}, err)
			return false, err
		}
	}
	members, err := f.cfg.Feed.Members(ctx)
	if err != nil {
		return false, err
	}
	for _, member := range f.voters(f.link.order(members, f.first())) {
		err = f.follow(ctx, member)
		f.link.ended(member, err)
		switch {
		case ctx.Err() != nil:
			return false, err
		case errors.Is(err, errHalf), errors.Is(err, ledger.ErrPruned) && f.cfg.pruned(ctx, f.state.LastBlockHeight):
			return true, err
		case errors.Is(err, errLie):
			f.log.Warn("the member being followed sent a block that does not hold; another is followed", "member", member, "err", err)
		default:
			f.log.Debug("the member being followed stopped sending; another is followed", "member", member, "err", err)
		}
	}
	return false, err
}

// voters puts those members last that this node's own state gives no vote, now or as decided: others send them no blocks. They are not left
// out, for that state may be an old one.
func (f *follower) voters(members []verify.OrgID) []verify.OrgID {
	s := f.app.current.Load()
	return append(slices.DeleteFunc(slices.Clone(members), func(m verify.OrgID) bool { return !s.roster.lasts(m) }),
		slices.DeleteFunc(members, s.roster.lasts)...)
}

// follow is fed by one member for as long as that goes well.
func (f *follower) follow(ctx context.Context, member verify.OrgID) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began, first, roster := make(chan struct{}), true, f.app.current.Load().roster
	var watching sync.WaitGroup
	watching.Go(func() { f.watch(ctx, member, began, cancel) })
	defer watching.Wait()
	defer cancel(nil)
	f.sent = nil
	err := f.cfg.Feed.Blocks(ctx, member, f.state.LastBlockHeight, func(message []byte) error {
		if first {
			first = false
			height, err := unmarshal[int64](message)
			if err != nil {
				return fmt.Errorf("%w: it does not say how far it is: %w", errLie, err)
			}
			if *height < f.state.LastBlockHeight {
				return fmt.Errorf("%w: it is at %d", errBehind, *height)
			}
			f.link.begun(member, *height)
			close(began)
			return nil
		}
		if err := f.take(message); err != nil {
			return err
		}
		before := roster
		if roster = f.app.current.Load().roster; roster != before && before.lasts(member) && !roster.lasts(member) {
			return errLeaves
		}
		return nil
	})
	if cause := context.Cause(ctx); cause != nil && errors.Is(cause, errSilent) {
		return cause
	}
	return err
}

// take checks a fed block and makes it the next one. Errors: errLie, which leaves everything as it was; errHalf.
func (f *follower) take(message []byte) error {
	fed, err := decodeFed(message)
	if err != nil {
		return fmt.Errorf("%w: %w", errLie, err)
	}
	block, parts, c, err := fed.block(f.state, f.sent)
	if err != nil {
		return fmt.Errorf("%w: %w", errLie, err)
	}
	if err := f.state.Validators.VerifyCommit(f.state.ChainID, c.BlockID, block.Height, c); err != nil {
		return fmt.Errorf("%w: the signatures on block %d: %w", errLie, block.Height, err)
	}
	if err := f.exec.ValidateBlock(f.state, block); err != nil {
		return fmt.Errorf("%w: block %d: %w", errLie, block.Height, err)
	}
	if err := f.write(block, parts, c); err != nil {
		return fmt.Errorf("%w: height %d: %w", errHalf, block.Height, err)
	}
	f.ahead.took(block.Txs.ToSliceOfBytes())
	return nil
}

// write stores a block that holds and executes it.
func (f *follower) write(block *types.Block, parts *types.PartSet, c *types.Commit) (err error) {
	defer func() {
		if r := recover(); r != nil { // CometBFT panics when a disk fails
			err = fmt.Errorf("%v", r)
		}
	}()
	f.blocks.SaveBlock(block, parts, c)
	next, err := f.exec.ApplyVerifiedBlock(f.state, c.BlockID, block)
	if err == nil {
		f.state, f.sent = next, c
	}
	return err
}
