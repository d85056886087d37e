package index

import (
	"encoding/binary"
	"math"

	"github.com/sijil-health/sijil/verify"
)

// Families of keys. Strings inside keys are packed (see appendPacked) and end with a zero byte; FHIR types, ids and parameter names cannot hold
// one, and values that do are cut there.
const (
	famPosition = 'p' // p                             → journal.Cursor
	famCurrent  = 'r' // r type 0 id                   → Version (the current one)
	famVersion  = 'v' // v type 0 id 0 ^number         → Version that is no longer current, newest first
	famTerms    = 'x' // x type 0 id                   → the current version's terms
	famValue    = 't' // t type 0 param 0 kind value 0 id →
	famDate     = 'd' // d type 0 param 0 id 0 lo hi   →
	famChart    = 'c' // c chart                       → next number, leaf of the last entry
	famEntry    = 'e' // e chart 0 number              → journal entry number
	famRecord   = 'n' // n first entry number          → segment, offset
	famUnread   = 'u' // u type 0 id                   → nothing: the current version could not be read, and has no terms
	famRules    = 'f' // f                             → by which rules terms were made
)

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

func termKey(typ, id string, t Term) []byte {
	if t.Kind == Date {
		b := append(keyOf(famDate, typ, t.Param, id), 0)
		return appendInt(appendInt(b, t.Lo), t.Hi)
	}
	b := append(keyOf(famValue, typ, t.Param), 0, byte(t.Kind))
	b = append(appendPacked(b, clean(t.Value)), 0)
	return appendPacked(b, id)
}

// clean makes a value fit into a key: bounded, without the zero byte that ends it, and without the mark of what is packed.
func clean(value string) string {
	value = cut(value)
	for i := range len(value) {
		if value[i] == 0 || value[i] == packMark {
			return value[:i]
		}
	}
	return value
}

func entryKey(chart string, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(keyOf(famEntry, chart), 0), number)
}

func recordKey(first uint64) []byte { return binary.BigEndian.AppendUint64([]byte{famRecord}, first) }

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
	Slot    uint64 // of the key it is sealed under
	Blob    verify.Hash
	Place   Place
	Entry   uint64 // journal number of the entry that wrote it
}

const (
	flagDeleted = 1 << 0
	flagCreated = 1 << 1
)

func (v *Version) encode() []byte {
	b := make([]byte, 0, 96)
	flag := byte(0)
	if v.Deleted {
		flag |= flagDeleted
	}
	if v.Created {
		flag |= flagCreated
	}
	b = append(b, 1, flag)
	for _, n := range []uint64{v.Number, uint64(v.Time), v.Slot, uint64(v.Place.Segment), uint64(v.Place.Offset), uint64(v.Place.Length), v.Entry} {
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, v.Blob[:]...)
	return appendPacked(b, v.Chart)
}

func decodeVersion(b []byte) (v Version, ok bool) {
	if len(b) < 2 || b[0] != 1 {
		return v, false
	}
	v.Deleted, v.Created = b[1]&flagDeleted != 0, b[1]&flagCreated != 0
	b = b[2:]
	var n [7]uint64
	for i := range n {
		w := 0
		if n[i], w = binary.Uvarint(b); w <= 0 {
			return v, false
		}
		b = b[w:]
	}
	if len(b) < len(v.Blob) {
		return v, false
	}
	if n[3] > math.MaxUint32 || n[4] > math.MaxInt64 || n[5] > math.MaxUint32 {
		return v, false
	}
	v.Number, v.Time, v.Slot = n[0], int64(n[1]), n[2]
	v.Place = Place{Segment: uint32(n[3]), Offset: int64(n[4]), Length: uint32(n[5])}
	v.Entry = n[6]
	v.Chart, ok = unpack(b[copy(v.Blob[:], b):])
	return v, ok
}
