package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/sijil-health/sijil/verify"
)

// Snapshot is a complete backup, opened.
type Snapshot struct {
	*Manifest
	place place
	month []byte
}

// Latest opens the newest complete backup at a place, with the master key and the organisation's public key from the recovery kit.
// Errors: ErrNone, ErrKit, *DamageError.
func Latest(ctx context.Context, s Store, masterKey []byte, public verify.PublicKey) (*Snapshot, error) {
	keys, err := expandMaster(masterKey)
	if err != nil {
		return nil, err
	}
	p := place{s, keys, public}
	m, month, err := p.latest(ctx)
	if err != nil {
		return nil, err
	}
	return &Snapshot{Manifest: m, place: p, month: month}, nil
}

// Copy writes a file to w, piece by piece, each checked before it is written. Errors: *DamageError, w's.
func (s *Snapshot) Copy(ctx context.Context, f *File, w io.Writer) error {
	whole := sha256.New()
	for i, h := range f.pieces() {
		name := s.place.keys.object(h)
		b, err := s.open(ctx, s.place.keys.piece, name, f.Path, h, f.size(i))
		if err != nil {
			return err
		}
		whole.Write(b)
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("restore %s: %w", f.Path, err)
		}
	}
	if verify.Hash(whole.Sum(nil)) != f.Hash {
		return &DamageError{Object: manifestName(s.Month, s.Number), Of: f.Path, Reason: "its pieces do not make up the file"}
	}
	return nil
}

// Open gives the content of a secret. Errors: *DamageError.
func (s *Snapshot) Open(ctx context.Context, secret *Secret) ([]byte, error) {
	return s.open(ctx, s.month, secret.Object, secret.Name, secret.Hash, secret.Size)
}

func (s *Snapshot) open(ctx context.Context, key []byte, name, of string, h verify.Hash, size int64) ([]byte, error) {
	sealed, err := s.place.Get(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil, &DamageError{Object: name, Of: of, Reason: "it is missing"}
	}
	if err != nil {
		return nil, err
	}
	b, err := unseal(key, name, sealed)
	switch {
	case err != nil:
		return nil, &DamageError{Object: name, Of: of, Reason: err.Error()}
	case int64(len(b)) != size || sha256.Sum256(b) != h:
		return nil, &DamageError{Object: name, Of: of, Reason: "it is not what the manifest says"}
	}
	return b, nil
}
