package chain

import (
	"context"
	"time"

	"github.com/cometbft/cometbft/consensus"
	cstypes "github.com/cometbft/cometbft/consensus/types"
	"github.com/cometbft/cometbft/libs/bits"
	"github.com/cometbft/cometbft/p2p"
	cmtcons "github.com/cometbft/cometbft/proto/tendermint/consensus"
	"github.com/cometbft/cometbft/types"
)

// Prompt delivery. CometBFT's gossip asks, for each peer, every PeerGossipSleepDuration whether there is anything to send it: three
// such waits lie in the way of a block, and asking costs an idle node its CPU. Here a validator hands its own proposal and its own
// votes to its peers the moment CometBFT has them in its log, and keeps the same account of what each peer has, so that the gossip
// sends nothing twice. What cannot be delivered at once is left to the gossip, which then may ask rarely.
const (
	promptRetry = time.Millisecond      // a peer may not be at this height yet: it is asked again so often
	promptFor   = 15 * time.Millisecond // and for so long
	promptQueue = 1024                  // events not yet looked at; with more CometBFT ends the subscription, and it is made anew
	subscriber  = "sijil"
)

// utterance is a vote, or where vote is nil the proposal, of a height and round.
type utterance struct {
	height int64
	round  int32
	vote   *types.Vote
	rs     *cstypes.RoundState // of a proposal
	until  time.Time
	peers  map[p2p.ID]bool // that need no more
}

// promptly delivers what this validator says until the engine is closed.
func (e *engine) promptly(ctx context.Context) {
	for ctx.Err() == nil {
		if err := e.deliver(ctx); err != nil && ctx.Err() == nil {
			e.log.Debug("prompt delivery begins anew", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

func (e *engine) deliver(ctx context.Context) error {
	bus := e.node.EventBus()
	defer func() { _ = bus.UnsubscribeAll(context.Background(), subscriber) }() // it may be stopped
	votes, err := bus.Subscribe(ctx, subscriber, types.EventQueryVote, promptQueue)
	if err != nil {
		return err
	}
	proposals, err := bus.Subscribe(ctx, subscriber, types.EventQueryCompleteProposal, promptQueue)
	if err != nil {
		return err
	}
	var waiting []*utterance
	tick := time.NewTimer(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-votes.Canceled():
			return votes.Err()
		case <-proposals.Canceled():
			return proposals.Err()
		case m := <-votes.Out():
			if u := e.ownVote(m.Data()); u != nil {
				waiting = append(waiting, u)
			}
		case m := <-proposals.Out():
			if u := e.ownProposal(m.Data()); u != nil {
				waiting = append(waiting, u)
			}
		case <-tick.C:
		}
		waiting = e.say(waiting, time.Now())
		if len(waiting) > 0 {
			tick.Reset(promptRetry)
		}
	}
}

// ownVote gives a vote to deliver, nil when it is another's.
func (e *engine) ownVote(data any) *utterance {
	d, ok := data.(types.EventDataVote)
	if !ok || d.Vote == nil || !e.isSelf(d.Vote.ValidatorAddress) {
		return nil
	}
	return &utterance{height: d.Vote.Height, round: d.Vote.Round, vote: d.Vote, until: time.Now().Add(promptFor), peers: map[p2p.ID]bool{}}
}

// ownProposal gives the proposal to deliver, nil when it is another's or not the current one any more.
func (e *engine) ownProposal(data any) *utterance {
	d, ok := data.(types.EventDataCompleteProposal)
	if !ok {
		return nil
	}
	rs := e.round()
	if rs.Height != d.Height || rs.Round != d.Round || rs.Proposal == nil || !rs.ProposalBlockParts.IsComplete() ||
		!e.isSelf(rs.Validators.GetProposer().Address) {
		return nil
	}
	return &utterance{height: d.Height, round: d.Round, rs: rs, until: time.Now().Add(promptFor), peers: map[p2p.ID]bool{}}
}

func (e *engine) isSelf(address types.Address) bool {
	key, err := e.keys.GetPubKey()
	return err == nil && key.Address().String() == address.String()
}

// say tries to deliver to every peer and gives what is to be tried again.
func (e *engine) say(list []*utterance, now time.Time) (again []*utterance) {
	peers := e.node.Switch().Peers().Copy()
	for _, u := range list {
		missing := false
		for _, peer := range peers {
			if !u.peers[peer.ID()] {
				u.peers[peer.ID()] = u.to(peer, len(e.app.current.Load().epochAt(u.height).Validators))
				missing = missing || !u.peers[peer.ID()]
			}
		}
		if missing && now.Before(u.until) {
			again = append(again, u)
		}
	}
	return again
}

// to delivers to one peer. It reports whether the peer has it, or will never need it.
func (u *utterance) to(peer p2p.Peer, validators int) bool {
	ps, ok := peer.Get(types.PeerStateKey).(*consensus.PeerState)
	if !ok {
		return false
	}
	prs := ps.GetRoundState()
	switch {
	case prs.Height > u.height || prs.Height == u.height && prs.Round > u.round:
		return true
	case prs.Height < u.height || prs.Round < u.round:
		return false
	case u.vote != nil:
		return u.voteTo(peer, ps, validators)
	}
	return u.proposalTo(peer, ps, prs)
}

func (u *utterance) voteTo(peer p2p.Peer, ps *consensus.PeerState, validators int) bool {
	if ps.PickVoteToSend(single{u.vote, validators}) == nil {
		return true // it told us that it has the vote
	}
	if !peer.TrySend(p2p.Envelope{ChannelID: consensus.VoteChannel, Message: &cmtcons.Vote{Vote: u.vote.ToProto()}}) {
		return true // its line is full: the gossip will wait for it
	}
	ps.SetHasVote(u.vote)
	return true
}

func (u *utterance) proposalTo(peer p2p.Peer, ps *consensus.PeerState, prs *cstypes.PeerRoundState) bool {
	if u.rs.Proposal.POLRound >= 0 {
		return true // it comes with votes of an earlier round; the gossip knows how
	}
	if !prs.Proposal {
		if !peer.TrySend(p2p.Envelope{ChannelID: consensus.DataChannel, Message: &cmtcons.Proposal{Proposal: *u.rs.Proposal.ToProto()}}) {
			return true
		}
		ps.SetHasProposal(u.rs.Proposal)
		prs = ps.GetRoundState()
	}
	for i := range int(u.rs.ProposalBlockParts.Total()) {
		if prs.ProposalBlockParts.GetIndex(i) {
			continue
		}
		part, err := u.rs.ProposalBlockParts.GetPart(i).ToProto()
		if err != nil || !peer.TrySend(p2p.Envelope{
			ChannelID: consensus.DataChannel, Message: &cmtcons.BlockPart{Height: u.height, Round: u.round, Part: *part},
		}) {
			return true
		}
		ps.SetHasProposalBlockPart(u.height, u.round, i)
	}
	return true
}

// single is a set of votes of which only one is shown.
type single struct {
	vote *types.Vote
	size int
}

var _ types.VoteSetReader = single{}

func (s single) GetHeight() int64               { return s.vote.Height }
func (s single) GetRound() int32                { return s.vote.Round }
func (s single) Type() byte                     { return byte(s.vote.Type) }
func (s single) Size() int                      { return s.size }
func (s single) GetByIndex(i int32) *types.Vote { return s.vote }
func (s single) IsCommit() bool                 { return false }
func (s single) BitArray() *bits.BitArray {
	b := bits.NewBitArray(s.size)
	b.SetIndex(int(s.vote.ValidatorIndex), true)
	return b
}
