package index

import (
	"encoding/binary"
	"math/bits"
)

// Documents are numbered from 0 for each type. A list of documents is kept in blocks of blockDocs numbers, each a row of its own that holds the
// numbers' low bits: as pairs of bytes in rising order while that is shorter, otherwise a bit for each.
const (
	blockBits = 12
	blockDocs = 1 << blockBits
	blockSize = blockDocs / 8 // bytes, as bits
)

// set is one block.
type set [blockDocs / 64]uint64

func (s *set) add(low uint16)      { s[low>>6] |= 1 << (low & 63) }
func (s *set) has(low uint16) bool { return s[low>>6]>>(low&63)&1 == 1 }

func (s *set) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s *set) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

func (s *set) or(o *set) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s *set) and(o *set) {
	for i := range s {
		s[i] &= o[i]
	}
}

func (s *set) without(o *set) {
	for i := range s {
		s[i] &^= o[i]
	}
}

// each calls fn for the numbers in rising order until it says no.
func (s *set) each(fn func(low uint16) bool) bool {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			if !fn(uint16(i<<6 | bits.TrailingZeros64(w))) {
				return false
			}
		}
	}
	return true
}

// below is the block of all numbers less than n.
func below(n int) *set {
	s := new(set)
	for i := range s {
		switch rest := n - i<<6; {
		case rest >= 64:
			s[i] = ^uint64(0)
		case rest > 0:
			s[i] = 1<<rest - 1
		}
	}
	return s
}

// union adds what a row holds; false for what is no block.
func (s *set) union(row []byte) bool {
	if len(row) == blockSize {
		for i := range s {
			s[i] |= binary.LittleEndian.Uint64(row[8*i:])
		}
		return true
	}
	if len(row)%2 != 0 || len(row) > blockSize {
		return false
	}
	before := -1
	for ; len(row) > 0; row = row[2:] {
		low := int(row[0])<<8 | int(row[1])
		if low <= before || low >= blockDocs {
			return false
		}
		s.add(uint16(low))
		before = low
	}
	return true
}

func (s *set) encode(b []byte) []byte {
	if 2*s.count() >= blockSize {
		for _, w := range s {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
		return b
	}
	s.each(func(low uint16) bool {
		b = append(b, byte(low>>8), byte(low))
		return true
	})
	return b
}

// zone bounds the times of the documents of a block, in Unix milliseconds.
type zone struct{ least, greatest int64 }

const zoneSize = 16

func (z zone) encode(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(z.least))
	return binary.BigEndian.AppendUint64(b, uint64(z.greatest))
}

func decodeZone(b []byte) (z zone, ok bool) {
	if len(b) != zoneSize {
		return z, false
	}
	return zone{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, true
}

func (z zone) join(o zone) zone { return zone{min(z.least, o.least), max(z.greatest, o.greatest)} }
