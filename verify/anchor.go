package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Flags of an anchor.
const (
	// FlagLocalOnly marks a batch of which fewer custodians than configured held a copy when one of its entries was acknowledged, or when
	// it was anchored.
	FlagLocalOnly uint8 = 1 << 0
)

// MaxCustodians bounds the signatures of custodians in one anchor.
const MaxCustodians = 16

// MaxBatch bounds the padded number of leaves in one batch.
const MaxBatch = 1 << 20

// MinBatch is the least padded number of leaves: a batch never shows that only one thing happened.
const MinBatch = 16

// Anchor is what an organisation puts on the chain for one batch of entries: nothing of any patient, only
// its place in a dense sequence and a Merkle root. A transaction on the chain is exactly Encode().
type Anchor struct {
	Org        OrgID
	Seq        uint64 // dense from 0 within the organisation
	Prev       Hash   // ID of anchor Seq-1, zero for the first
	Root       Hash   // RFC 6962 root over the batch's leaves
	Count      uint32 // leaves, padding included: a power of two, at least MinBatch
	Control    uint64 // highest number of the organisation's control stream in or before this batch
	Flags      uint8
	Time       int64 // Unix milliseconds on the organisation's own clock
	Custodians []Custody
	Signature  Signature // by the organisation over everything above
}

// Custody is a custodian's statement that it holds every record of the batch and recomputed its root.
type Custody struct {
	Org       OrgID
	Signature Signature // over CustodyBytes
}

const (
	anchorVersion = 1
	anchorFixed   = 1 + 8 + 8 + 32 + 32 + 4 + 8 + 1 + 8
	custodySize   = 8 + 64
)

var errAnchor = errors.New("anchor: malformed")

// core appends the fields that custodians vouch for.
func (a *Anchor) core(b []byte) []byte {
	b = append(b, anchorVersion)
	b = append(b, a.Org[:]...)
	b = binary.BigEndian.AppendUint64(b, a.Seq)
	b = append(b, a.Prev[:]...)
	b = append(b, a.Root[:]...)
	b = binary.BigEndian.AppendUint32(b, a.Count)
	b = binary.BigEndian.AppendUint64(b, a.Control)
	b = append(b, a.Flags)
	return binary.BigEndian.AppendUint64(b, uint64(a.Time))
}

// CustodyBytes is what a custodian signs. The flags are left out: they are only known once custodians answered.
func (a *Anchor) CustodyBytes(chain string) []byte {
	bare := *a
	bare.Flags = 0
	return bare.core([]byte("sijil/custody/1\x00" + chain + "\x00"))
}

// SigningBytes is what the organisation signs: the chain, the fields and the custodians' statements.
func (a *Anchor) SigningBytes(chain string) []byte {
	return a.unsigned([]byte("sijil/anchor/1\x00" + chain + "\x00"))
}

func (a *Anchor) unsigned(b []byte) []byte {
	b = a.core(b)
	b = append(b, uint8(len(a.Custodians)))
	for i := range a.Custodians {
		b = append(b, a.Custodians[i].Org[:]...)
		b = append(b, a.Custodians[i].Signature[:]...)
	}
	return b
}

// Encode gives the one binary form of the anchor; see docs/spec/anchor.md.
func (a *Anchor) Encode() []byte {
	b := make([]byte, 0, anchorFixed+1+len(a.Custodians)*custodySize+64)
	return append(a.unsigned(b), a.Signature[:]...)
}

// ID is SHA-256 over Encode: it is the leaf of the global log and what the next anchor names as Prev.
func (a *Anchor) ID() Hash { return sha256.Sum256(a.Encode()) }

// DecodeAnchor reads what Encode wrote and checks its shape, not its signatures.
func DecodeAnchor(b []byte) (*Anchor, error) {
	if len(b) < anchorFixed+1+64 || b[0] != anchorVersion {
		return nil, errAnchor
	}
	a, p := new(Anchor), b[1:]
	p = p[copy(a.Org[:], p):]
	a.Seq, p = binary.BigEndian.Uint64(p), p[8:]
	p = p[copy(a.Prev[:], p):]
	p = p[copy(a.Root[:], p):]
	a.Count, p = binary.BigEndian.Uint32(p), p[4:]
	a.Control, p = binary.BigEndian.Uint64(p), p[8:]
	a.Flags, p = p[0], p[1:]
	a.Time, p = int64(binary.BigEndian.Uint64(p)), p[8:]
	n := int(p[0])
	if p = p[1:]; n > MaxCustodians || len(p) != n*custodySize+64 {
		return nil, errAnchor
	}
	for range n {
		var c Custody
		p = p[copy(c.Org[:], p):]
		p = p[copy(c.Signature[:], p):]
		a.Custodians = append(a.Custodians, c)
	}
	copy(a.Signature[:], p)
	return a, a.check()
}

// check enforces the shape that needs no key: size of the batch, the first anchor's Prev, custodians named once
// and in ascending order, so that one statement has one encoding.
func (a *Anchor) check() error {
	if a.Count < MinBatch || a.Count > MaxBatch || a.Count&(a.Count-1) != 0 {
		return fmt.Errorf("anchor: batch of %d leaves is no power of two from %d to %d", a.Count, MinBatch, MaxBatch)
	}
	if (a.Seq == 0) != a.Prev.IsZero() {
		return errors.New("anchor: only the first names no predecessor")
	}
	if a.Flags&^FlagLocalOnly != 0 {
		return errors.New("anchor: unknown flag")
	}
	for i, c := range a.Custodians {
		if c.Org == a.Org {
			return errors.New("anchor: an organisation is not its own custodian")
		}
		if i > 0 && string(a.Custodians[i-1].Org[:]) >= string(c.Org[:]) {
			return errors.New("anchor: custodians are not in ascending order")
		}
	}
	return nil
}
