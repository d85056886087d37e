package journal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// SealSize is the length of a record's seal, in bytes.
const SealSize = 16

// SegmentHeader is where the first frame of a segment begins, in bytes.
const SegmentHeader = int64(headerSize)

// ErrSeal is returned for frames that are well-formed and were not written by the owner of the journal in that place.
var ErrSeal = errors.New("journal: not sealed by the owner of the journal")

// Key seals each record of a journal in its place, so that its owner knows its own bytes when they come back from others, also those of
// entries whose keys were erased. Custodians have no use for the seal and cannot make one. The zero Key seals nothing, and accepts nothing.
type Key [32]byte

// seal computes a record's seal: HMAC-SHA256, cut to SealSize, over
//
//	"sijil/seal/1" ‖ u32be segment ‖ u64be offset ‖ the segment's header, if this is its first frame ‖ length word ‖ record before the seal
//
// The length word tells which frame begins a group. The header chains the segments by size and hash, so that none can be cut short.
func seal(mac hash.Hash, at Cursor, header, frame []byte) []byte {
	mac.Reset()
	b := append(make([]byte, 0, 32), "sijil/seal/1"...)
	b = binary.BigEndian.AppendUint32(b, at.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(at.Offset))
	mac.Write(b)
	if at.Offset == int64(headerSize) {
		mac.Write(header)
	}
	mac.Write(frame[:4])
	mac.Write(frame[frameHead : len(frame)-SealSize])
	return mac.Sum(nil)[:SealSize]
}

func (k *Key) mac() hash.Hash {
	if *k == (Key{}) {
		return nil
	}
	return hmac.New(sha256.New, k[:])
}

// Check tells whether frames are the very bytes that the owner of the key wrote at a place, and gives the place after them. At
// Offset 0 the segment's header and at least one frame come first, and start.Entry is taken from the header; a run
// that begins with the first frame cannot be checked without it.
//
// Errors: ErrFrames for malformed bytes, ErrSeal.
func (k *Key) Check(start Cursor, frames []byte) (end Cursor, err error) {
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
		places = places[1:]
	}
	if mac == nil || len(places) < 2 || places[0].Offset == int64(headerSize) && header == nil {
		return start, fmt.Errorf("%w: at %s", ErrSeal, start)
	}
	for i, at := range places[:len(places)-1] {
		frame := r.slice(at.Offset, places[i+1].Offset)
		if frame[frameHead] != sealedVersion || !hmac.Equal(seal(mac, at, header, frame), frame[len(frame)-SealSize:]) {
			return start, fmt.Errorf("%w: the record at %s", ErrSeal, at)
		}
	}
	return r.end(), nil
}
