package journal

import (
	"errors"
	"sync"
)

// maxHandles bounds the segment files that are kept open for reading.
const maxHandles = 16

// handles keeps segment files open that ciphertexts are read from: opening one costs more than the read.
type handles struct {
	mu   sync.RWMutex // held for reading while a file is read, for writing while one is opened or closed
	open map[uint32]file
}

// readAt fills b from a place in a segment.
func (h *handles) readAt(d disk, dir string, segment uint32, b []byte, offset int64) error {
	h.mu.RLock()
	if f := h.open[segment]; f != nil {
		defer h.mu.RUnlock()
		_, err := f.ReadAt(b, offset)
		return err
	}
	h.mu.RUnlock()

	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.open[segment]
	if f == nil {
		var err error
		if f, err = openSegment(d, dir, segment); err != nil {
			return err
		}
		for other := range h.open {
			if len(h.open) < maxHandles {
				break
			}
			_ = h.open[other].Close() // it was only read
			delete(h.open, other)
		}
		if h.open == nil {
			h.open = make(map[uint32]file)
		}
		h.open[segment] = f
	}
	_, err := f.ReadAt(b, offset)
	return err
}

// drop closes a segment's file, because another takes its place.
func (h *handles) drop(segment uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.open[segment]; f != nil {
		_ = f.Close() // it was only read
		delete(h.open, segment)
	}
}

func (h *handles) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, f := range h.open {
		errs = append(errs, f.Close())
	}
	h.open = nil
	return errors.Join(errs...)
}
