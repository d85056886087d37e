package chain

import (
	"fmt"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/verify"
)

// header turns CometBFT's header into the one that verify hashes and checks without CometBFT.
func header(h *types.Header) verify.Header {
	return verify.Header{
		BlockVersion:   h.Version.Block,
		AppVersion:     h.Version.App,
		ChainID:        h.ChainID,
		Height:         h.Height,
		Time:           verify.TimestampOf(h.Time),
		LastBlock:      blockID(&h.LastBlockID),
		LastCommit:     digest(h.LastCommitHash),
		Data:           digest(h.DataHash),
		Validators:     digest(h.ValidatorsHash),
		NextValidators: digest(h.NextValidatorsHash),
		Consensus:      digest(h.ConsensusHash),
		App:            h.AppHash,
		LastResults:    digest(h.LastResultsHash),
		Evidence:       digest(h.EvidenceHash),
		Proposer:       address(h.ProposerAddress),
	}
}

func blockID(id *types.BlockID) verify.BlockID {
	return verify.BlockID{
		Hash: digest(id.Hash), PartsTotal: id.PartSetHeader.Total, PartsHash: digest(id.PartSetHeader.Hash),
	}
}

func commit(c *types.Commit) verify.BlockCommit {
	out := verify.BlockCommit{Height: c.Height, Round: c.Round, Block: blockID(&c.BlockID)}
	for i := range c.Signatures {
		s := &c.Signatures[i]
		sig := verify.CommitSig{Flag: verify.VoteFlag(s.BlockIDFlag), Validator: address(s.ValidatorAddress)}
		if s.BlockIDFlag != types.BlockIDFlagAbsent {
			sig.Time = verify.TimestampOf(s.Timestamp)
			copy(sig.Signature[:], s.Signature)
		}
		out.Signatures = append(out.Signatures, sig)
	}
	return out
}

// digest turns an empty hash into the zero one, as verify.Header has it. CometBFT has checked the length.
func digest(b []byte) (h verify.Hash) {
	copy(h[:], b)
	return h
}

func address(b []byte) (a verify.Address) {
	copy(a[:], b)
	return a
}

// validators turns CometBFT's set into ours; the order is the same.
func validators(s *types.ValidatorSet) (verify.ValidatorSet, error) {
	var out verify.ValidatorSet
	for _, v := range s.Validators {
		key, ok := v.PubKey.(ed25519.PubKey)
		if !ok || len(key) != len(verify.PublicKey{}) {
			return nil, fmt.Errorf("chain: validator %s has no Ed25519 key", v.Address)
		}
		out = append(out, verify.Validator{Key: verify.PublicKey(key), Power: v.VotingPower})
	}
	return out, nil
}
