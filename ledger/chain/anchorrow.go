package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// segmentSize is how many anchors of the log rest on one another in the store. Most of an anchor's bytes follow from the one before it of the
// same organisation: above all its predecessor's ID, of 32 bytes. A row leaves these out where the predecessor is in the same segment; so the
// first of each organisation in a segment is whole, and any anchor is had by reading at most a segment from its beginning.
//
//	row   = uvarint (4·blocks + 2·placed + alone) ‖ uvarint place, if placed ‖ varint (time of the block − its own), if alone ‖ uvarint back ‖ anchor
//	anchor = verify.Anchor.Encode where back is 0; otherwise, resting on the anchor that many places before:
//	         form ‖ varint control − its, if formControl ‖ varint time − its ‖ root[32]
//	         ‖ (count ‖ organisations[8]…, if formCustodians) ‖ signatures of custodians[64]… ‖ signature[64]
//
// blocks counts heights from the anchor before in the segment, or from 0; the place in the block is the next, or 0 in another block, unless it is
// given. A row that is alone stands for its block's record as well: see plain.
const segmentSize = 64

// The form of an anchor's row: the logarithm of its count, and what differs from the anchor that it rests on.
const (
	formCount      = 1<<5 - 1
	formLocalOnly  = 1 << 5 // verify.FlagLocalOnly
	formControl    = 1 << 6 // another control number
	formCustodians = 1 << 7 // other custodians
)

var errRow = errors.New("row is malformed")

// placed is an anchor as its row gives it. One that is alone tells the time of its block too.
type placed struct {
	ledger.Anchored
	alone bool
	time  int64 // of the block's header, Unix milliseconds
	what  *verify.Anchor
}

// tail is the part of a segment that is filled: what its next row rests on. A value in a state is never written to.
type tail []*placed

// after is the tail that the row of an index goes on from.
func (t tail) after(index uint64) (tail, error) {
	if index%segmentSize == 0 {
		return nil, nil
	}
	if index%segmentSize != uint64(len(t)) {
		return nil, fmt.Errorf("chain: anchor %d does not follow on %d of its segment", index, len(t))
	}
	return t[:len(t):len(t)], nil
}

// last finds the last anchor of an organisation in the segment, and how far back it is from the next.
func (t tail) last(org verify.OrgID) (*placed, int) {
	for back := 1; back <= len(t); back++ {
		if p := t[len(t)-back]; p.what.Org == org {
			return p, back
		}
	}
	return nil, 0
}

// encode gives the row of the anchor that comes next, and whether it is the first of its organisation in the segment.
func (t tail) encode(p *placed) (row []byte, first bool) {
	height, tx := t.next()
	blocks, alone, given := uint64(p.Height-height)<<2, uint64(0), uint64(0)
	if blocks > 0 {
		tx = 0
	}
	if p.Tx != tx {
		given = 2
	}
	if p.alone {
		alone = 1
	}
	row = binary.AppendUvarint(make([]byte, 0, 16+len(p.Bytes)), blocks|given|alone)
	if given > 0 {
		row = binary.AppendUvarint(row, uint64(p.Tx))
	}
	if p.alone {
		row = binary.AppendVarint(row, p.time-p.what.Time)
	}
	on, back := t.last(p.what.Org)
	if back > 0 {
		short := appendShort(binary.AppendUvarint(row, uint64(back)), on.what, p.what)
		// It is checked where it is made: what does not come back the same is stored whole.
		if again, err := t.decode(p.Index, short); err == nil && bytes.Equal(again.Bytes, p.Bytes) {
			return short, false
		}
	}
	return append(append(row, 0), p.Bytes...), back == 0
}

// next gives the block of the segment's last anchor, and the place after it.
func (t tail) next() (height int64, tx uint32) {
	if len(t) == 0 {
		return 0, 0
	}
	p := t[len(t)-1]
	return p.Height, p.Tx + 1
}

