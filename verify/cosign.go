package verify

import (
	"crypto"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"filippo.io/mldsa"
)

// splitCosignature reads timestamped_signature of https://c2sp.org/tlog-cosignature.
func splitCosignature(b []byte) (at int64, signature []byte, err error) {
	if len(b) < 8 {
		return 0, nil, errSignature
	}
	seconds := binary.BigEndian.Uint64(b)
	if seconds > math.MaxInt64 {
		return 0, nil, errors.New("the cosignature's time is out of range")
	}
	return int64(seconds), b[8:], nil
}

// cosignedText is what an Ed25519 witness signs.
func cosignedText(text string, at int64) []byte {
	return []byte("cosignature/v1\ntime " + strconv.FormatInt(at, 10) + "\n" + text)
}

// cosignedHead is what an ML-DSA-44 witness signs: the head of the tree, without the checkpoint's extension lines.
func cosignedHead(name, text string, at int64) ([]byte, error) {
	h, _, err := parseHead(text)
	if err != nil {
		return nil, err
	}
	if len(name) > 255 || len(h.Origin) > 255 {
		return nil, errors.New("the name of the witness or of the log is too long")
	}
	b := append([]byte("subtree/v1\n\x00"), byte(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = append(b, byte(len(h.Origin)))
	b = append(b, h.Origin...)
	b = binary.BigEndian.AppendUint64(b, 0)
	b = binary.BigEndian.AppendUint64(b, h.Size)
	return append(b, h.Root[:]...), nil
}

// NoteSigner makes signatures on notes. The private key stays behind crypto.Signer, in memory or in a device.
type NoteSigner struct {
	key    NoteKey
	signer crypto.Signer
}

// MemberSigner signs checkpoints for a member with its Ed25519 signing key.
func MemberSigner(chain string, org OrgID, key crypto.Signer) (*NoteSigner, error) {
	return newNoteSigner(MemberKeyName(chain, org), AlgEd25519, key)
}

// PostQuantumSigner signs daily checkpoints for a member with its ML-DSA-65 key, an *mldsa.PrivateKey or what stands for it.
func PostQuantumSigner(chain string, org OrgID, key crypto.Signer) (*NoteSigner, error) {
	return newNoteSigner(MemberKeyName(chain, org), AlgMLDSA65, key)
}

// WitnessSigner cosigns checkpoints under the witness's own name, e.g. "witness.example.edu/sijil".
func WitnessSigner(name string, key crypto.Signer) (*NoteSigner, error) {
	return newNoteSigner(name, AlgCosign, key)
}

func newNoteSigner(name string, alg Algorithm, signer crypto.Signer) (*NoteSigner, error) {
	var public []byte
	switch p := signer.Public().(type) {
	case ed25519.PublicKey:
		public = p
	case *mldsa.PublicKey:
		public = p.Bytes()
	default:
		return nil, fmt.Errorf("key %s: a key of type %T signs no checkpoint", name, p)
	}
	key, err := NewNoteKey(name, alg, public)
	if err != nil {
		return nil, err
	}
	return &NoteSigner{key: key, signer: signer}, nil
}

// Key gives the public half, whose String is the verifier key that goes into trust files.
func (s *NoteSigner) Key() NoteKey { return s.key }

// Sign signs a note's text. Only a witness uses the time. The signature is checked before it is given away.
func (s *NoteSigner) Sign(text string, at time.Time) (NoteSignature, error) {
	if !strings.HasSuffix(text, "\n") || !plain(text) {
		return NoteSignature{}, fmt.Errorf("%w: a text ends in a newline and holds no control characters", ErrNote)
	}
	var (
		message = []byte(text)
		prefix  []byte
		opt     crypto.SignerOpts = crypto.Hash(0)
	)
	switch s.key.alg {
	case AlgMLDSA65:
		opt = &mldsa.Options{Context: mldsaLabel}
	case AlgCosign:
		seconds := at.Unix()
		if seconds <= 0 {
			return NoteSignature{}, errors.New("cosignature: a witness says when it signed")
		}
		message, prefix = cosignedText(text, seconds), binary.BigEndian.AppendUint64(nil, uint64(seconds))
	}
	raw, err := s.signer.Sign(nil, message, opt)
	if err != nil {
		return NoteSignature{}, fmt.Errorf("sign as %s: %w", s.key.name, err)
	}
	out := NoteSignature{Name: s.key.name, ID: s.key.id, Signature: append(prefix, raw...)}
	if err := s.key.verify(text, out.Signature); err != nil {
		return NoteSignature{}, fmt.Errorf("sign as %s: the key does not answer to its public half: %w", s.key.name, err)
	}
	return out, nil
}

// SignCheckpoint makes a note of the checkpoint with the signatures of members.
func SignCheckpoint(c *Checkpoint, members ...*NoteSigner) (*Note, error) {
	n := &Note{Text: c.Text()}
	for _, m := range members {
		s, err := m.Sign(n.Text, time.Time{})
		if err != nil {
			return nil, err
		}
		n.Add(s)
	}
	return n, nil
}

// Cosign gives a witness's signature on a checkpoint. The witness must have checked before, by CheckConsistency, that the
// log only grew since the last checkpoint it cosigned: that, and nothing else, is what its signature says.
func Cosign(n *Note, witness *NoteSigner, at time.Time) (NoteSignature, error) {
	if witness.key.alg != AlgCosign {
		return NoteSignature{}, fmt.Errorf("%s is no witness's key", witness.key.name)
	}
	if _, _, err := parseHead(n.Text); err != nil {
		return NoteSignature{}, err
	}
	return witness.Sign(n.Text, at)
}
