package verify

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// PublicKey is an Ed25519 public key.
type PublicKey [32]byte

// MarshalText writes the key as standard base64.
func (k PublicKey) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, k[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *PublicKey) UnmarshalText(text []byte) error { return decodeFixed(k[:], text, "public key") }

// Signature is an Ed25519 signature.
type Signature [64]byte

// MarshalText writes the signature as standard base64.
func (s Signature) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, s[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *Signature) UnmarshalText(text []byte) error { return decodeFixed(s[:], text, "signature") }

var zip215 = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// Verify checks an Ed25519 signature by the rules of ZIP 215. The consensus engine and the ledger's state machine use
// these same rules: were the edge cases judged differently, a block could be valid for one and not for the other.
func (k PublicKey) Verify(message []byte, s Signature) bool {
	return ed25519.VerifyWithOptions(k[:], message, s[:], zip215)
}

// expandedKey is a public key with its point already decompressed: a third less work for each signature. The zero
// expansion falls back to the plain check; the rules are the same either way.
type expandedKey struct {
	key   PublicKey
	point *ed25519.ExpandedPublicKey
}

func expand(k PublicKey) expandedKey {
	point, err := ed25519.NewExpandedPublicKey(k[:])
	if err != nil {
		point = nil // no point of the curve: no signature will pass
	}
	return expandedKey{k, point}
}

func (k *expandedKey) verify(message []byte, s Signature) bool {
	if k.point == nil {
		return k.key.Verify(message, s)
	}
	return ed25519.VerifyExpandedWithOptions(k.point, message, s[:], zip215)
}

// signed is one signature to check along with others.
type signed struct {
	key       *expandedKey
	message   []byte
	signature Signature
}

// firstWrong gives the index of the first wrong signature, or -1. All are checked at once by a random linear combination,
// which accepts what the single check accepts and errs with probability 2^-128; only when it fails are they checked singly.
func firstWrong(all []signed) int {
	if len(all) >= 4 {
		batch := ed25519.NewBatchVerifierWithCapacity(len(all))
		for i := range all {
			if a := &all[i]; a.key.point != nil {
				batch.AddExpandedWithOptions(a.key.point, a.message, a.signature[:], zip215)
			} else {
				batch.AddWithOptions(a.key.key[:], a.message, a.signature[:], zip215)
			}
		}
		if batch.VerifyBatchOnly(rand.Reader) {
			return -1
		}
	}
	for i := range all {
		if !all[i].key.verify(all[i].message, all[i].signature) {
			return i
		}
	}
	return -1
}
