package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

const (
	segmentMagic  = "sijil/journal/1\n"
	segmentSuffix = ".segment"
	tempSuffix    = ".tmp"
	headerSize    = len(segmentMagic) + 4 + 8 + 8 + 32 + 4
)

// Segment describes one file of the journal.
type Segment struct {
	Number     uint32
	FirstEntry uint64
	Size       int64       // bytes; of the last segment those that are durable
	Sealed     bool        // nothing will be added: all but the last segment
	Hash       verify.Hash // SHA-256 of the whole file, zero until it is sealed
}

// header begins every segment file. It carries size and hash of the segment before it: writing the next
// header is what seals a segment, and the headers chain all segments together.
type header struct {
	number   uint32
	first    uint64 // number of the first entry
	prevSize int64  // bytes of segment number-1, 0 for the first
	prevHash verify.Hash
}

var errHeader = errors.New("the segment header is malformed")

func (h header) encode() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, segmentMagic...)
	b = binary.BigEndian.AppendUint32(b, h.number)
	b = binary.BigEndian.AppendUint64(b, h.first)
	b = binary.BigEndian.AppendUint64(b, uint64(h.prevSize))
	b = append(b, h.prevHash[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || string(b[:len(segmentMagic)]) != segmentMagic {
		return header{}, errHeader
	}
	sum := headerSize - 4
	if crc32.Checksum(b[:sum], castagnoli) != binary.BigEndian.Uint32(b[sum:]) {
		return header{}, errHeader
	}
	p := b[len(segmentMagic):]
	h := header{
		number:   binary.BigEndian.Uint32(p),
		first:    binary.BigEndian.Uint64(p[4:]),
		prevSize: int64(binary.BigEndian.Uint64(p[12:])),
		prevHash: verify.Hash(p[20:52]),
	}
	if h.prevSize < 0 || (h.number == 0) != (h.prevSize == 0) || (h.number == 0 && (h.first != 0 || !h.prevHash.IsZero())) {
		return header{}, errHeader
	}
	return h, nil
}

// readHeader reads and checks the header of the segment that f should be.
func readHeader(f io.ReaderAt, name string, number uint32) (header, error) {
	b := make([]byte, headerSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return header{}, fmt.Errorf("journal: read %s: %w", name, err)
	}
	h, err := parseHeader(b[:n])
	if err == nil && h.number != number {
		err = fmt.Errorf("the header is that of segment %d", h.number)
	}
	if err != nil {
		return header{}, &DamageError{File: name, Segment: number, Reason: err.Error()}
	}
	return h, nil
}

// SegmentFile gives the path of a segment in a journal's directory.
func SegmentFile(dir string, number uint32) string { return segmentName(dir, number) }

func segmentName(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%010d%s", number, segmentSuffix))
}

// openSegment opens a segment for reading that must be there: one that is gone is damaged.
func openSegment(d disk, dir string, number uint32) (file, error) {
	name := segmentName(dir, number)
	f, err := d.Open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(dir, number)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: open %s: %w", name, err)
	}
	return f, nil
}

// listSegments gives the numbers of the segment files in dir, ascending.
func listSegments(d disk, dir string) ([]uint32, error) {
	names, err := d.List(dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, segmentSuffix)
		if n, err := strconv.ParseUint(digits, 10, 32); ok && err == nil && len(digits) == 10 {
			numbers = append(numbers, uint32(n))
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// placeFile writes a file under its name such that after a crash it is there whole or not at all. fill gets the new file;
// the returned file stays open under its final name.
func placeFile(d disk, name string, fill func(file) error) (file, error) {
	f, err := d.Create(name + tempSuffix)
	if err != nil {
		return nil, err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = d.Rename(name+tempSuffix, name)
	}
	if err == nil {
		err = d.SyncDir(filepath.Dir(name))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
