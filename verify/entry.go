package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// EntryVersion is the only version of Entry there is.
const EntryVersion = 1

// MaxEntry bounds the CBOR form of an entry, in bytes.
const MaxEntry = 1 << 20

// Kind says what an entry records.
type Kind uint8

// The kinds of entry. The numbers are part of the format and never change their meaning.
const (
	KindCreate  Kind = 1
	KindUpdate  Kind = 2
	KindDelete  Kind = 3
	KindRead    Kind = 4 // one version was released
	KindSearch  Kind = 5 // the matches named in Targets were released
	KindHistory Kind = 6 // the versions named in Targets were released
	KindRefuse  Kind = 7 // nothing was released; Outcome says why
	KindExport  Kind = 8 // receipts, exports, proofs handed out
	KindSystem  Kind = 9 // what the node itself did: keys, backup, repair
)

// Entry is one line of the record: who did what to which chart, when, and why. It is encoded as CBOR
// (RFC 8949, core deterministic encoding, integer keys) and only ever leaves its node sealed, or
// opened inside a Receipt.
type Entry struct {
	Version uint8  `cbor:"1,keyasint"`
	Kind    Kind   `cbor:"2,keyasint"`
	Time    int64  `cbor:"3,keyasint"` // Unix milliseconds on the organisation's own clock
	Org     OrgID  `cbor:"4,keyasint"`
	Actor   string `cbor:"5,keyasint"`
	Role    string `cbor:"6,keyasint"`
	Purpose string `cbor:"7,keyasint"` // v3-ActReason code, e.g. TREAT

	// Chart is the patient whose chart this is ("Patient/…"); empty for the organisation's own stream.
	Chart string `cbor:"8,keyasint,omitempty"`
	// Number counts the chart's entries densely from 0; Prev is the leaf of entry Number-1.
	// Together they make a missing or replaced entry visible to whoever walks the chart.
	Number uint64 `cbor:"9,keyasint"`
	Prev   Hash   `cbor:"10,keyasint"`

	Targets []Target `cbor:"11,keyasint,omitempty"`
	Detail  string   `cbor:"12,keyasint,omitempty"` // what was asked, e.g. "GET Observation?code=…"
	Outcome uint16   `cbor:"13,keyasint"`           // HTTP status of the answer
	Request [16]byte `cbor:"14,keyasint"`           // joins the entries that one request left
}

// Target names one resource version that an entry touched.
type Target struct {
	Ref     string `json:"ref" cbor:"1,keyasint"` // "Observation/…"
	Version uint64 `json:"version" cbor:"2,keyasint"`
	// Content commits to the bytes as received and as served, see Forms. It is zero where nothing was stored (reads, deletes).
	Content Hash `json:"content,omitzero" cbor:"3,keyasint,omitzero"`
	// Blob is the SHA-256 of the ciphertext that holds the version.
	Blob Hash `json:"blob,omitzero" cbor:"4,keyasint,omitzero"`
	// Slot is the number of the compartment key in the organisation's key store under which Blob was sealed.
	Slot uint64 `json:"slot,omitempty" cbor:"5,keyasint,omitempty"`
}

var (
	entryEnc = must(cbor.CoreDetEncOptions().EncMode())
	entryDec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  1 << 16,
		MaxMapPairs:       64,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode gives the deterministic CBOR form of the entry.
func (e *Entry) Encode() []byte { return must(entryEnc.Marshal(e)) }

// DecodeEntry reads an entry and refuses anything but the one deterministic encoding of it, so that
// two different byte strings can never be shown as the same entry.
func DecodeEntry(b []byte) (*Entry, error) {
	if len(b) > MaxEntry {
		return nil, fmt.Errorf("entry: %d bytes, at most %d", len(b), MaxEntry)
	}
	e := new(Entry)
	if err := entryDec.Unmarshal(b, e); err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	if e.Version != EntryVersion {
		return nil, fmt.Errorf("entry: version %d is unknown", e.Version)
	}
	if e.Kind < KindCreate || e.Kind > KindSystem {
		return nil, fmt.Errorf("entry: kind %d is unknown", e.Kind)
	}
	if !hmac.Equal(e.Encode(), b) {
		return nil, fmt.Errorf("entry: not in deterministic encoding")
	}
	return e, nil
}

// Commit is HMAC-SHA-256(salt, b), the commitment used for entries and for contents. With a salt that
// nobody can guess and few are told, it gives nobody a dictionary to try laboratory values against.
func Commit(salt *[32]byte, b []byte) Hash {
	m := hmac.New(sha256.New, salt[:])
	m.Write(b)
	return Hash(m.Sum(nil))
}

// Forms are the commitments to the two forms of a resource, as received and as served, HMAC-SHA-256(salt, bytes) each, with their salt: who
// has them can hold either form against the entry without the other.
type Forms struct {
	Salt   Salt `json:"salt" cbor:"1,keyasint"`
	Source Hash `json:"source" cbor:"2,keyasint"`
	Served Hash `json:"served" cbor:"3,keyasint"`
}

// FormsOf commits to both forms of a resource.
func FormsOf(salt Salt, source, served []byte) Forms {
	key := (*[32]byte)(&salt)
	return Forms{salt, Commit(key, source), Commit(key, served)}
}

// Commit gives the one hash that stands for both in an entry: SHA-256("sijil/forms/1" ‖ source ‖ served).
func (f *Forms) Commit() Hash {
	var b [13 + 2*32]byte
	n := copy(b[:], "sijil/forms/1")
	n += copy(b[n:], f.Source[:])
	copy(b[n:], f.Served[:])
	return sha256.Sum256(b[:])
}

// Bind joins the commitment to the key that an entry was sealed under and the commitment to the entry itself, so that one hash stands for both
// wherever neither can be opened: SHA-256("sijil/bind/1" ‖ key commitment ‖ commitment to the entry).
func Bind(key, entry Hash) Hash {
	var b [12 + 2*32]byte
	n := copy(b[:], "sijil/bind/1")
	n += copy(b[n:], key[:])
	copy(b[n:], entry[:])
	return sha256.Sum256(b[:])
}

// Leaf is the value by which an entry stands in its batch: SHA-256("sijil/leaf/1" ‖ tag ‖ SHA-256(envelope) ‖ binding). None of the three needs
// a key, so that it can be computed when the entry is erased.
func Leaf(tag Tag, envelope, binding Hash) Hash {
	var b [12 + 16 + 2*32]byte
	n := copy(b[:], "sijil/leaf/1")
	n += copy(b[n:], tag[:])
	n += copy(b[n:], envelope[:])
	copy(b[n:], binding[:])
	return sha256.Sum256(b[:])
}
