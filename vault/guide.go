package vault

import (
	"encoding/binary"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// GuideSize is the length of a guide, in bytes.
const GuideSize = 8

// numberBits is what a guide has for the number; the slot has the rest, which MaxSlots does not fill.
const (
	numberBits = 38
	_          = uint(1<<(64-numberBits) - MaxSlots)
)

// Guide enciphers (slot, number), the place of an entry's key and its number there, by which the owner of the journal finds an entry's chart
// without trying keys: u64be (slot·2^38 + number) ⊕ AES_K(tag)[:8], K being the guide key. Numbers are below MaxNumbers.
//
// The pad must not serve two pairs, and does not: a tag follows from the key in the slot and the number alone (Key.Tag), slots are not used
// again, and two pairs have one tag with a chance of 2^-128. Where a loss of power takes an entry and another of the same number is written,
// it has the same tag, the same pair, and so the same guide: that shows that the number is the same, as the tag does. Who alters a guide shifts
// the pair by as much, and the tag then disagrees with it; the journal's seal covers it besides.
func (v *Vault) Guide(tag verify.Tag, slot, number uint64) (b [GuideSize]byte, err error) {
	if slot >= MaxSlots || number >= MaxNumbers {
		return b, fmt.Errorf("%w: entry %d of one chart, at most %d", ErrLimit, number, uint64(MaxNumbers))
	}
	pair := slot<<numberBits | number
	binary.BigEndian.PutUint64(b[:], pair^v.guidePad(tag))
	return b, nil
}

// OpenGuide deciphers what Guide gave for the same tag. A damaged guide gives some other pair: compare the entry's tag.
func (v *Vault) OpenGuide(tag verify.Tag, b [GuideSize]byte) (slot, number uint64) {
	pair := binary.BigEndian.Uint64(b[:]) ^ v.guidePad(tag)
	return pair >> numberBits, pair & (1<<numberBits - 1)
}

func (v *Vault) guidePad(tag verify.Tag) uint64 {
	v.guide.Encrypt(tag[:], tag[:])
	return binary.BigEndian.Uint64(tag[:])
}
