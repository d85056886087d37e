package journal

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Cursor is the place of a record. It is small, comparable with ==, and stays valid for ever: segments are never rewritten.
//
// The zero Cursor is the beginning of the journal. Offset 0 of any segment means its first record, with Entry taken
// from the segment's header; in a Group it means that the header's bytes are included.
type Cursor struct {
	Segment uint32 // number of the segment file, dense from 0
	Offset  int64  // bytes from the start of that file
	Entry   uint64 // number of the record's first entry
}

// Range is a run of whole frames in one segment: from Start up to, and without, End.
type Range struct{ Start, End Cursor }

const cursorSize = 4 + 8 + 8

// Compare orders cursors as the journal does: -1, 0 or +1.
func (c Cursor) Compare(o Cursor) int {
	return cmp.Or(cmp.Compare(c.Segment, o.Segment), cmp.Compare(c.Offset, o.Offset))
}

// String gives "segment/offset/entry" in decimal.
func (c Cursor) String() string {
	return fmt.Sprintf("%d/%d/%d", c.Segment, c.Offset, c.Entry)
}

// MarshalText writes the form of String.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Cursor) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), "/")
	if len(parts) != 3 {
		return fmt.Errorf("journal: cursor %q: want segment/offset/entry", text)
	}
	segment, err1 := strconv.ParseUint(parts[0], 10, 32)
	offset, err2 := strconv.ParseInt(parts[1], 10, 64)
	entry, err3 := strconv.ParseUint(parts[2], 10, 64)
	if err := cmp.Or(err1, err2, err3); err != nil || offset < 0 {
		return fmt.Errorf("journal: cursor %q: want three decimal numbers", text)
	}
	*c = Cursor{Segment: uint32(segment), Offset: offset, Entry: entry}
	return nil
}

// AppendBinary adds the 20-byte form, big-endian; its byte order is the order of the journal, so it can be a key.
func (c Cursor) AppendBinary(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint32(b, c.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Offset))
	return binary.BigEndian.AppendUint64(b, c.Entry), nil
}

// MarshalBinary gives the 20-byte form; see AppendBinary.
func (c Cursor) MarshalBinary() ([]byte, error) { return c.AppendBinary(make([]byte, 0, cursorSize)) }

// UnmarshalBinary reads what MarshalBinary wrote.
func (c *Cursor) UnmarshalBinary(b []byte) error {
	if len(b) != cursorSize || b[4]&0x80 != 0 {
		return fmt.Errorf("journal: cursor of %d bytes, want %d", len(b), cursorSize)
	}
	c.Segment = binary.BigEndian.Uint32(b)
	c.Offset = int64(binary.BigEndian.Uint64(b[4:]))
	c.Entry = binary.BigEndian.Uint64(b[12:])
	return nil
}
