package backup

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// A sealed object is magic[8] ‖ key commitment[32] ‖ nonce[12] ‖ AES-256-GCM ciphertext and tag; the name is the associated data.
const (
	sealMagic = "sijilbk1"
	sealHead  = len(sealMagic) + 32
	overhead  = sealHead + 12 + 16

	keySize = 32
	// MasterSize is the length of a master key in bytes.
	MasterSize = keySize
)

// master is what the master key expands to.
type master struct {
	piece, name, epochs []byte
	id                  string // check value: tells which key backups belong to without telling anything of it
}

func expandMaster(key []byte) (*master, error) {
	if len(key) != MasterSize {
		return nil, fmt.Errorf("backup: a master key of %d bytes, want %d", len(key), MasterSize)
	}
	return &master{
		piece:  expand(key, "sijil/backup/piece/1", keySize),
		name:   expand(key, "sijil/backup/name/1", keySize),
		epochs: expand(key, "sijil/backup/epochs/1", keySize),
		id:     hex.EncodeToString(expand(key, "sijil/backup/id/1", 16)),
	}, nil
}

// expand is HKDF-Expand with SHA-256 (RFC 5869, section 2.3); all keys here are uniformly random, so that nothing is to be extracted.
func expand(key []byte, info string, size int) []byte {
	out, err := hkdf.Expand(sha256.New, key, info, size)
	if err != nil {
		panic("backup: HKDF: " + err.Error()) // only for sizes beyond 8160 bytes
	}
	return out
}

// object names the piece with a content.
func (m *master) object(content verify.Hash) string {
	return "objects/" + shelf(m.name, content)
}

// shelf gives ab/abcd…, from a keyed hash: the place cannot tell whether somebody has a file that it knows.
func shelf(key []byte, content verify.Hash) string {
	h := hmac.New(sha256.New, key)
	h.Write(content[:])
	name := hex.EncodeToString(h.Sum(nil))
	return name[:2] + "/" + name
}

func objectKey(key []byte, name string) (aead cipher.AEAD, commitment []byte) {
	k := expand(key, "sijil/backup/object/1\x00"+name, 64)
	block, err := aes.NewCipher(k[:32])
	if err == nil {
		aead, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		panic("backup: AES: " + err.Error()) // never for a key of 32 bytes
	}
	return aead, k[32:]
}

func seal(key []byte, name string, plain []byte) []byte {
	aead, commitment := objectKey(key, name)
	b := make([]byte, 0, overhead+len(plain))
	b = append(append(b, sealMagic...), commitment...)
	return aead.Seal(b, nil, plain, []byte(name))
}

var (
	errForeign = errors.New("it was sealed under another key, or for another place")
	errAltered = errors.New("its bytes were altered")
)

func unseal(key []byte, name string, sealed []byte) ([]byte, error) {
	if len(sealed) < overhead || string(sealed[:len(sealMagic)]) != sealMagic {
		return nil, errors.New("it is cut off, or no object of a backup")
	}
	aead, commitment := objectKey(key, name)
	if !bytes.Equal(sealed[len(sealMagic):sealHead], commitment) {
		return nil, errForeign
	}
	plain, err := aead.Open(nil, nil, sealed[sealHead:], []byte(name))
	if err != nil {
		return nil, errAltered
	}
	return plain, nil
}

func newKey() []byte {
	k := make([]byte, keySize)
	rand.Read(k) // never fails
	return k
}
