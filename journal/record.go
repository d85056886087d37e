package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/sijil-health/sijil/verify"
)

// Limits of one record.
const (
	MaxInline  = 64 << 10 // bytes of one ciphertext kept inside the record; larger ones are blobs of their own
	MaxRecord  = 64 << 20 // bytes of one encoded record
	MaxEntries = 1 << 16  // entries of one record, at least one
	MaxBlobs   = 1 << 16  // inline ciphertexts of one record
)

// maxU48 bounds the number of an entry and the time of a record, which is before the year 10,889.
const maxU48 = 1<<48 - 1

const (
	recordVersion = 1
	sealedVersion = 2           // the same, with a seal at the end
	recordFixed   = 1 + 6 + 6   // version, first entry, time
	entryFixed    = 16 + 32 + 8 // bytes of an entry before its envelope
	recordMin     = recordFixed + 1 + entryFixed + 1 + 1
)

// ErrRecord is returned for bytes that are no record.
var ErrRecord = errors.New("journal: malformed record")

// Entry is one sealed entry: what a custodian can see of it, and all that its leaf is made of.
type Entry struct {
	Tag      verify.Tag
	Bind     verify.Hash // verify.Bind of the commitments to its key and to itself, which follow from the chart's key
	Envelope []byte      // see Envelope
	// Guide tells the owner, and only the owner, which chart and which number this is: slot and number of the key under a pad that the
	// vault makes of the tag; see vault.Guide. It is no part of the leaf: if it is damaged the entry's tag disagrees with it.
	Guide [8]byte
}

// Leaf is the entry's value in its batch. It needs no key.
func (e *Entry) Leaf() verify.Hash {
	return verify.Leaf(e.Tag, sha256.Sum256(e.Envelope), e.Bind)
}

// Record is what one request leaves in the journal: written whole or not at all, and never changed after.
type Record struct {
	First   uint64 // number of the first entry, dense over the journal
	Time    int64  // Unix milliseconds
	Entries []Entry
	Blobs   [][]byte // ciphertexts of at most MaxInline bytes that the entries' envelopes name by hash
	Seal    []byte   // of SealSize bytes, by which the owner knows its own record in its place, after its own; nil in a journal without a Key
}

// Envelope joins the content addresses of the ciphertexts that an entry brings with its sealed bytes. Because the leaf covers
// the envelope, whoever holds the journal can tell without a key whether a ciphertext is missing or was exchanged.
func Envelope(blobs []verify.Hash, sealed []byte) []byte {
	b := make([]byte, 0, 1+32*len(blobs)+len(sealed))
	b = append(b, uint8(len(blobs)))
	for _, h := range blobs {
		b = append(b, h[:]...)
	}
	return append(b, sealed...)
}

// Open splits the entry's envelope.
func (e *Entry) Open() (blobs []verify.Hash, sealed []byte, err error) {
	if len(e.Envelope) < 1 || len(e.Envelope) < 1+32*int(e.Envelope[0]) {
		return nil, nil, ErrRecord
	}
	p := e.Envelope[1:]
	for range e.Envelope[0] {
		blobs = append(blobs, verify.Hash(p[:32]))
		p = p[32:]
	}
	return blobs, p, nil
}

// Append adds the encoded record to b; see docs/spec/journal.md.
func (r *Record) Append(b []byte) []byte {
	version := byte(recordVersion)
	if r.Seal != nil {
		version = sealedVersion
	}
	b = append(b, version)
	b = appendU48(b, r.First)
	b = appendU48(b, uint64(r.Time))
	b = binary.AppendUvarint(b, uint64(len(r.Entries)))
	for i := range r.Entries {
		e := &r.Entries[i]
		b = append(b, e.Tag[:]...)
		b = append(b, e.Bind[:]...)
		b = append(b, e.Guide[:]...)
		b = appendBytes(b, e.Envelope)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Blobs)))
	for _, blob := range r.Blobs {
		b = appendBytes(b, blob)
	}
	return append(b, r.Seal...)
}

