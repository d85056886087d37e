package vault

import (
	"bytes"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Escrow lets an organisation that lost its disk, or its root key, have its keys back. Custodians hold copies of the
// pages, sealed as they are on disk, and one more page: the top secret, sealed to the organisation's escrow key. So an
// erasure reaches the custodians by replacing that one page, and what they should have dropped but kept opens with
// nothing but an older top secret that they should have dropped too. Custodians see numbers and editions of pages,
// nothing else.

// TopLevel is the Level of the page that holds the top secret; its Number is 0.
const TopLevel = rootLevel + 1

const topLevel = TopLevel

const (
	escrowMagic   = "SjEs"
	escrowVersion = 1
	escrowHeader  = 4 + 1 + 3*2 + 16 + 8 + 8
	escrowPurpose = "sijil/vault/escrow/1"
)

// SealedPage is one page of the key store for custodians. Of the pages with one Level and Number a custodian keeps the
// highest Edition and destroys the others, all of one EscrowPages call at once.
type SealedPage struct {
	Level   uint8  `json:"level" cbor:"1,keyasint"`
	Number  uint64 `json:"number" cbor:"2,keyasint"`
	Edition uint64 `json:"edition" cbor:"3,keyasint"`
	Bytes   []byte `json:"bytes" cbor:"4,keyasint"` // at most 4096
}

// Top tells whether the page holds the top secret: the one page without which no other opens.
func (p *SealedPage) Top() bool { return p.Level == topLevel }

// The suite of RFC 9180 with the hybrid KEM of draft-ietf-hpke-pq: secure while either ML-KEM-768 or P-256 is.
func escrowSuite() (hpke.KEM, hpke.KDF, hpke.AEAD) {
	return hpke.MLKEM768P256(), hpke.HKDFSHA256(), hpke.AES256GCM()
}

// NewEscrowKey makes an escrow key pair (HPKE MLKEM768-P256, serialised as RFC 9180 says). The public key goes into
// Options.Escrow. The private key must not stay on the node: whoever has it and the custodians' pages has all keys.
func NewEscrowKey() (public, private []byte) {
	kem, _, _ := escrowSuite()
	key, err := kem.GenerateKey()
	if err == nil {
		private, err = key.Bytes()
	}
	if err != nil {
		panic("vault: HPKE key: " + err.Error()) // only without randomness
	}
	return key.PublicKey().Bytes(), private
}

// escrowHead is the beginning of the page with the top secret, and what its sealing is bound to: magic[4] ‖ version[1]
// ‖ u16be KEM ‖ u16be KDF ‖ u16be AEAD ‖ vault[16] ‖ u64be epoch ‖ u64be edition.
func escrowHead(vault [16]byte, epoch, edition uint64) []byte {
	kem, kdf, aead := escrowSuite()
	b := append([]byte(escrowMagic), escrowVersion)
	b = binary.BigEndian.AppendUint16(b, kem.ID())
	b = binary.BigEndian.AppendUint16(b, kdf.ID())
	b = binary.BigEndian.AppendUint16(b, aead.ID())
	b = append(b, vault[:]...)
	b = binary.BigEndian.AppendUint64(b, epoch)
	return binary.BigEndian.AppendUint64(b, edition)
}

// EscrowPages gives the pages that changed after edition since (0 for all), for custodians, in order of edition, and the
// edition to ask from next time. The pages of one call belong together: a custodian takes them all or none, durably,
// before it drops what they replace. Where there are more than most (at most MaxEscrowSet), the call gives that many and
// is to be repeated; until one gives fewer, what the custodian has may be no whole tree.
func (v *Vault) EscrowPages(since uint64, most int) (pages []SealedPage, next uint64, err error) {
	if len(v.escrow) == 0 {
		return nil, since, ErrNoEscrow
	}
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return nil, since, ErrClosed
	}
	if v.store.behind != nil { // what custodians hold is newer
		return nil, since, v.store.behind
	}
	most = min(max(most, 1), MaxEscrowSet)
	heads := v.changed(since, most)
	if next = max(since, v.edition); len(heads) == most {
		next = heads[most-1].edition
	}
	for _, h := range heads {
		page, err := v.escrowPage(h)
		if err != nil {
			return nil, since, err
		}
		pages = append(pages, page)
	}
	return pages, next, nil
}

// EscrowEdition gives the edition of the page that changed last: while it stays the same, so do EscrowPages and EscrowEditions.
func (v *Vault) EscrowEdition() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.edition
}

// EscrowEditions lists all pages without their bytes, in order of edition, for comparing with what a custodian says it holds. It
// seals nothing, and no change that is being written keeps it waiting.
func (v *Vault) EscrowEditions() []SealedPage {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed || v.store.behind != nil {
		return nil
	}
	heads := v.changed(0, math.MaxInt)
	pages := make([]SealedPage, len(heads))
	for i, h := range heads {
		pages[i] = SealedPage{Level: h.id.level, Number: uint64(h.id.number), Edition: h.edition}
	}
	return pages
}

// escrowPage seals one page as it is. The caller holds write.
func (v *Vault) escrowPage(h pageHead) (s SealedPage, err error) {
	s = SealedPage{Level: h.id.level, Number: uint64(h.id.number), Edition: h.edition}
	if s.Top() {
		s.Bytes, err = v.sealTopToEscrow()
		return s, err
	}
	key, _ := v.tree.key(h.id)
	s.Bytes = sealPage(&key, &v.id, h, v.plan().body(h.id)) // a plan of no change gives the pages as they are
	return s, nil
}

func (v *Vault) sealTopToEscrow() ([]byte, error) {
	kem, kdf, aead := escrowSuite()
	public, err := kem.NewPublicKey(v.escrow)
	if err != nil {
		return nil, fmt.Errorf("escrow key in the configuration: %w", err)
	}
	head := escrowHead(v.id, v.epoch, v.topEdition)
	sealed, err := hpke.Seal(public, kdf, aead, append([]byte(escrowPurpose), head...), v.tree.top[:])
	if err != nil {
		return nil, fmt.Errorf("seal the top secret to the escrow key: %w", err)
	}
	return append(head, sealed...), nil
}

// openTopFromEscrow opens the page with the top secret.
func openTopFromEscrow(private hpke.PrivateKey, b []byte) (r topRecord, secret [32]byte, err error) {
	if len(b) < escrowHeader || len(b) > pageSize {
		return r, secret, errors.New("not a page of escrow")
	}
	head := b[:escrowHeader]
	at := escrowHeader - 16 - 16
	r.vault = [16]byte(head[at:])
	r.epoch, r.edition = binary.BigEndian.Uint64(head[at+16:]), binary.BigEndian.Uint64(head[at+24:])
	if !bytes.Equal(head, escrowHead(r.vault, r.epoch, r.edition)) {
		return r, secret, errors.New("a page of escrow of an unknown version or suite")
	}
	_, kdf, aead := escrowSuite()
	p, err := hpke.Open(private, kdf, aead, append([]byte(escrowPurpose), head...), b[escrowHeader:])
	if err != nil || len(p) != len(secret) {
		return r, secret, errors.New("the top secret does not open with this escrow key")
	}
	return r, [32]byte(p), nil
}
