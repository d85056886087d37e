package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/verify"
)

// open brings a version into the clear: fetched, checked against its hash, repaired if need be, decrypted.
func (s *Store) open(ctx context.Context, typ, id string, v *index.Version) (*Version, error) {
	out := outline(typ, id, v)
	if v.Deleted {
		return out, nil
	}
	c, err := s.content(ctx, typ, id, v)
	if err != nil {
		return nil, err
	}
	if out.Body, err = c.served(); err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", v.Entry, ErrDamaged, err)
	}
	out.Source = c.source
	return out, nil
}

// outline is a version without its content.
func outline(typ, id string, v *index.Version) *Version {
	return &Version{Type: typ, ID: id, Version: v.Number, Updated: time.UnixMilli(v.Time).UTC(), Op: opOf(v), Chart: v.Chart}
}

func opOf(v *index.Version) Op {
	switch {
	case v.Deleted:
		return OpDelete
	case v.Created:
		return OpCreate
	}
	return OpUpdate
}

func (s *Store) content(ctx context.Context, typ, id string, v *index.Version) (*content, error) {
	key, _, _, ok := s.vault.Slot(v.Slot)
	if !ok {
		if err := s.noKey(v.Slot, nil); err != nil {
			return nil, fmt.Errorf("entry %d: %w: %w", v.Entry, ErrDamaged, err)
		}
		return nil, fmt.Errorf("entry %d: its key was erased: %w", v.Entry, ErrGone)
	}
	blob, err := s.ciphertext(ctx, typ, id, v)
	if err != nil {
		return nil, err
	}
	plain, err := key.OpenBlob(s.blobAAD(typ, id, v.Number), blob)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", v.Entry, ErrDamaged, err)
	}
	c, err := decodeContent(plain)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", v.Entry, ErrDamaged, err)
	}
	return c, nil
}

var errOther = errors.New("other bytes are in its place")

// ciphertext gives the bytes that hash to v.Blob, from memory, the journal, the blob store or a custodian.
func (s *Store) ciphertext(ctx context.Context, typ, id string, v *index.Version) ([]byte, error) {
	if p := s.overlay.entry(v.Entry); p != nil && p.blob != nil {
		return p.blob, nil
	}
	if v.Place.Length == 0 { // it may have been in memory when it was looked up; then the index knows by now where it lies
		if now, err := s.Index.Version(typ, id, v.Number); err == nil && now.Is(v.Blob) {
			v = &now
		}
	}
	blob, err := s.stored(ctx, v)
	if err == nil && v.Is(sha256.Sum256(blob)) {
		return blob, nil
	}
	if err == nil {
		err = errOther
	}
	s.Log.Error("stored content is damaged", "entry", v.Entry, "ciphertext", brief(v.Blob), "error", err)
	if s.Heal == nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	blob, healErr := s.Heal(ctx, *v)
	if healErr == nil && !v.Is(sha256.Sum256(blob)) {
		healErr = errOther
	}
	if healErr != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, errors.Join(err, healErr))
	}
	s.Log.Warn("stored content was repaired from a custodian", "entry", v.Entry, "ciphertext", brief(v.Blob))
	s.reread()
	s.note(ctx, v.Chart, fmt.Sprintf("repaired %s/%s version %d from a custodian", typ, id, v.Number))
	return blob, nil
}

// brief names a ciphertext in logs, where ids of resources must not stand: they name patients.
func brief(h verify.Hash) string { return hex.EncodeToString(h[:8]) }

func (s *Store) stored(ctx context.Context, v *index.Version) ([]byte, error) {
	if v.Place.Length == 0 {
		return s.Blobs.Get(ctx, v.Blob)
	}
	return s.Journal.ReadRaw(v.Place.Segment, v.Place.Offset, int(v.Place.Length))
}
