package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/sijil-health/sijil/verify"
)

// Families of keys. Names in keys are packed (see appendPacked) and stand before a zero byte; FHIR types and ids cannot hold one. Where rows are kept
// by somebody who must not read them, a hash under the index's secret stands for names: see Index.key.
const (
	famPosition = 'p' // p                        → journal.Cursor
	famCurrent  = 'r' // r type 0 id              → Version (the current one)
	famVersion  = 'v' // v type 0 id 0 ^number    → Version that is no longer current, newest first
	famChart    = 'c' // c chart                  → head
	famEntries  = 'e' // e chart 0 number         → journal numbers of a run of entries that begins with that number
	famRecords  = 'n' // n first entry number     → places of a run of journal records
	famUnread   = 'u' // u type 0 id              → type 0 id: the current version could not be read, and its terms are not known
	famChange   = 'h' // h type 0 entry           → number and id of the version that the entry wrote
	famRules    = 'f' // f                        → by which rules terms were made
	famName     = 'a' // a number                 → a name for which the number stands
	famCount    = 'k' // k type                   → how many documents there are, of a type by its number; of type 0, in all
	famDocument = 'o' // o type document          → document
	famPosting  = 't' // t mark block             → set: the documents with a mark
	famZone     = 'z' // z type block             → zone
	famTelling  = 'g' // g type                   → type 0 note: how far what its resources are found by was exchanged, see Telling
	famDeath    = 'x' // x serial number          → type and document that is no longer current since then
)

// rowSize is the length of an entry number or a serial number in a key, in bytes: more than there will be.
const rowSize = 6

func appendRow(b []byte, n uint64) []byte {
	return append(b, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// rowOf reads the number that a key ends with.
func rowOf(key []byte) (row uint64, ok bool) {
	if len(key) < rowSize {
		return 0, false
	}
	for _, b := range key[len(key)-rowSize:] {
		row = row<<8 | uint64(b)
	}
	return row, true
}

// key begins the keys of a family that are about something with a name.
func (x *Index) key(family byte, parts ...string) []byte {
	b := append(make([]byte, 0, 64), family)
	for i, p := range parts {
		if i > 0 {
			b = append(b, 0)
		}
		b = appendPacked(b, p)
	}
	if !x.blind {
		return b
	}
	sum := sha256.Sum256(append(x.secret[:len(x.secret):len(x.secret)], b...))
	return append(append(make([]byte, 0, 32), family), sum[:16]...)
}

func (x *Index) versionKey(typ, id string, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(x.key(famVersion, typ, id), 0), ^number)
}

func (x *Index) entriesKey(chart string, number uint64) []byte {
	return appendRow(append(x.key(famEntries, chart), 0), number)
}

func recordsKey(first uint64) []byte { return appendRow([]byte{famRecords}, first) }

func deathKey(serial uint64) []byte { return appendRow([]byte{famDeath}, serial) }

func nameKey(n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{famName}, n) }

func countKey(typ uint32) []byte { return binary.BigEndian.AppendUint32([]byte{famCount}, typ) }

func documentKey(typ, doc uint32) []byte {
	b := append(make([]byte, 0, 7), famDocument, byte(typ>>8), byte(typ))
	return binary.BigEndian.AppendUint32(b, doc)
}

func zoneKey(typ, block uint32) []byte {
	return append(make([]byte, 0, 6), famZone, byte(typ>>8), byte(typ), byte(block>>16), byte(block>>8), byte(block))
}

const postingSize = 12

func postingKey(m mark, block uint32) []byte {
	return appendPosting(make([]byte, 0, postingSize), binary.BigEndian.Uint64(m[:]), block)
}

func appendPosting(b []byte, mark uint64, block uint32) []byte {
	b = binary.BigEndian.AppendUint64(append(b, famPosting), mark)
	return append(b, byte(block>>16), byte(block>>8), byte(block))
}

// blockOf reads the block that a key ends with.
func blockOf(key []byte) uint32 {
	n := len(key)
	return uint32(key[n-3])<<16 | uint32(key[n-2])<<8 | uint32(key[n-1])
}

// after gives the least key greater than all that begin with prefix.
func after(prefix []byte) []byte {
	b := append([]byte(nil), prefix...)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	return nil
}

// Place says where in the journal's files a ciphertext lies; Length 0 means that it is a blob of its own.
type Place struct {
	Segment uint32
	Offset  int64
	Length  uint32
}

// Version is one version of a resource as the index knows it.
type Version struct {
	Number  uint64
	Time    int64 // Unix milliseconds
	Deleted bool
	Created bool // it found nothing current: the first version, or the one after a deletion
	Chart   string
	Slot    uint64      // of the key it is sealed under
	Blob    verify.Hash // of a ciphertext with a Place the first shortHash bytes, the rest zero; see Is
	Place   Place
	Entry   uint64 // journal number of the entry that wrote it
	Doc     uint32 // by which number searches know it. Apply sets it
}

// shortHash is how much of the hash of a ciphertext is kept whose place is known, in bytes: it only tells whether other bytes are there by now.
const shortHash = 16

// hashSize is how much of Blob is kept.
func (v *Version) hashSize() int {
	if v.Place.Length > 0 {
		return shortHash
	}
	return len(v.Blob)
}

// Is tells whether a ciphertext of that hash is this version's.
func (v *Version) Is(blob verify.Hash) bool {
	n := v.hashSize()
	return bytes.Equal(blob[:n], v.Blob[:n])
}

const (
	flagDeleted = 1 << 0
	flagCreated = 1 << 1
)

// encode gives the row of a version of the resource with an id. Its time is counted from the one that the id tells, if it tells any.
func (v *Version) encode(id string) []byte {
	b := make([]byte, 0, 96)
	flag := byte(0)
	if v.Deleted {
		flag |= flagDeleted
	}
	if v.Created {
		flag |= flagCreated
	}
	b = append(b, flag)
	b = binary.AppendVarint(b, v.Time-timeOf(id))
	for _, n := range []uint64{v.Number, v.Slot, uint64(v.Place.Segment), uint64(v.Place.Offset), uint64(v.Place.Length), v.Entry, uint64(v.Doc)} {
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, v.Blob[:v.hashSize()]...)
	return appendPacked(b, v.Chart)
}

func decodeVersion(id string, b []byte) (v Version, ok bool) {
	if len(b) == 0 || b[0]&^(flagDeleted|flagCreated) != 0 {
		return v, false
	}
	flag := b[0]
	v.Deleted, v.Created = flag&flagDeleted != 0, flag&flagCreated != 0
	since, w := binary.Varint(b[1:])
	if w <= 0 {
		return v, false
	}
	b = b[1+w:]
	var n [7]uint64
	for i := range n {
		w := 0
		if n[i], w = binary.Uvarint(b); w <= 0 {
			return v, false
		}
		b = b[w:]
	}
	if n[2] > math.MaxUint32 || n[3] > math.MaxInt64 || n[4] > math.MaxUint32 || n[6] > math.MaxUint32 {
		return v, false
	}
	v.Number, v.Time, v.Slot = n[0], timeOf(id)+since, n[1]
	v.Place = Place{Segment: uint32(n[2]), Offset: int64(n[3]), Length: uint32(n[4])}
	v.Entry, v.Doc = n[5], uint32(n[6])
	size := v.hashSize()
	if len(b) < size {
		return v, false
	}
	copy(v.Blob[:], b[:size])
	v.Chart, ok = unpack(b[size:])
	return v, ok
}
