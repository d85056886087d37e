package chain

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/verify"
)

// fedBlock is a block as it is fed: what does not follow from the blocks before. The reader makes the header itself, from its own state, and
// the commit's signatures are over that header: a block that is not what the validators signed, or a reader that computed something else than
// they, cannot pass.
type fedBlock struct {
	_        struct{} `cbor:",toarray"`
	Height   int64
	Proposer uint8 // its index among the validators of the height
	Txs      [][]byte
	Evidence []byte     // tendermint.types.EvidenceList; empty when there is none
	Last     *fedCommit // for the block before, as it stands in this block; nil in the first
	Commit   fedCommit  // for this block
}

// fedCommit is a commit without what the reader knows: height, block and whose signature stands where.
type fedCommit struct {
	_     struct{} `cbor:",toarray"`
	Round int32
	Votes []fedVote // one for each validator, in their order
}

// fedVote is a validator's vote. A flag of voteAsSent stands for the vote that was sent with the block before.
type fedVote struct {
	_         struct{} `cbor:",toarray"`
	Flag      uint8    // types.BlockIDFlag
	Seconds   int64    // Unix time of the vote
	Nanos     uint32
	Signature []byte
}

const voteAsSent = 0

// errFed says that a message of the feed is not what a member may send.
var errFed = errors.New("chain: fed block is malformed")

func newFedBlock(block *types.Block, c, sent *types.Commit, set verify.ValidatorSet) (*fedBlock, error) {
	f := &fedBlock{Height: block.Height, Txs: block.Txs.ToSliceOfBytes(), Commit: *newFedCommit(c, nil)}
	i := slices.IndexFunc(set, func(v verify.Validator) bool { return v.Address() == address(block.ProposerAddress) })
	if i < 0 {
		return nil, fmt.Errorf("chain: the proposer of block %d is not a validator of its height", block.Height)
	}
	f.Proposer = uint8(i)
	if block.Height > 1 {
		f.Last = newFedCommit(block.LastCommit, sent)
	}
	if len(block.Evidence.Evidence) == 0 {
		return f, nil
	}
	list, err := block.Evidence.ToProto()
	if err != nil {
		return nil, fmt.Errorf("chain: evidence of block %d: %w", block.Height, err)
	}
	f.Evidence, err = list.Marshal()
	return f, err
}

func newFedCommit(c, sent *types.Commit) *fedCommit {
	f := &fedCommit{Round: c.Round, Votes: make([]fedVote, len(c.Signatures))}
	for i := range c.Signatures {
		s := &c.Signatures[i]
		switch {
		case sent != nil && i < len(sent.Signatures) && sameVote(s, &sent.Signatures[i]):
		case s.BlockIDFlag == types.BlockIDFlagAbsent:
			f.Votes[i].Flag = uint8(s.BlockIDFlag)
		default:
			f.Votes[i] = fedVote{
				Flag: uint8(s.BlockIDFlag), Seconds: s.Timestamp.Unix(), Nanos: uint32(s.Timestamp.Nanosecond()), Signature: s.Signature,
			}
		}
	}
	return f
}

func sameVote(a, b *types.CommitSig) bool {
	return a.BlockIDFlag == b.BlockIDFlag && a.Timestamp.Equal(b.Timestamp) && bytes.Equal(a.Signature, b.Signature)
}

func decodeFed(message []byte) (*fedBlock, error) {
	if len(message) > MaxFed {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errFed, len(message), MaxFed)
	}
	f, err := unmarshal[fedBlock](message)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFed, err)
	}
	return f, nil
}

// block makes the block that follows a state, and the commit for it, from what was fed. sent is the commit for the block before that the same
// member sent, nil when it sent none. What the two are worth is for the signatures to say.
func (f *fedBlock) block(s sm.State, sent *types.Commit) (*types.Block, *types.PartSet, *types.Commit, error) {
	fail := func(err error) (*types.Block, *types.PartSet, *types.Commit, error) {
		return nil, nil, nil, fmt.Errorf("%w: %w", errFed, err)
	}
	if f.Height != s.LastBlockHeight+1 {
		return fail(fmt.Errorf("height %d follows %d", f.Height, s.LastBlockHeight))
	}
	if int(f.Proposer) >= s.Validators.Size() {
		return fail(errors.New("its proposer is not a validator"))
	}
	if (f.Last == nil) != (f.Height == 1) {
		return fail(errors.New("the commit for the block before is missing"))
	}
	last, err := new(types.Commit), error(nil)
	if f.Last != nil {
		if last, err = f.Last.commit(f.Height-1, s.LastBlockID, s.LastValidators, sent); err != nil {
			return fail(err)
		}
	}
	var evidence types.EvidenceData
	if len(f.Evidence) > 0 {
		var list cmtproto.EvidenceList
		if err := list.Unmarshal(f.Evidence); err != nil {
			return fail(err)
		}
		if err := evidence.FromProto(&list); err != nil {
			return fail(err)
		}
	}
	txs := make([]types.Tx, len(f.Txs))
	for i, tx := range f.Txs {
		txs[i] = tx
	}
	block, err := s.MakeBlock(f.Height, txs, last, evidence.Evidence, s.Validators.Validators[f.Proposer].Address)
	if err != nil {
		return fail(err)
	}
	parts, err := block.MakePartSet(types.BlockPartSizeBytes)
	if err != nil {
		return fail(err)
	}
	id := types.BlockID{Hash: block.Hash(), PartSetHeader: parts.Header()}
	c, err := f.Commit.commit(f.Height, id, s.Validators, nil)
	if err != nil {
		return fail(err)
	}
	return block, parts, c, nil
}

func (f *fedCommit) commit(height int64, id types.BlockID, set *types.ValidatorSet, sent *types.Commit) (*types.Commit, error) {
	if f.Round < 0 || len(f.Votes) != set.Size() {
		return nil, fmt.Errorf("a commit with %d votes of %d validators in round %d", len(f.Votes), set.Size(), f.Round)
	}
	c := &types.Commit{Height: height, Round: f.Round, BlockID: id, Signatures: make([]types.CommitSig, len(f.Votes))}
	for i := range f.Votes {
		v := &f.Votes[i]
		switch {
		case v.Flag == voteAsSent && (sent == nil || i >= len(sent.Signatures)):
			return nil, errors.New("a vote that was not sent before")
		case v.Flag == voteAsSent:
			c.Signatures[i] = sent.Signatures[i]
		case types.BlockIDFlag(v.Flag) == types.BlockIDFlagAbsent:
			c.Signatures[i] = types.NewCommitSigAbsent()
		case v.Seconds < 0 || v.Seconds > 1<<40 || v.Nanos >= 1e9:
			return nil, errors.New("a vote with no time")
		default:
			c.Signatures[i] = types.CommitSig{
				BlockIDFlag: types.BlockIDFlag(v.Flag), ValidatorAddress: set.Validators[i].Address,
				Timestamp: time.Unix(v.Seconds, int64(v.Nanos)).UTC(), Signature: v.Signature,
			}
		}
	}
	return c, c.ValidateBasic()
}
