package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

const gcmOverhead = 12 + 16 // nonce before, tag after

// newKey draws a random 256-bit key.
func newKey() (k [32]byte) {
	rand.Read(k[:]) // never fails: see crypto/rand.Read
	return k
}

// newGCM gives AES-256-GCM with random nonces (SP 800-38D, section 8.2.2), the only form that FIPS mode admits.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("vault: key of a wrong size: " + err.Error()) // every caller passes 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("vault: AES-GCM: " + err.Error())
	}
	return aead
}

// expand is HKDF-Expand with SHA-256 (RFC 5869, section 2.3) over a uniformly random key.
func expand(key []byte, info string, n int) []byte {
	out, err := hkdf.Expand(sha256.New, key, info, n)
	if err != nil {
		panic("vault: HKDF: " + err.Error()) // only for n over 8160
	}
	return out
}

// expandCommitted derives an AES-256 key together with the value that commits to it. Two inputs with the same commitment
// would be a collision of HMAC-SHA-256, so whoever has compared the commitment knows that no other key was meant.
func expandCommitted(key []byte, info string) (enc, commitment []byte) {
	out := expand(key, info, 64)
	return out[:32:32], out[32:]
}

// padme gives the size to which n bytes are padded: PADMÉ (Nikitin et al., "Reducing Metadata Leakage from Encrypted
// Files", PoPETs 2019, section 4). It costs at most 12 % and tells only O(log log n) bits of the size.
func padme(n int) int {
	if n < 2 {
		return n
	}
	e := bits.Len(uint(n)) - 1
	mask := 1<<(e-bits.Len(uint(e))) - 1
	return (n + mask) &^ mask
}

// lengthSize is what the length before a padded plaintext takes.
const lengthSize = 4

// putPadded writes u32be length ‖ plaintext into p and zeros the rest.
func putPadded(p, plaintext []byte) {
	binary.BigEndian.PutUint32(p, uint32(len(plaintext)))
	n := lengthSize + copy(p[lengthSize:], plaintext)
	clear(p[n:])
}

// unpad undoes putPadded. It takes nothing but what was padded to the size that the rule gives, with zeros: one content
// has one form.
func unpad(p []byte, rule func(int) int) ([]byte, bool) {
	if len(p) < lengthSize {
		return nil, false
	}
	n := int64(binary.BigEndian.Uint32(p))
	if n > int64(len(p)-lengthSize) || rule(int(n)+lengthSize) != len(p) {
		return nil, false
	}
	end := lengthSize + int(n)
	for _, b := range p[end:] {
		if b != 0 {
			return nil, false
		}
	}
	return p[lengthSize:end:end], true
}
