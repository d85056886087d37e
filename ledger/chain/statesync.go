package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	cmtstate "github.com/cometbft/cometbft/proto/tendermint/state"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"

	"github.com/sijil-health/sijil/verify"
)

// StateSync lets a node without blocks begin from the latest snapshot of its peers instead of from the first block,
// which they may no longer keep.
type StateSync struct {
	Source LightSource
	// Trusted are cosigned checkpoints that the history must go through: its log, and the validators of their epochs. Old validators
	// who sold or lost their keys could otherwise show a newcomer a history of their own. Without any, genesis alone is trusted.
	Trusted []*verify.Checkpoint
}

// ErrUntrusted says that the history offered to a new node does not go through a checkpoint that its operator trusts.
var ErrUntrusted = errors.New("chain: the history on offer does not lead through a trusted checkpoint")

// provider answers CometBFT's questions about a height to start from (statesync.StateProvider), every answer checked
// from genesis on.
type provider struct {
	params  types.ConsensusParams
	trusted []*verify.Checkpoint
	save    func(epoch uint64, light []byte) error

	mu    sync.Mutex
	chain *trustChain
}

func newProvider(g *verify.Genesis, sync *StateSync, save func(uint64, []byte) error) *provider {
	return &provider{
		params: *consensusParams(), trusted: sync.Trusted, save: save, chain: newTrustChain(g, sync.Source),
	}
}

// light gives the checked light block of a height, following the epochs first.
func (p *provider) light(ctx context.Context, height uint64) (*lightBlock, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.chain.follow(ctx); err != nil {
		return nil, err
	}
	known := &state{epochs: p.chain.epochs}
	for _, t := range p.trusted {
		// The checkpoint that begins an epoch is of the last height that the validators before it sign; and so is the last of these.
		if known.epochAt(t.Height).Validators.Hash() != t.Validators && known.epochAt(t.Height+1).Validators.Hash() != t.Validators {
			return nil, fmt.Errorf("%w: other validators at height %d", ErrUntrusted, t.Height)
		}
	}
	l, _, err := p.chain.at(ctx, int64(height))
	return l, err
}

// AppHash gives the application hash after a height: it is in the next header.
func (p *provider) AppHash(ctx context.Context, height uint64) ([]byte, error) {
	l, err := p.light(ctx, height+1)
	if err != nil {
		return nil, err
	}
	return l.signed.AppHash, nil
}

// Commit gives the commit of a height.
func (p *provider) Commit(ctx context.Context, height uint64) (*types.Commit, error) {
	l, err := p.light(ctx, height)
	if err != nil {
		return nil, err
	}
	return l.signed.Commit, nil
}

// State gives CometBFT's state after a height. Its own provider asks for the header two heights on, which an idle
// chain does not have; the next header names those validators just as well.
func (p *provider) State(ctx context.Context, height uint64) (sm.State, error) {
	last, err := p.light(ctx, height)
	if err != nil {
		return sm.State{}, err
	}
	now, err := p.light(ctx, height+1)
	if err != nil {
		return sm.State{}, err
	}
	if !bytes.Equal(now.signed.LastBlockID.Hash, last.signed.Commit.BlockID.Hash) {
		return sm.State{}, fmt.Errorf("chain: header %d does not follow header %d", height+1, height)
	}
	if !bytes.Equal(p.params.Hash(), now.signed.ConsensusHash) {
		return sm.State{}, errors.New("chain: the network has other consensus parameters than this version of Sijil; update this node")
	}
	if err := p.keep(); err != nil {
		return sm.State{}, err
	}
	return sm.State{
		ChainID:       now.signed.ChainID,
		InitialHeight: 1,
		Version:       cmtstate.Version{Consensus: now.signed.Version, Software: version.TMCoreSemVer},

		LastBlockHeight: last.signed.Height,
		LastBlockTime:   last.signed.Time,
		LastBlockID:     last.signed.Commit.BlockID,
		AppHash:         now.signed.AppHash,
		LastResultsHash: now.signed.LastResultsHash,

		LastValidators:              last.vals,
		Validators:                  now.vals,
		NextValidators:              now.next,
		LastHeightValidatorsChanged: now.signed.Height + 1,

		ConsensusParams:                  p.params,
		LastHeightConsensusParamsChanged: now.signed.Height,
	}, nil
}

// keep stores the light blocks that lead here: this node will be asked for them.
func (p *provider) keep() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for epoch, raw := range p.chain.archive {
		if err := p.save(epoch, raw); err != nil {
			return err
		}
	}
	return nil
}
