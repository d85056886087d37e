package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const (
	repeatablePurpose = "sijil/repeatable/1"
	// MaxRepeatable bounds what SealRepeatable seals, in bytes.
	MaxRepeatable = 1 << 10
	repeatableIV  = aes.BlockSize
)

// SealRepeatable seals a short plaintext under this key and a label such that the same input always gives the same bytes, so that what
// was sealed need not be kept: whoever has the key makes it again. It shows whether two plaintexts are the same, and nothing else.
//
// It is the SIV construction (Rogaway and Shrimpton, "Deterministic Authenticated-Encryption", Eurocrypt 2006) of HMAC-SHA-256 and
// AES-256-CTR: iv[16] ‖ CTR(iv, plaintext), iv = HMAC(u32be len(label) ‖ label ‖ plaintext)[:16].
func (k *Key) SealRepeatable(label string, plaintext []byte) ([]byte, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	if len(plaintext) > MaxRepeatable {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(plaintext), MaxRepeatable)
	}
	enc, mac := k.repeatable()
	b := append(repeatableMAC(mac, label, plaintext), plaintext...)
	ctr(enc, b[:repeatableIV], b[repeatableIV:])
	return b, nil
}

// OpenRepeatable opens what SealRepeatable gave for the same label, else it returns ErrSealed.
func (k *Key) OpenRepeatable(label string, sealed []byte) ([]byte, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	if len(sealed) < repeatableIV || len(sealed) > repeatableIV+MaxRepeatable {
		return nil, fmt.Errorf("%w: %d bytes", ErrSealed, len(sealed))
	}
	enc, mac := k.repeatable()
	plaintext := append([]byte(nil), sealed[repeatableIV:]...)
	ctr(enc, sealed[:repeatableIV], plaintext)
	if !hmac.Equal(repeatableMAC(mac, label, plaintext), sealed[:repeatableIV]) {
		return nil, fmt.Errorf("%w: it was sealed under another key or label, or altered", ErrSealed)
	}
	return plaintext, nil
}

func (k *Key) repeatable() (enc, mac []byte) {
	out := expand(k.cek[:], repeatablePurpose, 64)
	return out[:32], out[32:]
}

// repeatableMAC has room for the plaintext behind it.
func repeatableMAC(key []byte, label string, plaintext []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(label))))
	h.Write([]byte(label))
	h.Write(plaintext)
	return h.Sum(make([]byte, 0, sha256.Size+len(plaintext)))[:repeatableIV]
}

func ctr(key, iv, b []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("vault: key of a wrong size: " + err.Error()) // it is 32 bytes
	}
	cipher.NewCTR(block, iv).XORKeyStream(b, b)
}
