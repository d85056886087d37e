package chain

import (
	"context"
	"errors"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/sijil-health/sijil/verify"
)

// maxSnapshots bounds how many snapshots of one member are looked at.
const maxSnapshots = 8

var errSnapshot = errors.New("chain: no member has a snapshot that can be taken in")

// restore begins from the latest snapshot that any member offers. Headers checked from the genesis on vouch for it, as for any newcomer.
func (f *follower) restore(ctx context.Context) error {
	members, err := f.cfg.Feed.Members(ctx)
	if err != nil {
		return err
	}
	headers := newProvider(f.cfg.Genesis, f.cfg.StateSync, f.app.store.saveLight)
	why := errSnapshot
	for _, member := range members {
		list, err := f.snapshots(ctx, member)
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		for i := len(list) - 1; i >= 0; i-- { // the latest first
			err := f.takeIn(ctx, headers, append([]verify.OrgID{member}, members...), list[i])
			if err == nil || ctx.Err() != nil {
				return err
			}
			why = errors.Join(why, err)
		}
	}
	return why
}

func (f *follower) snapshots(ctx context.Context, member verify.OrgID) ([]*abci.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	b, err := f.cfg.Feed.Ask(ctx, member, &Question{Ask: AskSnapshots})
	if err != nil {
		return nil, err
	}
	var list abci.ResponseListSnapshots
	if err := list.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("chain: snapshots of %s: %w", member, err)
	}
	if len(list.Snapshots) > maxSnapshots {
		return nil, fmt.Errorf("chain: %s offers %d snapshots, at most %d are looked at", member, len(list.Snapshots), maxSnapshots)
	}
	return list.Snapshots, nil
}

// takeIn takes in one snapshot, each chunk from the first member that has a good one.
func (f *follower) takeIn(ctx context.Context, headers *provider, members []verify.OrgID, s *abci.Snapshot) error {
	hash, err := headers.AppHash(ctx, s.Height)
	if err != nil {
		return err
	}
	state, err := headers.State(ctx, s.Height)
	if err != nil {
		return err
	}
	commit, err := headers.Commit(ctx, s.Height)
	if err != nil {
		return err
	}
	offer, err := f.app.OfferSnapshot(ctx, &abci.RequestOfferSnapshot{Snapshot: s, AppHash: hash})
	if err != nil || offer.Result != abci.ResponseOfferSnapshot_ACCEPT {
		return errors.Join(fmt.Errorf("chain: the snapshot of height %d is refused: %v", s.Height, offer.GetResult()), err)
	}
	for i := range s.Chunks {
		if err := f.takeChunk(ctx, members, int64(s.Height), i); err != nil {
			return err
		}
	}
	if err := errors.Join(f.states.Bootstrap(state), f.blocks.SaveSeenCommit(int64(s.Height), commit)); err != nil {
		return fmt.Errorf("chain: write the state: %w", err)
	}
	f.state, f.sent = state, nil
	return nil
}

func (f *follower) takeChunk(ctx context.Context, members []verify.OrgID, height int64, index uint32) error {
	why := error(nil)
	for _, member := range members {
		chunk, err := f.chunk(ctx, member, height, index)
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		res, err := f.app.ApplySnapshotChunk(ctx, &abci.RequestApplySnapshotChunk{Index: index, Chunk: chunk, Sender: member.String()})
		switch {
		case err != nil:
			return err
		case res.Result == abci.ResponseApplySnapshotChunk_ACCEPT:
			return nil
		case res.Result != abci.ResponseApplySnapshotChunk_RETRY:
			return fmt.Errorf("chain: the snapshot of height %d is not what the headers vouch for", height)
		}
		why = errors.Join(why, fmt.Errorf("chain: chunk %d of the snapshot of height %d from %s is not the right one", index, height, member))
	}
	return why
}

func (f *follower) chunk(ctx context.Context, member verify.OrgID, height int64, index uint32) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, chunkLimit)
	defer cancel()
	return f.cfg.Feed.Ask(ctx, member, &Question{Ask: AskChunk, Height: height, Index: index})
}
