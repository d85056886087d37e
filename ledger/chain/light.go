package chain

import (
	"context"
	"errors"
	"fmt"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// maxLight bounds an encoded light block, in bytes: a header, and verify.MaxMembers signatures and validators twice.
const maxLight = 256 << 10

// maxEpochs bounds how many changes of the validator set a node follows from genesis.
const maxEpochs = 1 << 20

// LightSource is where a node that starts from a snapshot gets headers from: other members, over whatever connection.
// It need not be trusted: all it gives is checked from genesis on. ledger.Engine is one.
type LightSource interface {
	// Epoch gives a period of one validator set; ledger.ErrNotFound when there is none of that number yet.
	Epoch(ctx context.Context, number uint64) (*ledger.Epoch, error)
	// Light gives what ledger.Engine.Light gives for the height.
	Light(ctx context.Context, height int64) ([]byte, error)
}

// lightBlock is a header with the commit for it, and the validators of its height and of the next. Both sets come with
// the proposer's priorities: a node that joins must expect the same proposer as the others.
type lightBlock struct {
	signed *types.SignedHeader
	vals   *types.ValidatorSet
	next   *types.ValidatorSet
}

// lightForm is a lightBlock encoded: protobuf of CometBFT in an envelope of ours.
type lightForm struct {
	Block []byte `cbor:"1,keyasint"` // tendermint.types.LightBlock
	Next  []byte `cbor:"2,keyasint"` // tendermint.types.ValidatorSet
}

func (l *lightBlock) encode() ([]byte, error) {
	block, err := (&types.LightBlock{SignedHeader: l.signed, ValidatorSet: l.vals}).ToProto()
	if err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	next, err := l.next.ToProto()
	if err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	var form lightForm
	if form.Block, err = block.Marshal(); err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	if form.Next, err = next.Marshal(); err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	return marshal(&form), nil
}

func decodeLight(b []byte) (*lightBlock, error) {
	if len(b) > maxLight {
		return nil, fmt.Errorf("light block: %d bytes, at most %d", len(b), maxLight)
	}
	form, err := unmarshal[lightForm](b)
	if err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	var block cmtproto.LightBlock
	var set cmtproto.ValidatorSet
	if err := errors.Join(block.Unmarshal(form.Block), set.Unmarshal(form.Next)); err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	lb, err := types.LightBlockFromProto(&block)
	if err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	next, err := types.ValidatorSetFromProto(&set)
	if err != nil {
		return nil, fmt.Errorf("light block: %w", err)
	}
	if lb.SignedHeader == nil || lb.Header == nil || lb.Commit == nil || lb.ValidatorSet == nil {
		return nil, errors.New("light block: incomplete")
	}
	return &lightBlock{lb.SignedHeader, lb.ValidatorSet, next}, nil
}

// verified checks a light block by a validator set that is known to be the one of its height.
func (l *lightBlock) verified(chain string, height int64, set verify.ValidatorSet) error {
	if l.signed.ChainID != chain || l.signed.Height != height {
		return fmt.Errorf("light block: of %s at %d, asked for %s at %d", l.signed.ChainID, l.signed.Height, chain, height)
	}
	if err := l.signed.ValidateBasic(chain); err != nil {
		return fmt.Errorf("light block: %w", err)
	}
	h, c := header(l.signed.Header), commit(l.signed.Commit)
	if _, err := set.VerifyCommit(chain, &h, &c); err != nil {
		return fmt.Errorf("light block: %w", err)
	}
	if digest(l.vals.Hash()) != h.Validators || digest(l.next.Hash()) != h.NextValidators {
		return errors.New("light block: its validators are not those that the header names")
	}
	return nil
}

// trustChain follows the validator sets from genesis, each vouched for by the one before it.
type trustChain struct {
	chain   string
	source  LightSource
	epochs  []ledger.Epoch
	archive map[uint64][]byte // by epoch, the light block of the height before it
}

func newTrustChain(g *verify.Genesis, source LightSource) *trustChain {
	s, _ := genesisState(g)
	return &trustChain{chain: g.Chain(), source: source, epochs: s.epochs, archive: map[uint64][]byte{}}
}

// follow learns the epochs that began since it was last asked. Header Since-1, signed by more than two thirds of the
// old set, names the new one.
func (t *trustChain) follow(ctx context.Context) error {
	for len(t.epochs) < maxEpochs {
		last := t.epochs[len(t.epochs)-1]
		claim, err := t.source.Epoch(ctx, last.Number+1)
		if errors.Is(err, ledger.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("epoch %d: %w", last.Number+1, err)
		}
		if claim.Number != last.Number+1 || claim.Since <= last.Since {
			return fmt.Errorf("epoch %d: the source contradicts itself", last.Number+1)
		}
		l, raw, err := t.at(ctx, claim.Since-1)
		if errors.Is(err, ledger.ErrNotFound) {
			return nil // decided on, but the header before it is still to come
		}
		if err != nil {
			return fmt.Errorf("epoch %d: %w", claim.Number, err)
		}
		set, err := validators(l.next)
		if err != nil {
			return err
		}
		t.epochs = append(t.epochs, ledger.Epoch{Number: claim.Number, Since: claim.Since, Validators: set})
		t.archive[claim.Number] = raw
	}
	return fmt.Errorf("chain: more than %d epochs", maxEpochs)
}

// at fetches and checks the light block of a height, by the set that signs it as far as the chain was followed.
func (t *trustChain) at(ctx context.Context, height int64) (*lightBlock, []byte, error) {
	raw, err := t.source.Light(ctx, height)
	if err != nil {
		return nil, nil, err
	}
	l, err := decodeLight(raw)
	if err != nil {
		return nil, nil, err
	}
	s := &state{epochs: t.epochs}
	return l, raw, l.verified(t.chain, height, s.epochAt(height).Validators)
}
