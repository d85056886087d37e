package verify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/mldsa"
)

// MaxMembers bounds the members of a ledger.
const MaxMembers = 128

// MaxName bounds the bytes of a member's name.
const MaxName = 200

// seat is the part of a Member that evidence rests on. Addresses and escrow keys may change at any time; a change here
// begins a new epoch.
type seat struct {
	Org       OrgID     `cbor:"1,keyasint"`
	Name      string    `cbor:"2,keyasint"`
	Key       PublicKey `cbor:"3,keyasint"`
	Validator PublicKey `cbor:"4,keyasint"`
	Power     int64     `cbor:"5,keyasint"`
	MLDSA     []byte    `cbor:"6,keyasint,omitempty"`
}

func seatOf(m *Member) seat { return seat{m.Org, m.Name, m.Key, m.Validator, m.Power, m.MLDSA} }

// SeatHash is SHA-256("sijil/seat/1" ‖ CBOR) over what evidence rests on of one member: two records of one seat differ in addresses and
// escrow key alone, and exchanging one for the other begins no epoch.
func SeatHash(m *Member) Hash {
	return sum256(append([]byte("sijil/seat/1"), must(entryEnc.Marshal(seatOf(m)))...))
}

// MembersHash is SHA-256("sijil/members/1" ‖ CBOR) over what evidence rests on: organisation, name, keys and power of each
// member. Checkpoints carry it: the validators' hash alone says neither who a validator is nor whose key signs anchors.
func MembersHash(members []Member) Hash {
	seats := make([]seat, len(members))
	for i := range members {
		seats[i] = seatOf(&members[i])
	}
	h := sha256.New()
	h.Write([]byte("sijil/members/1"))
	h.Write(must(entryEnc.Marshal(seats)))
	return Hash(h.Sum(nil))
}

// CheckMembers tells what is wrong with a list of members: it is not in ascending order, a key is used twice, powers do
// not go with validator keys, nobody votes. A receipt of an epoch with such members is refused, so a ledger that admits them can prove
// nothing any more: whoever makes a membership asks this first.
func CheckMembers(members []Member) error {
	if len(members) == 0 || len(members) > MaxMembers {
		return fmt.Errorf("%d members, want 1 to %d", len(members), MaxMembers)
	}
	used := make(map[PublicKey]bool, 2*len(members))
	claim := func(k PublicKey) bool {
		free := !used[k]
		used[k] = true
		return free
	}
	for i := range members {
		m := &members[i]
		switch {
		case i > 0 && string(members[i-1].Org[:]) >= string(m.Org[:]):
			return errors.New("members are not in ascending order")
		case len(m.Name) > MaxName || !plain(m.Name) || strings.Contains(m.Name, "\n"):
			return fmt.Errorf("%s: its name has more than %d bytes or a control character", m.Org, MaxName)
		case len(m.MLDSA) != 0 && len(m.MLDSA) != mldsa.MLDSA65PublicKeySize:
			return fmt.Errorf("%s: its ML-DSA-65 key has %d bytes, want %d", m.Name, len(m.MLDSA), mldsa.MLDSA65PublicKeySize)
		case m.Power < 0 || (m.Power > 0) == (m.Validator == PublicKey{}):
			return fmt.Errorf("%s: power %d does not go with its validator key", m.Name, m.Power)
		case m.Key == PublicKey{} || !claim(m.Key) || (m.Power > 0 && !claim(m.Validator)):
			return fmt.Errorf("%s: a key is missing or used twice", m.Name)
		}
	}
	set := NewValidatorSet(members)
	if len(set) == 0 {
		return errors.New("nobody votes")
	}
	_, err := set.Total()
	return err
}

// findMember gives the member's place in an ascending list, or -1.
func findMember(members []Member, org OrgID) int {
	i, ok := slices.BinarySearchFunc(members, org, func(m Member, o OrgID) int { return bytes.Compare(m.Org[:], o[:]) })
	if !ok {
		return -1
	}
	return i
}
