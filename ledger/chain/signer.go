package chain

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/libs/protoio"
	"github.com/cometbft/cometbft/privval"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/sijil-health/sijil/internal/durable"
)

// stepPropose is before stepPrevote and stepPrecommit.
const stepPropose = 1

// errSignedElse refuses a second, different signature for one step.
var errSignedElse = errors.New("chain: the validator key signed something else for this step")

// signer signs with one validator key, never two different things for one step of a round, and never for a step before the last. What it
// signed is durable before the signature is given out: after a crash the same signature is given again.
type signer struct {
	Key  privval.FilePVKey
	file string // of the signing state

	mu   sync.Mutex
	last signState
}

var _ types.PrivValidator = (*signer)(nil)

// makeSigner writes the files of a key that has signed all steps up to the last of a height. The state is written first: a key is never
// there without the record of what it signed.
func makeSigner(dir string, private ed25519.PrivKey, height int64) (*signer, error) {
	key := privval.NewFilePV(private, filepath.Join(dir, validatorKeyFile), "").Key
	s := &signer{Key: key, file: filepath.Join(dir, signStateFile)}
	if height > 0 {
		s.last.Height, s.last.Step = height, stepPrecommit
	}
	return s, errors.Join(s.last.write(s.file), saved(key.Save), durable.SyncDir(dir))
}

// loadValidator reads a validator key and what it signed last.
func loadValidator(dir string) (*signer, error) {
	key, err := readValidatorKey(filepath.Join(dir, validatorKeyFile))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, signStateFile)
	last, err := readSignState(file)
	if err != nil {
		return nil, err
	}
	return &signer{Key: *key, file: file, last: *last}, nil
}

// GetAddress names the key as CometBFT does.
func (s *signer) GetAddress() types.Address { return s.Key.Address }

// GetPubKey implements types.PrivValidator.
func (s *signer) GetPubKey() (crypto.PubKey, error) { return s.Key.PubKey, nil }

// SignVote implements types.PrivValidator. Votes carry no extensions here.
func (s *signer) SignVote(chain string, v *cmtproto.Vote) error {
	step := int8(stepPrevote)
	if v.Type == cmtproto.PrecommitType {
		step = stepPrecommit
	}
	if len(v.Extension) > 0 {
		return errors.New("chain: a vote has no extension")
	}
	signature, at, err := s.sign(v.Height, v.Round, step, types.VoteSignBytes(chain, v), voteTime)
	if err != nil {
		return fmt.Errorf("sign a vote: %w", err)
	}
	v.Signature = signature
	if !at.IsZero() {
		v.Timestamp = at
	}
	return nil
}

// SignProposal implements types.PrivValidator.
func (s *signer) SignProposal(chain string, p *cmtproto.Proposal) error {
	signature, at, err := s.sign(p.Height, p.Round, stepPropose, types.ProposalSignBytes(chain, p), proposalTime)
	if err != nil {
		return fmt.Errorf("sign a proposal: %w", err)
	}
	p.Signature = signature
	if !at.IsZero() {
		p.Timestamp = at
	}
	return nil
}

// sign signs a message for a step. When one that differs only in its time was signed for that step already, it gives that signature and
// the time that it is for.
func (s *signer) sign(height int64, round int32, step int8, message []byte, timeOf func([]byte) (time.Time, []byte, error)) (signature []byte, at time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	again, err := s.last.check(height, round, step)
	if err != nil {
		return nil, at, err
	}
	if again {
		if bytes.Equal(message, s.last.SignBytes) {
			return s.last.Signature, at, nil
		}
		at, before, err := timeOf(s.last.SignBytes)
		if err != nil {
			return nil, at, err
		}
		if _, now, err := timeOf(message); err != nil || !bytes.Equal(before, now) {
			return nil, at, errors.Join(errSignedElse, err)
		}
		return s.last.Signature, at, nil
	}
	if signature, err = s.Key.PrivKey.Sign(message); err != nil {
		return nil, at, err
	}
	next := signState{Number: s.last.Number + 1, Height: height, Round: round, Step: step, SignBytes: message, Signature: signature}
	if err := next.overwrite(s.file); err != nil {
		return nil, at, err
	}
	s.last = next
	return signature, at, nil
}

// voteTime gives the time in the signed form of a vote, and that form without it.
func voteTime(b []byte) (at time.Time, rest []byte, err error) {
	var v cmtproto.CanonicalVote
	if err := protoio.UnmarshalDelimited(b, &v); err != nil {
		return at, nil, err
	}
	at, v.Timestamp = v.Timestamp, time.Time{}
	rest, err = proto.Marshal(&v)
	return at, rest, err
}

// proposalTime is voteTime for a proposal.
func proposalTime(b []byte) (at time.Time, rest []byte, err error) {
	var p cmtproto.CanonicalProposal
	if err := protoio.UnmarshalDelimited(b, &p); err != nil {
		return at, nil, err
	}
	at, p.Timestamp = p.Timestamp, time.Time{}
	rest, err = proto.Marshal(&p)
	return at, rest, err
}

// saved turns the panic by which CometBFT reports a failed write into an error.
func saved(save func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("chain: keys: %v", r)
		}
	}()
	save()
	return nil
}