// size is the length of what Append adds, in bytes.
func (r *Record) size() int {
	n := recordFixed + uvarintLen(len(r.Entries)) + uvarintLen(len(r.Blobs)) + len(r.Seal)
	for i := range r.Entries {
		n += entryFixed + uvarintLen(len(r.Entries[i].Envelope)) + len(r.Entries[i].Envelope)
	}
	for _, blob := range r.Blobs {
		n += uvarintLen(len(blob)) + len(blob)
	}
	return n
}

// check refuses what DecodeRecord would not give back.
func (r *Record) check() error {
	switch {
	case len(r.Entries) == 0 || len(r.Entries) > MaxEntries:
		return fmt.Errorf("%w: %d entries, want 1 to %d", ErrRecord, len(r.Entries), MaxEntries)
	case r.First > maxU48 || r.Time < 0 || r.Time > maxU48:
		return fmt.Errorf("%w: entry %d at %d ms, at most %d of either", ErrRecord, r.First, r.Time, uint64(maxU48))
	case len(r.Blobs) > MaxBlobs:
		return fmt.Errorf("%w: %d ciphertexts, at most %d", ErrRecord, len(r.Blobs), MaxBlobs)
	}
	for _, blob := range r.Blobs {
		if len(blob) > MaxInline {
			return fmt.Errorf("%w: a ciphertext of %d bytes, at most %d are kept inside a record", ErrRecord, len(blob), MaxInline)
		}
	}
	if n := r.size(); n > MaxRecord {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrRecord, n, MaxRecord)
	}
	return nil
}

// DecodeRecord reads what Append wrote and refuses any other encoding of it. The result points into b.
func DecodeRecord(b []byte) (*Record, error) {
	if len(b) < recordMin || len(b) > MaxRecord {
		return nil, ErrRecord
	}
	var mark []byte
	switch b[0] {
	case recordVersion:
	case sealedVersion:
		end := len(b) - SealSize
		if b, mark = b[:end:end], b[end:]; end < recordMin {
			return nil, ErrRecord
		}
	default:
		return nil, ErrRecord
	}
	r := &Record{Seal: mark, First: u48(b[1:]), Time: int64(u48(b[7:]))}
	n, p, ok := takeCount(b[recordFixed:], entryFixed+1)
	if !ok || n == 0 || n > MaxEntries {
		return nil, ErrRecord
	}
	r.Entries = make([]Entry, n)
	for i := range r.Entries {
		e := &r.Entries[i]
		if len(p) < entryFixed {
			return nil, ErrRecord
		}
		p = p[copy(e.Tag[:], p):]
		p = p[copy(e.Bind[:], p):]
		p = p[copy(e.Guide[:], p):]
		if e.Envelope, p, ok = takeBytes(p); !ok {
			return nil, ErrRecord
		}
	}
	if n, p, ok = takeCount(p, 1); !ok || n > MaxBlobs {
		return nil, ErrRecord
	}
	if n > 0 {
		r.Blobs = make([][]byte, n)
	}
	for i := range r.Blobs {
		if r.Blobs[i], p, ok = takeBytes(p); !ok || len(r.Blobs[i]) > MaxInline {
			return nil, ErrRecord
		}
	}
	if len(p) != 0 {
		return nil, ErrRecord
	}
	return r, nil
}

func appendU48(b []byte, n uint64) []byte {
	return append(b, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func u48(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

func appendBytes(b, v []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(v))), v...) }

// takeCount reads a count of things that take at least size bytes each, so that a small input cannot ask for a large allocation.
func takeCount(p []byte, size int) (int, []byte, bool) {
	n, w := uvarint(p)
	if w <= 0 || n > uint64(len(p)-w)/uint64(size) {
		return 0, nil, false
	}
	return int(n), p[w:], true
}

func takeBytes(p []byte) (v, rest []byte, ok bool) {
	n, w := uvarint(p)
	if w <= 0 || n > uint64(len(p)-w) {
		return nil, nil, false
	}
	end := w + int(n)
	return p[w:end:end], p[end:], true
}

// uvarint is binary.Uvarint that accepts only the shortest form of a number, so that a record has one encoding.
func uvarint(p []byte) (uint64, int) {
	n, w := binary.Uvarint(p)
	if w > 1 && p[w-1] == 0 {
		return 0, 0
	}
	return n, w
}

func uvarintLen(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }
