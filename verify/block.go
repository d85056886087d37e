package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// VoteFlag says what a validator's precommit in a commit was for.
type VoteFlag uint8

// The flags of CometBFT (types/block.go, BlockIDFlag). Only VoteCommit counts for a block.
const (
	VoteAbsent VoteFlag = 1
	VoteCommit VoteFlag = 2
	VoteNil    VoteFlag = 3
)

var voteNames = map[VoteFlag]string{VoteAbsent: "absent", VoteCommit: "commit", VoteNil: "nil"}

// MarshalText writes "absent", "commit" or "nil".
func (f VoteFlag) MarshalText() ([]byte, error) {
	name, ok := voteNames[f]
	if !ok {
		return nil, fmt.Errorf("vote: flag %d is unknown", uint8(f))
	}
	return []byte(name), nil
}

// UnmarshalText reads what MarshalText wrote.
func (f *VoteFlag) UnmarshalText(text []byte) error {
	for flag, name := range voteNames {
		if name == string(text) {
			*f = flag
			return nil
		}
	}
	return fmt.Errorf("vote: flag %q is unknown", text)
}

// CommitSig is one validator's place in a commit.
type CommitSig struct {
	Flag      VoteFlag  `json:"flag" cbor:"1,keyasint"`
	Validator Address   `json:"validator,omitzero" cbor:"2,keyasint,omitzero"`
	Time      Timestamp `json:"time,omitzero" cbor:"3,keyasint,omitzero"`
	Signature Signature `json:"signature,omitzero" cbor:"4,keyasint,omitzero"`
}

// BlockCommit is what makes a block final: a precommit, or its absence, for each validator in the order of the set.
type BlockCommit struct {
	Height     int64       `json:"height" cbor:"1,keyasint"`
	Round      int32       `json:"round" cbor:"2,keyasint"`
	Block      BlockID     `json:"block_id" cbor:"3,keyasint"`
	Signatures []CommitSig `json:"signatures" cbor:"4,keyasint"`
}

// precommit is SIGNED_MSG_TYPE_PRECOMMIT.
const precommit = 2

// VoteBytes is what validator i signed: a length-delimited CanonicalVote (types/canonical.go) for the commit's block, or
// for no block where its flag is VoteNil. It panics where there is no such place.
func (c *BlockCommit) VoteBytes(chain string, i int) []byte {
	sig := &c.Signatures[i]
	vote := make([]byte, 0, 192)
	vote = appendUint(vote, 1, precommit)
	vote = appendFixed64(vote, 2, c.Height)
	vote = appendFixed64(vote, 3, int64(c.Round))
	if sig.Flag == VoteCommit {
		vote = appendMessage(vote, 4, c.Block.encode())
	}
	vote = appendMessage(vote, 5, sig.Time.encode())
	vote = appendField(vote, 6, []byte(chain))
	return append(binary.AppendUvarint(make([]byte, 0, len(vote)+2), uint64(len(vote))), vote...)
}

// VerifyCommit checks that validators holding more than two thirds of the power signed this header, and gives the indices
// of those that did. One bad signature for the block spoils the commit; votes for nil prove nothing and are passed over.
// The header must name this set; that it is the right set for its height is for the caller to know.
func (s ValidatorSet) VerifyCommit(chain string, h *Header, c *BlockCommit) ([]int, error) {
	keys := make([]expandedKey, len(s))
	for i := range s {
		keys[i].key = s[i].Key
	}
	return s.verifyCommit(keys, chain, h, c)
}

// verifyCommit is VerifyCommit with the validators' keys expanded.
func (s ValidatorSet) verifyCommit(keys []expandedKey, chain string, h *Header, c *BlockCommit) ([]int, error) {
	switch {
	case h.Validators != s.Hash():
		return nil, errors.New("the header names other validators")
	case c.Height != h.Height:
		return nil, fmt.Errorf("the commit is for height %d, the header for %d", c.Height, h.Height)
	case c.Round < 0 || h.Height <= 0:
		return nil, errors.New("height or round is out of range")
	case c.Block.Hash != h.Hash():
		return nil, errors.New("the commit is for another header")
	case len(c.Signatures) != len(s):
		return nil, fmt.Errorf("%d places for %d validators", len(c.Signatures), len(s))
	}
	total, err := s.Total()
	if err != nil {
		return nil, err
	}
	var (
		voters []int
		votes  []signed
		power  int64
	)
	for i := range c.Signatures {
		sig := &c.Signatures[i]
		switch {
		case sig.Flag == VoteNil:
			continue
		case sig.Flag == VoteAbsent && *sig == CommitSig{Flag: VoteAbsent}:
			continue
		case sig.Flag != VoteCommit:
			return nil, fmt.Errorf("place %d is neither a vote nor empty", i)
		}
		if sig.Validator != s[i].Address() {
			return nil, fmt.Errorf("place %d is not held by the validator it names", i)
		}
		voters, votes = append(voters, i), append(votes, signed{&keys[i], c.VoteBytes(chain, i), sig.Signature})
		power += s[i].Power
	}
	if i := firstWrong(votes); i >= 0 {
		return nil, fmt.Errorf("the signature of validator %d is wrong", voters[i])
	}
	if power <= total*2/3 { // total is at most MaxPower, so this cannot overflow
		return nil, fmt.Errorf("signatures carry %d of %d power, more than two thirds are needed", power, total)
	}
	return voters, nil
}

// MedianTime is the weighted median of the times in the commit's votes for its block: later than the clock of some honest
// validator and earlier than that of another (CometBFT v0.40, state.MedianTime). It is when the block was made.
// The commit must have passed VerifyCommit.
//
// No signature covers which votes a commit lists. Whoever passes it on may leave votes out, as long as more than two thirds
// of the power remain, and so move the median among the times that validators did sign, never beyond them.
func (s ValidatorSet) MedianTime(c *BlockCommit) Timestamp {
	type vote struct {
		at    Timestamp
		power int64
	}
	var (
		votes []vote
		total int64
	)
	for i := range min(len(c.Signatures), len(s)) {
		if c.Signatures[i].Flag == VoteCommit {
			votes = append(votes, vote{c.Signatures[i].Time, s[i].Power})
			total += s[i].Power
		}
	}
	slices.SortFunc(votes, func(a, b vote) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	half := total / 2
	for _, v := range votes {
		if half <= v.power {
			return v.at
		}
		half -= v.power
	}
	return 0
}

// VerifyDataPath proves that tx is transaction index of total in the block whose header has that data hash.
// A leaf of that tree is SHA-256 of the transaction (types/tx.go).
func VerifyDataPath(data Hash, tx []byte, index, total uint32, path []Hash) error {
	leaf := sum256(tx)
	return checkInclusion(leaf[:], uint64(index), uint64(total), path, data)
}
