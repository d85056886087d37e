package chain

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// MaxTx bounds a transaction, in bytes. The largest is a proposal whose member has an escrow and an ML-DSA-65 key.
const MaxTx = 16 << 10

// The first byte of a transaction tells its kind. An anchor's is the version of its encoding, so that a block holds
// exactly verify.Anchor.Encode; the others begin at 0x10.
const (
	kindAnchor   byte = 0x01
	kindProposal byte = 0x10
	kindVote     byte = 0x11
)

// Change says what a proposal does to the membership.
type Change uint8

// The changes there are.
const (
	Join   Change = 1 // Member becomes a member
	Update Change = 2 // Member replaces the record of its organisation: keys, power, addresses
	Leave  Change = 3 // the organisation Member.Org ceases to be a member
)

// String names the change as in ledger.Proposal.
func (c Change) String() string {
	switch c {
	case Join:
		return "join"
	case Update:
		return "update"
	case Leave:
		return "leave"
	}
	return fmt.Sprintf("change %d", uint8(c))
}

// Proposal asks the members to change the membership. It counts as its proposer's own vote, and is decided on when more
// than two thirds of the voting members agreed; it then governs from two blocks on, when CometBFT's validators change. An Update by an
// organisation of its own record that leaves its seat (verify.SeatHash) as it is takes effect at once, one in ownEvery blocks.
// A member without a vote proposes Update and Leave of itself alone.
type Proposal struct {
	By     verify.OrgID  `cbor:"1,keyasint"`
	Number uint64        `cbor:"2,keyasint"` // dense from 0 among the proposals of By: none is played twice
	Change Change        `cbor:"3,keyasint"`
	Member verify.Member `cbor:"4,keyasint"` // for Leave only Org, the rest zero
	// Base is verify.SeatHash of the record that an Update changes, zero for the others: the Update lapses when the seat changes first.
	// What the member may change alone is not in it, so that no member ends a vote by an affair of its own.
	Base    verify.Hash `cbor:"5,keyasint"`
	Expires int64       `cbor:"6,keyasint"` // Unix milliseconds of header time, at most maxExpiry ahead
	// Consent is by Member.Key where that is a new key (Join, or an Update that rotates it), zero otherwise.
	Consent   verify.Signature `cbor:"7,keyasint"`
	Signature verify.Signature `cbor:"8,keyasint"` // by the key of By
}

// Vote is a voting member's answer to a proposal.
type Vote struct {
	By        verify.OrgID     `cbor:"1,keyasint"`
	Proposal  verify.Hash      `cbor:"2,keyasint"` // SHA-256 of the proposal's transaction
	Yes       bool             `cbor:"3,keyasint"`
	Signature verify.Signature `cbor:"4,keyasint"` // by the key of By
}

// ConsentBytes is what the owner of a new key signs: the chain, the change, the record that names the key, and the one that it replaces.
func (p *Proposal) ConsentBytes(chain string) []byte {
	return append([]byte("sijil/consent/1\x00"+chain+"\x00"), marshal(&Proposal{Change: p.Change, Member: p.Member, Base: p.Base})...)
}

// SigningBytes is what the proposer signs: the chain and every field but the signature.
func (p *Proposal) SigningBytes(chain string) []byte {
	bare := *p
	bare.Signature = verify.Signature{}
	return append([]byte("sijil/proposal/1\x00"+chain+"\x00"), marshal(&bare)...)
}

// Encode gives the transaction.
func (p *Proposal) Encode() []byte { return append([]byte{kindProposal}, marshal(p)...) }

// SigningBytes is what the voter signs: the chain and every field but the signature.
func (v *Vote) SigningBytes(chain string) []byte {
	bare := *v
	bare.Signature = verify.Signature{}
	return append([]byte("sijil/vote/1\x00"+chain+"\x00"), marshal(&bare)...)
}

// Encode gives the transaction.
func (v *Vote) Encode() []byte { return append([]byte{kindVote}, marshal(v)...) }

// MemberHash names one state of a member's record.
func MemberHash(m *verify.Member) verify.Hash {
	return sha256.Sum256(append([]byte("sijil/member/1\x00"), marshal(m)...))
}

var errTx = errors.New("transaction: malformed")

// parsed is a decoded transaction: exactly one of the pointers is set.
type parsed struct {
	id       verify.Hash // SHA-256 of the bytes
	anchor   *verify.Anchor
	proposal *Proposal
	vote     *Vote
}

// parse decodes a transaction and checks its shape, not its signatures. One value has one encoding.
func parse(tx []byte) (*parsed, error) {
	if len(tx) == 0 || len(tx) > MaxTx {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errTx, len(tx), MaxTx)
	}
	p := &parsed{id: sha256.Sum256(tx)}
	var err error
	switch tx[0] {
	case kindAnchor:
		p.anchor, err = verify.DecodeAnchor(tx)
		if err == nil && !bytes.Equal(p.anchor.Encode(), tx) {
			err = errEncoding
		}
	case kindProposal:
		if p.proposal, err = unmarshal[Proposal](tx[1:]); err == nil {
			err = p.proposal.check()
		}
	case kindVote:
		p.vote, err = unmarshal[Vote](tx[1:])
	default:
		err = fmt.Errorf("kind %#x is unknown", tx[0])
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTx, err)
	}
	return p, nil
}
