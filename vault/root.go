package vault

import (
	"context"
	"crypto/cipher"
	"fmt"
)

// RootKey is the key above all others (L0). It wraps one secret of 32 bytes and is asked for it once at start and at
// each erasure, so that a hardware module or a remote service of a hundred operations a second is fast enough.
//
// Unwrap must fail for bytes that Wrap did not make with the same aad. What Wrap returns takes at most 2 KiB.
type RootKey interface {
	// Name tells a person which key it is, in at most MaxName bytes, e.g. "passphrase" or "pkcs11:sijil-root". It is
	// kept beside the wrapped secret to say what is missing when another key is given.
	Name() string
	Wrap(ctx context.Context, secret, aad []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error)
}

// keyRoot is a root key held in memory.
type keyRoot struct {
	name string
	aead cipher.AEAD
}

var _ RootKey = (*keyRoot)(nil)

// NewKeyRoot makes a root key of 32 random bytes that the platform keeps: a credential of the service manager, a secret
// unsealed by a TPM. The vault stores them nowhere.
func NewKeyRoot(name string, key []byte) (RootKey, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("vault: root key of %d bytes, want 32", len(key))
	}
	return &keyRoot{name: name, aead: newGCM(key)}, nil
}

func (r *keyRoot) Name() string { return r.name }

func (r *keyRoot) Wrap(ctx context.Context, secret, aad []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.aead.Seal(nil, nil, secret, aad), nil
}

func (r *keyRoot) Unwrap(ctx context.Context, wrapped, aad []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	secret, err := r.aead.Open(nil, nil, wrapped, aad)
	if err != nil {
		return nil, ErrSealed
	}
	return secret, nil
}
