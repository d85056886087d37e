package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Shape of the tree of keys: leaf pages (level 0) hold compartment keys, the pages above hold the keys of the pages below
// them, and the key of the one root page is the top secret.
const (
	slotsPerLeaf = 32
	fanOut       = 126
	rootLevel    = 3
	levels       = rootLevel + 1
)

// Layout of a page as it is stored:
//
//	magic[4] ‖ version[1] ‖ level[1] ‖ zero[2] ‖ u64be number ‖ u64be edition ‖ u64be epoch ‖ crc32c[4] ‖ nonce[12] ‖ body ‖ tag[16]
//
// The sum covers the whole page but itself: whoever holds a page without its key can tell whether it is damaged.
const (
	pageSize    = 4096
	pageMagic   = "SjPg"
	pageVersion = 1
	pageFixed   = 32 // before the sum; also associated data
	pageHeader  = pageFixed + 4
	bodySize    = pageSize - pageHeader - gcmOverhead // 4032 = 126 × 32 = 32 × 126
	slotSize    = bodySize / slotsPerLeaf
	slotName    = 2 + 32 // offset of the name within a slot

	pagePurpose = "sijil/vault/page/1"
)

// secretsPage is the leaf whose slots hold no compartment keys but the organisation's own secrets. That makes 0 a slot
// number which no key ever has.
var secretsPage = pageID{}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pageID is the place of a page in the tree.
type pageID struct {
	level  uint8
	number uint32
}

func (p pageID) parent() pageID { return pageID{p.level + 1, p.number / fanOut} }
func (p pageID) index() uint32  { return p.number % fanOut } // among its parent's children
func (p pageID) offset() int64  { return int64(p.number) * pageSize }

func leafOf(slot uint64) pageID { return pageID{0, uint32(slot / slotsPerLeaf)} }

// pageHead is what a page shows without its key. The edition is unique in the store and grows with each page written;
// the epoch counts erasures.
type pageHead struct {
	id             pageID
	edition, epoch uint64
}

func pageAAD(vault *[16]byte, fixed []byte) []byte {
	b := make([]byte, 0, len(pagePurpose)+len(vault)+len(fixed))
	return append(append(append(b, pagePurpose...), vault[:]...), fixed...)
}

// sealPage seals the body of a page under the page's key.
func sealPage(key *[32]byte, vault *[16]byte, h pageHead, body *[bodySize]byte) []byte {
	b := make([]byte, pageHeader, pageSize)
	copy(b, pageMagic)
	b[4], b[5] = pageVersion, h.id.level
	binary.BigEndian.PutUint64(b[8:], uint64(h.id.number))
	binary.BigEndian.PutUint64(b[16:], h.edition)
	binary.BigEndian.PutUint64(b[24:], h.epoch)
	b = newGCM(key[:]).Seal(b, nil, body[:], pageAAD(vault, b[:pageFixed]))
	binary.BigEndian.PutUint32(b[pageFixed:], pageSum(b))
	return b
}

func pageSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:pageFixed], castagnoli), castagnoli, b[pageHeader:])
}

// parsePage reads what a page shows and checks that it is undamaged.
func parsePage(b []byte) (pageHead, error) {
	var h pageHead
	if len(b) != pageSize || !bytes.HasPrefix(b, []byte(pageMagic)) {
		return h, errors.New("not a page of a key store")
	}
	if binary.BigEndian.Uint32(b[pageFixed:]) != pageSum(b) {
		return h, errors.New("the page's checksum is wrong")
	}
	number := binary.BigEndian.Uint64(b[8:])
	if b[4] != pageVersion || b[5] > rootLevel || b[6]|b[7] != 0 || number >= MaxSlots/slotsPerLeaf {
		return h, errors.New("a page of an unknown version")
	}
	h.id = pageID{b[5], uint32(number)}
	h.edition, h.epoch = binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
	return h, nil
}

// openPage opens a page that should be the one with that id.
func openPage(key *[32]byte, vault *[16]byte, id pageID, b []byte) (pageHead, *[bodySize]byte, error) {
	h, err := parsePage(b)
	if err != nil {
		return h, nil, err
	}
	if h.id != id {
		return h, nil, errors.New("another page stands in its place")
	}
	body := new([bodySize]byte)
	if _, err := newGCM(key[:]).Open(body[:0], nil, b[pageHeader:], pageAAD(vault, b[:pageFixed])); err != nil {
		return h, nil, errors.New("the page does not open with the key that the page above it holds")
	}
	return h, body, nil
}

// slotContent is what one slot of a leaf holds. The zero value is a slot never used.
type slotContent struct {
	compartment Compartment // erasedSlot once erased
	cek         [32]byte
	chart       string
}

// put writes the slot into a leaf's body: compartment[1] ‖ length[1] ‖ cek[32] ‖ name, zeros to slotSize.
func (s *slotContent) put(body *[bodySize]byte, i int) {
	b := body[i*slotSize : (i+1)*slotSize]
	clear(b)
	b[0], b[1] = uint8(s.compartment), uint8(len(s.chart))
	copy(b[2:], s.cek[:])
	copy(b[slotName:], s.chart)
}

// parseSlot reads slot i of a leaf's body.
func parseSlot(body *[bodySize]byte, i int) (s slotContent, err error) {
	b := body[i*slotSize : (i+1)*slotSize]
	n := int(b[1])
	if n > MaxChart || (b[0] == 0 || b[0] == erasedSlot) && n != 0 {
		return s, errors.New("the page opens but its content is malformed")
	}
	s.compartment, s.cek = Compartment(b[0]), [32]byte(b[2:])
	s.chart = string(b[slotName : slotName+n])
	return s, nil
}

// putSecrets writes the organisation's secrets into the body of their page, in order of name: u16be count, then for each
// length[1] ‖ name ‖ u16be length ‖ value. It tells whether they fit.
func putSecrets(body *[bodySize]byte, names []string, secrets map[string][]byte) bool {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, bodySize), uint16(len(names)))
	for _, name := range names {
		b = append(append(b, uint8(len(name))), name...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(secrets[name])))
		b = append(b, secrets[name]...)
	}
	if len(b) > bodySize {
		return false
	}
	copy(body[:], b)
	return true
}

// parseSecrets reads what putSecrets wrote.
func parseSecrets(body *[bodySize]byte) (map[string][]byte, error) {
	malformed := errors.New("the page of secrets opens but its content is malformed")
	secrets, p := make(map[string][]byte), body[2:]
	for range binary.BigEndian.Uint16(body[:]) {
		if len(p) < 1 || len(p) < 1+int(p[0])+2 {
			return nil, malformed
		}
		end := 1 + int(p[0])
		name, rest := string(p[1:end]), p[end:]
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+n {
			return nil, malformed
		}
		secrets[name] = bytes.Clone(rest[2 : 2+n])
		p = rest[2+n:]
	}
	return secrets, nil
}