func appendShort(b []byte, on, a *verify.Anchor) []byte {
	form := byte(bits.TrailingZeros32(a.Count))
	if a.Flags&verify.FlagLocalOnly != 0 {
		form |= formLocalOnly
	}
	if a.Control != on.Control {
		form |= formControl
	}
	if !sameCustodians(on, a) {
		form |= formCustodians
	}
	b = append(b, form)
	if form&formControl != 0 {
		b = binary.AppendVarint(b, int64(a.Control-on.Control))
	}
	b = append(binary.AppendVarint(b, a.Time-on.Time), a.Root[:]...)
	if form&formCustodians != 0 {
		b = append(b, byte(len(a.Custodians)))
		for i := range a.Custodians {
			b = append(b, a.Custodians[i].Org[:]...)
		}
	}
	for i := range a.Custodians {
		b = append(b, a.Custodians[i].Signature[:]...)
	}
	return append(b, a.Signature[:]...)
}

func sameCustodians(x, y *verify.Anchor) bool {
	if len(x.Custodians) != len(y.Custodians) {
		return false
	}
	for i := range x.Custodians {
		if x.Custodians[i].Org != y.Custodians[i].Org {
			return false
		}
	}
	return true
}

// decode reads the row of the anchor that comes next.
func (t tail) decode(index uint64, row []byte) (*placed, error) {
	c := cursor{b: row}
	head := c.uint()
	height, tx := t.next()
	if head>>2 > uint64(math.MaxInt64-height) {
		c.fail()
	}
	p := &placed{Anchored: ledger.Anchored{Index: index, Height: height + int64(head>>2), Tx: tx}, alone: head&1 != 0}
	if head>>2 > 0 {
		p.Tx = 0
	}
	if head&2 != 0 {
		given := c.uint()
		if p.Tx = uint32(given); given > math.MaxUint32 {
			c.fail()
		}
	}
	offset := int64(0)
	if p.alone {
		offset = c.int()
	}
	var err error
	switch back := c.uint(); {
	case c.bad || back > uint64(len(t)):
		err = errRow
	case back == 0:
		p.Bytes = bytes.Clone(c.b)
		p.what, err = verify.DecodeAnchor(p.Bytes)
	default:
		p.what, err = c.short(t[len(t)-int(back)])
	}
	if err != nil {
		return nil, fmt.Errorf("chain: anchor %d of the state is damaged: %w", index, err)
	}
	if p.Bytes == nil {
		p.Bytes = p.what.Encode()
	}
	p.ID, p.time = sha256.Sum256(p.Bytes), p.what.Time+offset
	return p, nil
}

// short reads the rest of a row that rests on another anchor.
func (c *cursor) short(on *placed) (*verify.Anchor, error) {
	form := c.take(1)[0]
	a := &verify.Anchor{
		Org: on.what.Org, Seq: on.what.Seq + 1, Prev: on.ID, Count: 1 << (form & formCount), Control: on.what.Control, Time: on.what.Time,
	}
	if form&formLocalOnly != 0 {
		a.Flags = verify.FlagLocalOnly
	}
	if form&formControl != 0 {
		a.Control += uint64(c.int())
	}
	a.Time += c.int()
	copy(a.Root[:], c.take(len(a.Root)))
	a.Custodians = make([]verify.Custody, len(on.what.Custodians))
	for i := range a.Custodians {
		a.Custodians[i].Org = on.what.Custodians[i].Org
	}
	if form&formCustodians != 0 {
		a.Custodians = make([]verify.Custody, c.take(1)[0])
		for i := range a.Custodians {
			copy(a.Custodians[i].Org[:], c.take(len(verify.OrgID{})))
		}
	}
	for i := range a.Custodians {
		copy(a.Custodians[i].Signature[:], c.take(len(verify.Signature{})))
	}
	copy(a.Signature[:], c.take(len(a.Signature)))
	if c.bad || len(c.b) > 0 {
		return nil, errRow
	}
	return a, nil
}
