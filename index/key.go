package index

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/sijil-health/sijil/verify"
)

// Families of keys. Strings inside keys are packed (see appendPacked) and end with a zero byte; FHIR types, ids and parameter names cannot hold
// one. A resource has a row: the journal number of the entry by which it came into the index, in rowSize bytes. Rows stand for resources where
// many keys name them, and order what a search finds.
const (
	famPosition = 'p' // p                             → journal.Cursor
	famCurrent  = 'r' // r type 0 id                   → Version (the current one)
	famVersion  = 'v' // v type 0 id 0 ^number         → Version that is no longer current, newest first
	famObject   = 'o' // o type 0 row                  → object: id, dates and marks of a resource that is not deleted
	famTerm     = 't' // t mark row                    →
	famChart    = 'c' // c chart                       → head
	famEntries  = 'e' // e chart 0 number              → journal numbers of a run of entries that begins with that number
	famRecords  = 'n' // n first entry number          → places of a run of journal records
	famUnread   = 'u' // u type 0 id                   → nothing: the current version could not be read, and its terms are not known
	famChange   = 'h' // h type 0 entry                → number and id of the version that the entry wrote
	famRules    = 'f' // f                             → by which rules terms were made
)

// rowSize is the length of a row or an entry number in a key, in bytes: more entries than there will be.
const rowSize = 6

func appendRow(b []byte, n uint64) []byte {
	return append(b, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// rowOf reads the row that a key ends with.
func rowOf(key []byte) (row uint64, ok bool) {
	if len(key) < rowSize {
		return 0, false
	}
	for _, b := range key[len(key)-rowSize:] {
		row = row<<8 | uint64(b)
	}
	return row, true
}

func keyOf(family byte, parts ...string) []byte {
	n := 1
	for _, p := range parts {
		n += len(p) + 1
	}
	b := append(make([]byte, 0, n+16), family)
	for i, p := range parts {
		if i > 0 {
			b = append(b, 0)
		}
		b = appendPacked(b, p)
	}
	return b
}

func versionKey(typ, id string, number uint64) []byte {
	b := append(keyOf(famVersion, typ, id), 0)
	return binary.BigEndian.AppendUint64(b, ^number)
}

// objectsKey begins the keys of all resources of a type.
func objectsKey(typ string) []byte { return append(keyOf(famObject, typ), 0) }

func objectKey(typ string, row uint64) []byte { return appendRow(objectsKey(typ), row) }

func entriesKey(chart string, number uint64) []byte {
	return appendRow(append(keyOf(famEntries, chart), 0), number)
}

func recordsKey(first uint64) []byte { return appendRow([]byte{famRecords}, first) }

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
	Row     uint64 // of the resource: the Entry of the first version that the index knew. Apply sets it
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
	flagRow     = 1 << 2 // the row is not the entry
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
	if v.Row != v.Entry {
		flag |= flagRow
	}
	b = append(b, flag)
	b = binary.AppendVarint(b, v.Time-timeOf(id))
	for _, n := range []uint64{v.Number, v.Slot, uint64(v.Place.Segment), uint64(v.Place.Offset), uint64(v.Place.Length), v.Entry} {
		b = binary.AppendUvarint(b, n)
	}
	if v.Row != v.Entry {
		b = binary.AppendUvarint(b, v.Row)
	}
	b = append(b, v.Blob[:v.hashSize()]...)
	return appendPacked(b, v.Chart)
}

func decodeVersion(id string, b []byte) (v Version, ok bool) {
	if len(b) == 0 || b[0]&^(flagDeleted|flagCreated|flagRow) != 0 {
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
		if i == 6 && flag&flagRow == 0 {
			n[i] = n[5]
			break
		}
		w := 0
		if n[i], w = binary.Uvarint(b); w <= 0 {
			return v, false
		}
		b = b[w:]
	}
	if n[2] > math.MaxUint32 || n[3] > math.MaxInt64 || n[4] > math.MaxUint32 {
		return v, false
	}
	v.Number, v.Time, v.Slot = n[0], timeOf(id)+since, n[1]
	v.Place = Place{Segment: uint32(n[2]), Offset: int64(n[3]), Length: uint32(n[4])}
	v.Entry, v.Row = n[5], n[6]
	size := v.hashSize()
	if len(b) < size {
		return v, false
	}
	copy(v.Blob[:], b[:size])
	v.Chart, ok = unpack(b[size:])
	return v, ok
}
