package verify

import (
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
