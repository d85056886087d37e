package vault

import (
	"bytes"
	"crypto/subtle"
	"fmt"
)

// Layout of a sealed blob:
//
//	magic[4] ‖ suite[1] ‖ key commitment[32] ‖ wrapped DEK[60] ‖ nonce[12] ‖ ciphertext ‖ tag[16]
//
// The wrapped DEK stays out of the content's associated data, so that it can be wrapped anew under another CEK without
// sealing the content again; the commitment, which both cover, ties the two together.
const (
	blobMagic   = "SjBl"
	suiteGCM    = 1 // AES-256-GCM, HKDF-SHA-256, commitment by HKDF
	commitSize  = 32
	wrappedSize = 32 + gcmOverhead
	blobCommit  = len(blobMagic) + 1
	blobWrapped = blobCommit + commitSize
	blobHeader  = blobWrapped + wrappedSize

	contentPurpose = "sijil/content/1"
	dekPurpose     = "sijil/dek/1"
)

// padContent gives the size to which a blob's content is padded: 256 bytes at least, PADMÉ above.
func padContent(n int) int { return max(256, padme(n)) }

// blobAAD joins the purpose, the fixed part of the header and what the caller binds.
func blobAAD(purpose string, fixed, aad []byte) []byte {
	b := make([]byte, 0, len(purpose)+len(fixed)+len(aad))
	return append(append(append(b, purpose...), fixed...), aad...)
}

// SealBlob seals one version of a resource under a random key of its own (L2), which it wraps under this key in the
// header. The associated data, at most MaxAAD bytes, should name what the blob is (resource, version): it does not open
// as anything else. The blob takes at most MaxBlob bytes.
func (k *Key) SealBlob(aad, plaintext []byte) ([]byte, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	if len(plaintext) > MaxBlob || len(aad) > MaxAAD {
		return nil, fmt.Errorf("%w: content of %d bytes with %d bytes of associated data", ErrLimit, len(plaintext), len(aad))
	}
	size := padContent(lengthSize + len(plaintext))
	total := blobHeader + size + gcmOverhead
	if total > MaxBlob {
		return nil, fmt.Errorf("%w: content of %d bytes makes a blob of %d, at most %d", ErrLimit, len(plaintext), total, MaxBlob)
	}
	dek := newKey()
	enc, commit := expandCommitted(dek[:], contentPurpose)
	b := make([]byte, blobHeader+size, total)
	copy(b, blobMagic)
	b[len(blobMagic)] = suiteGCM
	copy(b[blobCommit:], commit)
	fixed := b[:blobWrapped:blobWrapped]
	k.keys().wrap.Seal(b[:blobWrapped], nil, dek[:], blobAAD(dekPurpose, fixed, nil))
	putPadded(b[blobHeader:], plaintext)
	return newGCM(enc).Seal(b[:blobHeader], nil, b[blobHeader:], blobAAD(contentPurpose, fixed, aad)), nil
}

// OpenBlob opens what SealBlob gave for the same associated data, else it returns ErrSealed. The key commitment is
// compared before anything is decrypted with the key.
func (k *Key) OpenBlob(aad, blob []byte) ([]byte, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	if len(blob) > MaxBlob || len(aad) > MaxAAD {
		return nil, fmt.Errorf("%w: blob of %d bytes with %d bytes of associated data", ErrLimit, len(blob), len(aad))
	}
	if len(blob) < blobHeader+gcmOverhead || !bytes.HasPrefix(blob, []byte(blobMagic)) || blob[len(blobMagic)] != suiteGCM {
		return nil, fmt.Errorf("%w: not a blob of a known suite", ErrSealed)
	}
	fixed := blob[:blobWrapped]
	dek, err := k.keys().wrap.Open(nil, nil, blob[blobWrapped:blobHeader], blobAAD(dekPurpose, fixed, nil))
	if err != nil {
		return nil, ErrSealed
	}
	enc, commit := expandCommitted(dek, contentPurpose)
	if subtle.ConstantTimeCompare(commit, blob[blobCommit:blobWrapped]) != 1 {
		return nil, ErrSealed
	}
	p, err := newGCM(enc).Open(nil, nil, blob[blobHeader:], blobAAD(contentPurpose, fixed, aad))
	if err != nil {
		return nil, ErrSealed
	}
	plaintext, ok := unpad(p, padContent)
	if !ok {
		return nil, ErrSealed
	}
	return plaintext, nil
}
