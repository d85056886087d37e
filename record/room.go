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

// WithRoom makes Read, Search, History and AuditEvents ask for room before they open any content, once for all that they are about to open, in
// bytes. take may wait. Its error is what the method returns, having released nothing.
func WithRoom(ctx context.Context, take func(n int64) error) context.Context {
	return context.WithValue(ctx, roomKey{}, take)
}

func takeRoom(ctx context.Context, n int64) error {
	if take, ok := ctx.Value(roomKey{}).(func(int64) error); ok {
		return take(n)
	}
	return nil
}

// room asks for the room that the content of one page takes, and gives as much of what was found as goes on it.
func (s *Store) room(ctx context.Context, found []match) ([]match, error) {
	if ctx.Value(roomKey{}) == nil {
		return found, nil
	}
	size := int64(0)
	for i := range found {
		if size >= maxPage {
			found = found[:i]
			break
		}
		if v := &found[i].version; !v.Deleted {
			size += s.sizeOf(ctx, v)
		}
	}
	if size == 0 {
		return found, nil
	}
	return found, takeRoom(ctx, size)
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
