package record

import (
	"context"

	"github.com/sijil-health/sijil/index"
)

// maxPage is how many bytes of content end a page: what is opened last may go beyond it. However many resources are asked for, and however
// large they are, an answer fits into memory.
const maxPage = 8 << 20

// shownEntry is about what an entry takes as an AuditEvent, in bytes.
const shownEntry = 2 << 10

type roomKey struct{}

// WithRoom makes Read, Search, History and AuditEvents ask for room before they open any content: for n bytes at a time. more says that something was opened
// for the page already; then a refusal ends the page there, with a Next, and must come at once: who holds room must not wait for room. Otherwise
// it is the error that the method returns, having released nothing.
func WithRoom(ctx context.Context, take func(n int64, more bool) error) context.Context {
	return context.WithValue(ctx, roomKey{}, take)
}

// room asks for the room that the content of a version takes.
func (s *Store) room(ctx context.Context, v *index.Version, more bool) error {
	if ctx.Value(roomKey{}) == nil || v.Deleted {
		return nil
	}
	return takeRoom(ctx, s.sizeOf(ctx, v), more)
}

func takeRoom(ctx context.Context, n int64, more bool) error {
	if take, ok := ctx.Value(roomKey{}).(func(int64, bool) error); ok {
		return take(n, more)
	}
	return nil
}

// sizeOf is the length of a version's ciphertext, a little more than its content has. What cannot be told will not be opened either, or comes
// from a custodian, one at a time.
func (s *Store) sizeOf(ctx context.Context, v *index.Version) int64 {
	if p := s.overlay.entry(v.Entry); p != nil && p.blob != nil {
		return int64(len(p.blob))
	}
	if v.Place.Length > 0 {
		return int64(v.Place.Length)
	}
	n, err := s.Blobs.Size(ctx, v.Blob)
	if err != nil {
		return 0
	}
	return n
}
