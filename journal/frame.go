package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	frameHead = 4 + 4 // length word, checksum
	// groupBit, in the length word, marks the first frame of a group. A group is written only after the one before it has been
	// fsynced: hence everything before such a frame was once durable, and if it is unreadable it is damaged, not torn.
	groupBit = 1 << 31
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Reasons for which bytes are no frame.
var (
	errFrameShort  = errors.New("the frame is cut short")
	errFrameEmpty  = errors.New("zeros in place of a frame")
	errFrameLength = errors.New("impossible frame length")
	errFrameSum    = errors.New("the frame's checksum does not match")
)

// frameSum is CRC-32C over the length word and the payload, so that a flipped length or group bit is found too.
func frameSum(word, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(word, castagnoli), castagnoli, payload)
}

// putLength fills in the length word of b, whose payload begins at frameHead; putSum, once the payload is complete, the checksum.
func putLength(b []byte, opensGroup bool) {
	word := uint32(len(b) - frameHead)
	if opensGroup {
		word |= groupBit
	}
	binary.BigEndian.PutUint32(b, word)
}

func putSum(b []byte) { binary.BigEndian.PutUint32(b[4:], frameSum(b[:4], b[frameHead:])) }

// frame is one checked frame.
type frame struct {
	payload    []byte
	opensGroup bool
}

// size is the number of bytes of the frame in its file.
func (f frame) size() int { return frameHead + len(f.payload) }

// frameLen reads the length of the frame at the beginning of b, head included.
func frameLen(b []byte) (int, error) {
	if len(b) < frameHead {
		return 0, errFrameShort
	}
	word := binary.BigEndian.Uint32(b)
	n := int(word &^ groupBit)
	switch {
	case word == 0:
		return 0, errFrameEmpty
	case n < recordMin || n > MaxRecord:
		return 0, errFrameLength
	}
	return frameHead + n, nil
}

// parseFrame reads the frame at the beginning of b. With errFrameShort b may simply be too short.
func parseFrame(b []byte) (frame, error) {
	n, err := frameLen(b)
	if err != nil {
		return frame{}, err
	}
	if n > len(b) {
		return frame{}, errFrameShort
	}
	payload := b[frameHead:n:n]
	if frameSum(b[:4], payload) != binary.BigEndian.Uint32(b[4:]) {
		return frame{}, errFrameSum
	}
	return frame{payload: payload, opensGroup: b[0]&0x80 != 0}, nil
}
