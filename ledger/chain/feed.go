package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// A member without a vote is fed: one voting member sends it each block as it is committed. CometBFT's own connections carry every vote and
// every step of every validator in frames of 1,044 bytes, a hundred of them a block; a fed block has some 650 bytes in all.

// Feed reaches the other members for a node that follows without a vote. It need not be trusted: all it brings is checked.
type Feed interface {
	LightSource
	// Members lists the voting members that can be asked, this node's own left out.
	Members(ctx context.Context) ([]verify.OrgID, error)
	// Ask puts a question to a member and gives its answer, at most MaxAnswer bytes. Errors: those of Feeder.Answer, or the way's own.
	Ask(ctx context.Context, member verify.OrgID, q *Question) ([]byte, error)
	// Blocks has a member send the blocks after a height, and gives each message, at most MaxFed bytes, to take, in order and one at a time.
	// It returns take's error, ctx's, or why no more come.
	Blocks(ctx context.Context, member verify.OrgID, after int64, take func([]byte) error) error
}

// Feeder is the other end: what each node answers to members that are fed by it. The engines that Open gives are Feeders.
type Feeder interface {
	// Answer answers a question. Errors: ledger.ErrFull, ErrRejected, ErrNotFound; ErrDown where this node cannot answer.
	Answer(ctx context.Context, q *Question) ([]byte, error)
	// Blocks calls give for each message of the feed after a height: first one that says how far this node is, then a block in each, for as
	// long as ctx lasts and give returns nil. Errors: ledger.ErrPruned, give's, ctx's.
	Blocks(ctx context.Context, after int64, give func([]byte) error) error
}

// Ask says what is asked.
type Ask uint8

// The questions there are.
const (
	AskHeight    Ask = 1 // how far the other node is: an int64 in CBOR
	AskSubmit    Ask = 2 // to take in the transaction Tx; the answer is empty
	AskSnapshots Ask = 3 // which snapshots it has: tendermint.abci.ResponseListSnapshots
	AskChunk     Ask = 4 // for chunk Index of the snapshot of Height; empty when there is none
)

// Question is what a fed node asks of a member.
type Question struct {
	Ask    Ask    `cbor:"1,keyasint"`
	Height int64  `cbor:"2,keyasint,omitempty"`
	Index  uint32 `cbor:"3,keyasint,omitempty"`
	Tx     []byte `cbor:"4,keyasint,omitempty"`
}

const (
	// MaxFed bounds a message of the feed, in bytes: the largest block, and two commits of verify.MaxMembers signatures.
	MaxFed = 2*maxBlock + 1<<16
	// MaxAnswer bounds an answer, in bytes: the largest chunk of a snapshot, or the description of the longest.
	MaxAnswer = maxChunk
	// MaxQuestion bounds a question, in bytes.
	MaxQuestion = MaxTx + 64
)

// Encode gives the question's bytes.
func (q *Question) Encode() []byte { return marshal(q) }

// DecodeQuestion reads a question.
func DecodeQuestion(b []byte) (*Question, error) {
	if len(b) > MaxQuestion {
		return nil, fmt.Errorf("chain: a question of %d bytes, at most %d", len(b), MaxQuestion)
	}
	q, err := unmarshal[Question](b)
	if err == nil && (q.Ask < AskHeight || q.Ask > AskChunk || q.Height < 0) {
		err = errors.New("unknown")
	}
	if err != nil {
		return nil, fmt.Errorf("chain: question: %w", err)
	}
	return q, nil
}

// Answer implements Feeder.
func (e *engine) Answer(ctx context.Context, q *Question) ([]byte, error) {
	if q.Ask == AskSubmit {
		return nil, e.Submit(ctx, q.Tx)
	}
	return e.answer(ctx, q)
}

// answer answers from the books.
func (b *books) answer(ctx context.Context, q *Question) ([]byte, error) {
	leave, err := b.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	switch q.Ask {
	case AskHeight:
		return marshal(b.app.current.Load().Height), nil
	case AskSnapshots:
		list, err := b.app.ListSnapshots(ctx, nil)
		if err != nil {
			return nil, err
		}
		return list.Marshal()
	case AskChunk:
		return b.app.chunkOf(q.Height, q.Index)
	}
	return nil, fmt.Errorf("%w: it does not answer question %d", ledger.ErrDown, q.Ask)
}

// Blocks implements Feeder.
func (b *books) Blocks(ctx context.Context, after int64, give func([]byte) error) error {
	if after < 0 {
		return fmt.Errorf("chain: there is no height %d", after)
	}
	if err := b.begins(after + 1); err != nil {
		return err
	}
	if err := give(marshal(b.app.current.Load().Height)); err != nil {
		return err
	}
	var sent *types.Commit // for the block before, as this reader has it
	for height := after + 1; ; height++ {
		if err := b.reach(ctx, height); err != nil {
			return err
		}
		message, c, err := b.fed(height, sent)
		if err != nil {
			return err
		}
		if err := give(message); err != nil {
			return err
		}
		sent = c
	}
}

// begins tells whether a feed can begin at a height. Errors: ledger.ErrPruned.
func (b *books) begins(height int64) error {
	leave, err := b.enter()
	if err != nil {
		return err
	}
	defer leave()
	if height > b.app.current.Load().Height {
		return nil
	}
	if meta, err := loadMeta(b.blocks, height); meta == nil || err != nil {
		if err != nil {
			return err
		}
		return &ledger.PrunedError{Height: height, Base: max(b.blocks.Base(), height+1)}
	}
	return nil
}

// fed encodes a block for a reader that was sent a commit for the block before, and gives the commit that goes with this one.
func (b *books) fed(height int64, sent *types.Commit) ([]byte, *types.Commit, error) {
	leave, err := b.enter()
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	block, c, err := loadBlock(b.blocks, height)
	if err != nil {
		return nil, nil, err
	}
	if block == nil || c == nil {
		return nil, nil, &ledger.PrunedError{Height: height, Base: max(b.blocks.Base(), height+1)}
	}
	form, err := newFedBlock(block, c, sent, b.app.current.Load().epochAt(height).Validators)
	if err != nil {
		return nil, nil, err
	}
	return marshal(form), c, nil
}
