package index

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Merge is the rows.Merger of an index: blocks are united, zones stretched.
func Merge(key, value, more []byte) ([]byte, error) {
	m := merger{}
	for _, v := range [][]byte{value, more} {
		if v == nil {
			continue
		}
		if err := m.add(key, v); err != nil {
			return nil, err
		}
	}
	return m.encode(nil), nil
}

// Plain tells whether a row may be kept as it is by somebody who must not read the index: a list of documents under a mark.
func Plain(key []byte) bool { return len(key) > 0 && key[0] == famPosting }

// merger gathers the operands of one key. Most lists are short: as long as they are, no block is filled in for them.
type merger struct {
	zoned bool
	any   bool
	zone  zone
	few   []uint16 // documents, in any order; none once there are many
	many  *set
}

// maxFew is how many documents are gathered before a block is: with as many, the list is written as pairs of bytes in any case.
const maxFew = blockSize/2 - 1

func (m *merger) add(key, value []byte) error {
	if len(key) == 0 {
		return damaged("merged row")
	}
	switch key[0] {
	case famPosting:
		if !m.union(value) {
			return damaged("posting")
		}
	case famZone:
		z, ok := decodeZone(value)
		if !ok {
			return damaged("zone")
		}
		if m.any {
			z = m.zone.join(z)
		}
		m.zone, m.zoned = z, true
	default:
		return fmt.Errorf("index: rows of family %q do not merge", key[0])
	}
	m.any = true
	return nil
}

func (m *merger) union(row []byte) bool {
	if m.many == nil && len(m.few)+len(row)/2 > maxFew {
		m.many = new(set)
		for _, low := range m.few {
			m.many.add(low)
		}
		m.few = m.few[:0]
	}
	if m.many != nil {
		return m.many.union(row)
	}
	if len(row)%2 != 0 {
		return false
	}
	before := -1
	for ; len(row) > 0; row = row[2:] {
		low := binary.BigEndian.Uint16(row)
		if int(low) <= before || low >= blockDocs {
			return false
		}
		m.few = append(m.few, low)
		before = int(low)
	}
	return true
}

// encode adds the row.
func (m *merger) encode(b []byte) []byte {
	switch {
	case m.zoned:
		return m.zone.encode(b)
	case m.many != nil:
		return m.many.encode(b)
	}
	if !slices.IsSorted(m.few) {
		slices.Sort(m.few)
	}
	for _, low := range slices.Compact(m.few) {
		b = binary.BigEndian.AppendUint16(b, low)
	}
	return b
}

// reset makes it ready for another key. It keeps its room.
func (m *merger) reset() { *m = merger{few: m.few[:0]} }
