package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/sijil-health/sijil/verify"
)

// maxSegment bounds the file that Restore accepts as a last segment, in bytes, where no later header says its size.
const maxSegment = 8 << 30

// Repair replaces a damaged sealed segment by a copy. The copy must have the size and the hash that the next segment's header names,
// else it returns ErrCopy and changes nothing. Readers go on meanwhile. To mend the last segment, Seal it first: its hash is
// taken of what was written, not of what can be read.
func (j *Journal) Repair(segment uint32, from io.Reader) error {
	j.mu.Lock()
	var s Segment
	if int(segment) < len(j.segments) {
		s = j.segments[segment]
	}
	closed := j.closed
	j.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if !s.Sealed {
		return fmt.Errorf("%w: segment %d is not sealed yet", ErrCopy, segment)
	}
	j.repair.Lock()
	defer j.repair.Unlock()
	defer j.handles.drop(segment)
	return replaceSealed(j.disk, j.dir, s, from)
}

// replaceSealed puts a copy in the place of a segment whose size and hash are known.
func replaceSealed(d disk, dir string, s Segment, from io.Reader) error {
	return replace(d, dir, s.Number, func(f file) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(io.NewOffsetWriter(f, 0), h), io.LimitReader(from, s.Size+1))
		if err != nil {
			return err
		}
		if got := verify.Hash(h.Sum(nil)); n != s.Size || got != s.Hash {
			return fmt.Errorf("%w: segment %d has %d bytes and SHA-256 %s; offered were %d bytes with %s",
				ErrCopy, s.Number, s.Size, s.Hash, n, got)
		}
		return nil
	})
}

// replaceLast puts a copy in the place of a segment that no later one vouches for: each frame is checked, the header
// against the segment before, and all that was durable here must be in it.
func replaceLast(d disk, dir string, number uint32, mark Cursor, from io.Reader) error {
	return replace(d, dir, number, func(f file) error {
		size, err := io.Copy(io.NewOffsetWriter(f, 0), io.LimitReader(from, maxSegment))
		if err != nil {
			return err
		}
		name := segmentName(dir, number)
		h, err := readHeader(f, name, number)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCopy, err)
		}
		if err := vouch(d, dir, h); err != nil {
			return err
		}
		s := Segment{Number: number, FirstEntry: h.first, Size: size}
		t := tail{name: name, durable: size}
		end, _, err := readLast(f, s, t, io.Discard)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCopy, err)
		}
		if mark.Segment == number && end.Offset < mark.Offset {
			return fmt.Errorf("%w: it ends at byte %d, but %d were durable here", ErrCopy, end.Offset, mark.Offset)
		}
		return nil
	})
}

// vouch checks a header against the file of the segment before, if there is one.
func vouch(d disk, dir string, h header) error {
	if h.number == 0 {
		return nil
	}
	name := segmentName(dir, h.number-1)
	f, err := d.Open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := f.Size()
	sum := sha256.New()
	if err == nil {
		_, err = io.Copy(sum, io.NewSectionReader(f, 0, size))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("journal: read %s: %w", name, err)
	}
	if size != h.prevSize || verify.Hash(sum.Sum(nil)) != h.prevHash {
		return fmt.Errorf("%w: it does not follow %s", ErrCopy, filepath.Base(name))
	}
	return nil
}

// replace puts a segment file in place whole, or not at all.
func replace(d disk, dir string, number uint32, fill func(file) error) error {
	name := segmentName(dir, number)
	f, err := placeFile(d, name, fill)
	if err != nil {
		if rest := d.Remove(name + tempSuffix); rest != nil && !errors.Is(rest, fs.ErrNotExist) {
			err = errors.Join(err, rest)
		}
		return fmt.Errorf("journal: replace %s: %w", filepath.Base(name), err)
	}
	return f.Close()
}
