package chain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cometbft/cometbft/consensus"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
)

// Steps of a round as the signing state numbers them (privval/file.go).
const (
	stepPrevote   = 2
	stepPrecommit = 3
)

// lostLog finds a validator that voted in a round which its consensus log no longer knows of. After a start it begins the
// round anew, its key refuses to sign what it may have signed before ("step regression"), and without its votes the
// round never ends. CometBFT writes the log before it sends a vote, so this takes a disk that loses what it confirmed,
// or somebody who deletes the log. Among four validators one such node is carried along by the votes of the others.
//
// The signing state may be set back only where the votes cannot have been counted: the height is not stored here, and
// no other validator stored it either, which for a sole validator follows from the first.
func (c *Config) lostLog(s *stored) ([]Finding, error) {
	last, err := readSignState(filepath.Join(c.keys(), signStateFile))
	if err != nil {
		return nil, err
	}
	if s.sole && last.Height > s.blocks+1 {
		return []Finding{{
			Trouble: SignedAhead,
			What:    fmt.Sprintf("The only validator signed height %d, the blocks end at %d.", last.Height, s.blocks),
			Why:     "The blocks were restored from an older copy, or the disk lost blocks that it had confirmed as written.",
			Do: "Restore the latest backup into a new directory: `sijil restore`. Signing these heights again would contradict receipts that were given out, so that nothing " +
				"here does it: without the blocks this ledger has ended, and a new one is begun that names it.",
			Height: last.Height, Round: last.Round, Step: last.Step,
		}}, nil
	}
	if last.Height != s.blocks+1 || last.Step < stepPrevote || s.blocks == 0 {
		return nil, nil
	}
	known, err := c.logKnows(s.key.GetAddress(), last)
	if err != nil || known {
		return nil, err
	}
	f := Finding{
		Trouble: LostLog,
		What: fmt.Sprintf("The validator signed height %d, round %d, step %d; the consensus log knows nothing of it, and block %d is not stored.",
			last.Height, last.Round, last.Step, last.Height),
		Why: "The consensus log was lost: a power cut with a disk that confirms writes it has not made, or a deleted or restored file. The key " +
			"refuses to sign this step again, so that the round cannot end (\"step regression\").",
		Safe: s.sole, Mendable: true, Height: last.Height, Round: last.Round, Step: last.Step,
	}
	if s.sole {
		f.Do = "Let this be mended: this is the only validator and did not store the block, so that nobody can have counted the vote."
	} else {
		f.Do = fmt.Sprintf("First start the node: the others usually carry it along. Only if the whole ledger stands still, ask every validator's operator to stop "+
			"their node and run `sijil doctor`. If all of them are at height %d and none of them stored block %d, mend it on all of them. "+
			"If any stored it, do not: start that one, and the others follow.", last.Height, last.Height)
	}
	return []Finding{f}, nil
}

// logKnows tells whether the consensus log holds the validator's own vote of the step that it signed last.
func (c *Config) logKnows(validator []byte, last *signState) (bool, error) {
	files, err := logFiles(c.Dir)
	if err != nil {
		return false, err
	}
	want := cmtproto.PrevoteType
	if last.Step == stepPrecommit {
		want = cmtproto.PrecommitType
	}
	for _, name := range append(files, "wal") {
		known, err := holdsVote(filepath.Join(logDir(c.Dir), name), func(v *cmtproto.Vote) bool {
			return v.Height == last.Height && v.Round == last.Round && v.Type == want && bytes.Equal(v.ValidatorAddress, validator)
		})
		if known || err != nil {
			return known, err
		}
	}
	return false, nil
}

// holdsVote reads a file of the log up to its end or the first damage; CometBFT can use no more of it either.
func holdsVote(file string, is func(*cmtproto.Vote) bool) (bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("chain: consensus log: %w", err)
	}
	defer f.Close()
	for dec := consensus.NewWALDecoder(f); ; {
		m, err := dec.Decode()
		if errors.Is(err, io.EOF) || consensus.IsDataCorruptionError(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("chain: consensus log: %w", err)
		}
		pb, err := consensus.WALToProto(m.Msg)
		if err != nil {
			continue
		}
		if v := pb.GetMsgInfo(); v != nil {
			if vote := v.Msg.GetVote(); vote != nil && vote.Vote != nil && is(vote.Vote) {
				return true, nil
			}
		}
	}
}
