package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"filippo.io/mldsa"
)

// Algorithm is the first byte of a verifier key: how a note is signed (https://c2sp.org/signed-note).
type Algorithm uint8

// The algorithms in use. AlgCosign44 is for third-party witnesses only; Sijil's own post-quantum signatures are ML-DSA-65.
const (
	AlgEd25519  Algorithm = 0x01 // a member on a checkpoint: Ed25519 over the text
	AlgCosign   Algorithm = 0x04 // a witness: cosignature/v1, Ed25519 with a timestamp
	AlgCosign44 Algorithm = 0x06 // a witness: ML-DSA-44 with a timestamp, over the tree head
	AlgMLDSA65  Algorithm = 0xff // a member on a daily checkpoint: ML-DSA-65 over the text
)

// mldsaLabel follows byte 0xff in key identifiers and verifier keys, and is the context of the signatures (FIPS 204).
const mldsaLabel = "sijil-ml-dsa-65"

var errSignature = errors.New("the signature is wrong")

// NoteKey is a public key that verifies signatures on notes. The zero value verifies nothing.
type NoteKey struct {
	name   string
	alg    Algorithm
	public []byte
	id     uint32

	curve   *expandedKey                     // nil for ML-DSA
	lattice func() (*mldsa.PublicKey, error) // expanded on first use; nil for Ed25519
}

// NewNoteKey makes a verifier key. It fails for an unknown algorithm, a key of the wrong length or an impossible name.
func NewNoteKey(name string, alg Algorithm, public []byte) (NoteKey, error) {
	if err := checkKeyName(name); err != nil {
		return NoteKey{}, err
	}
	k := NoteKey{name: name, alg: alg, public: bytes.Clone(public)}
	size := len(PublicKey{})
	switch alg {
	case AlgEd25519, AlgCosign:
	case AlgCosign44:
		size = mldsa.MLDSA44PublicKeySize
		k.lattice = sync.OnceValues(func() (*mldsa.PublicKey, error) { return mldsa.NewPublicKey(mldsa.MLDSA44(), k.public) })
	case AlgMLDSA65:
		size = mldsa.MLDSA65PublicKeySize
		k.lattice = sync.OnceValues(func() (*mldsa.PublicKey, error) { return mldsa.NewPublicKey(mldsa.MLDSA65(), k.public) })
	default:
		return NoteKey{}, fmt.Errorf("key %s: algorithm 0x%02x is unknown", name, uint8(alg))
	}
	if len(public) != size {
		return NoteKey{}, fmt.Errorf("key %s: %d bytes, algorithm 0x%02x has %d", name, len(public), uint8(alg), size)
	}
	if k.lattice == nil {
		k.curve = &expandedKey{key: PublicKey(public)}
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), k.material()...))
	k.id = binary.BigEndian.Uint32(sum[:])
	return k, nil
}

// ParseVKey reads a C2SP verifier key: name+identifier+base64.
func ParseVKey(s string) (NoteKey, error) {
	name, rest, _ := strings.Cut(s, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	material, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(material) < 1 {
		return NoteKey{}, fmt.Errorf("verifier key %q: want NAME+IDENTIFIER+BASE64", name)
	}
	public := material[1:]
	if Algorithm(material[0]) == AlgMLDSA65 {
		var ok bool
		if public, ok = bytes.CutPrefix(public, []byte(mldsaLabel)); !ok {
			return NoteKey{}, fmt.Errorf("verifier key %s: an algorithm unknown here", name)
		}
	}
	k, err := NewNoteKey(name, Algorithm(material[0]), public)
	if err != nil {
		return NoteKey{}, err
	}
	if id != hex.EncodeToString(binary.BigEndian.AppendUint32(nil, k.id)) {
		return NoteKey{}, fmt.Errorf("verifier key %s: identifier %q does not belong to the key", name, id)
	}
	return k, nil
}

// Name is the key's name in signature lines.
func (k NoteKey) Name() string { return k.name }

// ID is the first four bytes of SHA-256(name ‖ "\n" ‖ algorithm ‖ public key).
func (k NoteKey) ID() uint32 { return k.id }

// Algorithm tells how the key signs.
func (k NoteKey) Algorithm() Algorithm { return k.alg }

// String gives the verifier key in the form ParseVKey reads.
func (k NoteKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.id, base64.StdEncoding.EncodeToString(k.material()))
}

// material is the algorithm byte, its label if it has one, and the public key.
func (k NoteKey) material() []byte {
	b := []byte{byte(k.alg)}
	if k.alg == AlgMLDSA65 {
		b = append(b, mldsaLabel...)
	}
	return append(b, k.public...)
}

// message gives what the key signs for this text, the bare signature and the time in it, if it has one.
func (k *NoteKey) message(text string, signature []byte) (message, bare []byte, at int64, err error) {
	switch k.alg {
	case AlgEd25519, AlgMLDSA65:
		return []byte(text), signature, 0, nil
	case AlgCosign, AlgCosign44:
	default:
		return nil, nil, 0, errSignature
	}
	if at, bare, err = splitCosignature(signature); err != nil {
		return nil, nil, 0, err
	}
	if k.alg == AlgCosign {
		return cosignedText(text, at), bare, at, nil
	}
	message, err = cosignedHead(k.name, text, at)
	return message, bare, at, err
}

// verify checks one signature on text.
func (k *NoteKey) verify(text string, signature []byte) error {
	message, bare, _, err := k.message(text, signature)
	if err != nil {
		return err
	}
	if k.lattice != nil {
		return k.verifyLattice(message, bare)
	}
	if len(bare) != len(Signature{}) || !k.curve.verify(message, Signature(bare)) {
		return errSignature
	}
	return nil
}

func (k *NoteKey) verifyLattice(message, signature []byte) error {
	public, err := k.lattice()
	if err != nil {
		return err
	}
	var opt mldsa.Options
	if k.alg == AlgMLDSA65 {
		opt.Context = mldsaLabel
	}
	if mldsa.Verify(public, message, signature, &opt) != nil {
		return errSignature
	}
	return nil
}
