package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/sijil-health/sijil/verify"
)

// Limits of a member's record. They keep a transaction within MaxTx and the membership within what one page shows.
const (
	MaxMembers = 128     // organisations
	MaxPower   = 1 << 20 // voting power of one member
	maxName    = 200     // bytes of UTF-8
	maxAddress = 261     // a domain name, a colon, a port
	maxEscrow  = 2048    // bytes of an HPKE public key
	mldsaSize  = 1952    // bytes of an ML-DSA-65 public key (FIPS 204, table 2)
)

// check enforces the shape of a proposal that needs neither key nor state.
func (p *Proposal) check() error {
	switch p.Change {
	case Join, Update:
		return checkMember(&p.Member)
	case Leave:
		bare := verify.Member{Org: p.Member.Org}
		if MemberHash(&bare) != MemberHash(&p.Member) {
			return errors.New("a proposal to leave names only the organisation")
		}
		return nil
	}
	return fmt.Errorf("%s is unknown", p.Change)
}

// checkMember enforces the shape of a member's record.
func checkMember(m *verify.Member) error {
	switch {
	case m.Name == "" || len(m.Name) > maxName || !utf8.ValidString(m.Name):
		return fmt.Errorf("member: a name is 1 to %d bytes of UTF-8", maxName)
	case m.Key == verify.PublicKey{}:
		return errors.New("member: no signing key")
	case m.Power < 0 || m.Power > MaxPower:
		return fmt.Errorf("member: power %d is not from 0 to %d", m.Power, MaxPower)
	case (m.Power > 0) == (m.Validator == verify.PublicKey{}):
		return fmt.Errorf("member: power %d does not go with its validator key", m.Power)
	case !isNodeID(m.NodeID):
		return errors.New("member: a node identifier is 40 lower-case hexadecimal digits")
	case len(m.P2P) > maxAddress || len(m.Peer) > maxAddress:
		return fmt.Errorf("member: an address has at most %d bytes", maxAddress)
	case len(m.Escrow) > maxEscrow:
		return fmt.Errorf("member: an escrow key has at most %d bytes", maxEscrow)
	case len(m.MLDSA) != 0 && len(m.MLDSA) != mldsaSize:
		return fmt.Errorf("member: an ML-DSA-65 key has %d bytes", mldsaSize)
	}
	return nil
}

func isNodeID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 20 && hex.EncodeToString(b) == s
}

// ownAffair tells whether going from one record to the other touches only what concerns nobody else: where the
// organisation's node is found, and to which keys others seal what is meant for it.
func ownAffair(from, to *verify.Member) bool {
	return from.Name == to.Name && from.Key == to.Key && from.Validator == to.Validator && from.Power == to.Power
}
