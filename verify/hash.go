package verify

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// Hash is a SHA-256 digest.
type Hash [32]byte

// String gives the digest in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero tells whether h is the all-zero value that stands for "none".
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes the digest as standard base64, the form every JSON document of the specification uses.
func (h Hash) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, h[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error { return decodeFixed(h[:], text, "hash") }

// Tag names an entry to those who hold its chart's key, and to nobody else: tag_i = HMAC-SHA-256(K_tag, i)[:16].
type Tag [16]byte

// MarshalText writes the tag as standard base64.
func (t Tag) MarshalText() ([]byte, error) { return base64.StdEncoding.AppendEncode(nil, t[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *Tag) UnmarshalText(text []byte) error { return decodeFixed(t[:], text, "tag") }

// OrgID names an organisation: the first eight bytes of SHA-256 over its Ed25519 signing key of the day it joined.
// It stays the same when the key is rotated.
type OrgID [8]byte

// String gives the identifier in hexadecimal.
func (o OrgID) String() string { return hex.EncodeToString(o[:]) }

// MarshalText writes the identifier in hexadecimal: it is read aloud and typed by people.
func (o OrgID) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (o *OrgID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(o) {
		return fmt.Errorf("organisation %q: want %d hexadecimal digits", text, 2*len(o))
	}
	copy(o[:], b)
	return nil
}

// OrgOf derives the identifier of an organisation from its first signing key.
func OrgOf(key PublicKey) OrgID {
	sum := sha256.Sum256(key[:])
	return OrgID(sum[:8])
}

func decodeFixed(dst, text []byte, what string) error {
	if len(text) != base64.StdEncoding.EncodedLen(len(dst)) {
		return fmt.Errorf("%s: %d characters of base64, want %d", what, len(text), base64.StdEncoding.EncodedLen(len(dst)))
	}
	b, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if copy(dst, b) != len(dst) {
		return fmt.Errorf("%s: %d bytes, want %d", what, len(b), len(dst))
	}
	return nil
}
