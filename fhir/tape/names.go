package tape

import (
	"bytes"
	"hash/maphash"
)

// Duplicate member names are found in three steps, each more costly and more seldom than the one before: a 64-bit Bloom filter
// of the object's names; a look at its other members when the filter says "perhaps"; and for objects of more than fewNames
// members a hash table, so that a hostile document costs linear time.

const fewNames = 32

// names is the hash table, of all large objects of the document together.
type names struct {
	slots []slot
	used  int
	seed  maphash.Seed
	a, b  []byte // decoded names, when they contain escapes
}

// slot is the name of one member of the object at node index object-1; it is free while object is 0.
type slot struct {
	object, key, keyEnd uint32
	escaped             bool
}

func (s *names) reset() {
	if s.used > 0 {
		clear(s.slots)
		s.used = 0
	}
}

// seen tells whether the object being read has a member of n's name already, and remembers n's.
func (t *Tape) seen(f *frame, n *node) bool {
	key := t.keyOf(n, &t.names.a)
	bit := bloomBit(key)
	perhaps := f.bloom&bit != 0
	f.bloom |= bit
	size := t.nodes[f.node].size
	if size >= fewNames {
		if size == fewNames {
			t.remember(f.node)
		}
		return t.insert(f.node, n)
	}
	if !perhaps {
		return false
	}
	for i := f.node + 1; i < uint32(len(t.nodes)); i = t.nodes[i].next {
		if bytes.Equal(t.keyOf(&t.nodes[i], &t.names.b), key) {
			return true
		}
	}
	return false
}

// bloomBit maps names that differ in length or in their first or last letters to different bits, mostly.
func bloomBit(key []byte) uint64 {
	if len(key) == 0 {
		return 1
	}
	h := uint32(len(key)) + uint32(key[0])*31 + uint32(key[len(key)-1])*131 + uint32(key[len(key)/2])*17
	return 1 << (h * 0x9e3779b1 >> 26)
}

// remember puts the members of an object that has become large into the table.
func (t *Tape) remember(object uint32) {
	if t.names.slots == nil {
		t.names.slots, t.names.seed = make([]slot, 256), maphash.MakeSeed()
	}
	for i := object + 1; i < uint32(len(t.nodes)); i = t.nodes[i].next {
		t.insert(object, &t.nodes[i])
	}
}

// insert puts n's name into the table, or tells that the object has it already.
func (t *Tape) insert(object uint32, n *node) bool {
	s := &t.names
	if 2*s.used >= len(s.slots) {
		t.grow()
	}
	return t.put(slot{object: object + 1, key: n.key, keyEnd: n.keyEnd, escaped: n.flags&keyEscaped != 0})
}

func (t *Tape) put(v slot) (found bool) {
	s := &t.names
	key := t.slotKey(&v, &s.a)
	mask := uint64(len(s.slots) - 1)
	for h := maphash.Bytes(s.seed, key) + uint64(v.object)*0x9e3779b97f4a7c15; ; h++ {
		at := &s.slots[h&mask]
		if at.object == 0 {
			*at = v
			s.used++
			return false
		}
		if at.object == v.object && bytes.Equal(t.slotKey(at, &s.b), key) {
			return true
		}
	}
}

func (t *Tape) grow() {
	s := &t.names
	old := s.slots
	s.slots, s.used = make([]slot, 2*len(old)), 0
	for i := range old {
		if old[i].object != 0 {
			t.put(old[i])
		}
	}
}

func (t *Tape) keyOf(n *node, scratch *[]byte) []byte {
	return t.decodedKey(n.key, n.keyEnd, n.flags&keyEscaped != 0, scratch)
}

func (t *Tape) slotKey(v *slot, scratch *[]byte) []byte {
	return t.decodedKey(v.key, v.keyEnd, v.escaped, scratch)
}

func (t *Tape) decodedKey(key, end uint32, escaped bool, scratch *[]byte) []byte {
	raw := t.src[key:end]
	if !escaped {
		return raw
	}
	*scratch = appendDecoded((*scratch)[:0], raw)
	return *scratch
}
