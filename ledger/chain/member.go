package chain

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// Limits of a member's record besides those of verify.CheckMembers. They keep a transaction within MaxTx and the membership within what one page shows.
const (
	MaxPower   = 1 << 20 // voting power of one member
	maxAddress = 261     // a domain name, a colon, a port
	maxEscrow  = 2048    // bytes of an HPKE public key
)

// check enforces the shape of a proposal that needs neither key nor state.
func (p *Proposal) check() error {
	switch p.Change {
	case Join, Update:
		return checkMember(&p.Member)
	case Leave:
		if !p.Base.IsZero() {
			return errors.New("a proposal to leave rests on no record: it is the organisation that goes, whatever its record says")
		}
		bare := verify.Member{Org: p.Member.Org}
		if MemberHash(&bare) != MemberHash(&p.Member) {
			return errors.New("a proposal to leave names only the organisation")
		}
		return nil
	}
	return fmt.Errorf("%s is unknown", p.Change)
}

// checkMember enforces what the engine needs of a member's record. What a verifier needs of all of them is admissible's to ask.
func checkMember(m *verify.Member) error {
	switch {
	case m.Name == "":
		return errors.New("member: no name")
	case m.Power > MaxPower:
		return fmt.Errorf("member: power %d is more than %d", m.Power, MaxPower)
	case !isNodeID(m.NodeID):
		return errors.New("member: a node identifier is 40 lower-case hexadecimal digits")
	case len(m.P2P) > maxAddress || len(m.Peer) > maxAddress:
		return fmt.Errorf("member: an address has at most %d bytes", maxAddress)
	case len(m.Escrow) > maxEscrow:
		return fmt.Errorf("member: an escrow key has at most %d bytes", maxEscrow)
	}
	return nil
}

func isNodeID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 20 && hex.EncodeToString(b) == s
}

// ownAffair tells whether going from one record to the other touches only what concerns nobody else: where the
// organisation's node is found, and to which keys others seal what is meant for it. It begins no epoch.
func ownAffair(from, to *verify.Member) bool { return verify.SeatHash(from) == verify.SeatHash(to) }
