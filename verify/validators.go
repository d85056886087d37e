package verify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
)

// MaxPower bounds the total voting power of a validator set, as the consensus engine does.
const MaxPower = math.MaxInt64 / 8

// Validator is one key that signs blocks, with its voting power.
type Validator struct {
	Key   PublicKey `json:"key" cbor:"1,keyasint"`
	Power int64     `json:"power" cbor:"2,keyasint"`
}

// Address names the validator in commits.
func (v *Validator) Address() Address {
	sum := sha256.Sum256(v.Key[:])
	return Address(sum[:20])
}

// ValidatorSet is in the engine's order: by falling power, then by rising address.
type ValidatorSet []Validator

// NewValidatorSet gives the validators among members, in the engine's order. The set is a function of the members: there
// is no way to name one and mean another.
func NewValidatorSet(members []Member) ValidatorSet {
	var s ValidatorSet
	for i := range members {
		if members[i].Power > 0 {
			s = append(s, Validator{members[i].Validator, members[i].Power})
		}
	}
	slices.SortFunc(s, func(a, b Validator) int {
		if c := cmp.Compare(b.Power, a.Power); c != 0 {
			return c
		}
		x, y := a.Address(), b.Address()
		return bytes.Compare(x[:], y[:])
	})
	return s
}

// Hash is the validators hash of a header: the RFC 6962 root over SimpleValidator messages (types/validator.go).
func (s ValidatorSet) Hash() Hash {
	var f frontier
	for i := range s {
		key := appendMessage(nil, 1, s[i].Key[:]) // PublicKey.ed25519
		f.add(leafHash(appendUint(appendMessage(nil, 1, key), 2, uint64(s[i].Power))))
	}
	return f.root()
}

// Total is the sum of the powers. It fails where a power is not positive or the sum exceeds MaxPower.
func (s ValidatorSet) Total() (int64, error) {
	if len(s) == 0 {
		return 0, errors.New("no validators")
	}
	var total int64
	for i := range s {
		if p := s[i].Power; p <= 0 || p > MaxPower-total {
			return 0, fmt.Errorf("validator %d: power %d is out of range", i, p)
		}
		total += s[i].Power
	}
	return total, nil
}

func sum256(b []byte) Hash { return sha256.Sum256(b) }
