package journal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// A record's seal is a link to what stands before it and the owner's mark, in bytes.
const (
	LinkSize = 4
	markSize = 12
	SealSize = LinkSize + markSize
)

// SegmentHeader is where the first frame of a segment begins, in bytes.
const SegmentHeader = int64(headerSize)

// ErrSeal is returned for frames that are well-formed and were not written by the owner of the journal in that place.
var ErrSeal = errors.New("journal: not sealed by the owner of the journal")

// ErrOther is returned for frames that the owner wrote, but after other records than those that stand before them: a loss of power took
// records from the owner's disk, and it has written others in their places since.
var ErrOther = errors.New("journal: sealed by the owner of the journal after other records: another history")

// Key seals each record of a journal in its place, so that its owner knows its own bytes when they come back from others, also those of
// entries whose keys were erased. Custodians have no use for the mark and cannot make one. The zero Key seals nothing, and accepts nothing.
type Key [32]byte

// mark computes the owner's mark on a record: HMAC-SHA256, cut to markSize, over
//
//	"sijil/seal/1" ‖ u32be segment ‖ u64be offset ‖ the segment's header, if this is its first frame ‖ length word ‖ record before the mark
//
// The length word tells which frame begins a group. The header chains the segments by size and hash, so that none can be cut short.
//
// The link, which the mark covers, is the LinkSize bytes that stand before the frame in its segment: the end of the mark before, or of the
// header. So each record names the one before it, and that all before, and two histories that share a boundary cannot be mixed: the
// end of a mark is 32 bits that nobody without the key can foresee or choose, and each boundary gives one try. A run from the middle
// of a segment is known for the owner's by its marks alone, and for the continuation of another by its link.
func mark(mac hash.Hash, at Cursor, header, frame []byte) []byte {
	mac.Reset()
	b := append(make([]byte, 0, 32), "sijil/seal/1"...)
	b = binary.BigEndian.AppendUint32(b, at.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(at.Offset))
	mac.Write(b)
	if at.Offset == int64(headerSize) {
		mac.Write(header)
	}
	mac.Write(frame[:4])
	mac.Write(frame[frameHead : len(frame)-markSize])
	return mac.Sum(nil)[:markSize]
}

// linked tells whether a frame continues what stands before it: whether its link is the end of that. A record without a seal has no link.
func linked(before, frame []byte) bool {
	if frame[frameHead] != sealedVersion {
		return true
	}
	link := frame[len(frame)-SealSize:][:LinkSize]
	return bytes.Equal(link, before[len(before)-LinkSize:])
}

func (k *Key) mac() hash.Hash {
	if *k == (Key{}) {
		return nil
	}
	return hmac.New(sha256.New, k[:])
}

// Check tells whether frames are the very bytes that the owner of the key wrote at a place, one after the other, and gives the place after
// them. At Offset 0 the segment's header and at least one frame come first, and start.Entry is taken from the header; a run
// that begins with the first frame cannot be checked without it. before is what stands before them in the segment, of which the last
// LinkSize bytes count, or nil where nobody knows it.
//
// Errors: ErrFrames for malformed bytes, ErrSeal, ErrOther where one does not continue what is before it.
func (k *Key) Check(start Cursor, before, frames []byte) (end Cursor, err error) {
	var header []byte
	if start.Offset == 0 {
		h, err := parseHeader(frames)
		if err != nil {
			return start, fmt.Errorf("%w: %w", ErrFrames, err)
		}
		start.Entry, header = h.first, frames[:headerSize]
	}
	r, err := checkRun(start, frames)
	if err != nil {
		return start, err
	}
	mac := k.mac()
	places := r.places
	if header != nil {
		places, before = places[1:], header
	}
	if mac == nil || len(places) < 2 || places[0].Offset == int64(headerSize) && header == nil {
		return start, fmt.Errorf("%w: at %s", ErrSeal, start)
	}
	for i, at := range places[:len(places)-1] {
		frame := r.slice(at.Offset, places[i+1].Offset)
		if frame[frameHead] != sealedVersion || !hmac.Equal(mark(mac, at, header, frame), frame[len(frame)-markSize:]) {
			return start, fmt.Errorf("%w: the record at %s", ErrSeal, at)
		}
		if len(before) >= LinkSize && !linked(before, frame) {
			return start, fmt.Errorf("%w: the record at %s", ErrOther, at)
		}
		before = frame
	}
	return r.end(), nil
}
