package journal

import (
	"crypto/sha256"

	"github.com/sijil-health/sijil/verify"
)

// Span says where a ciphertext lies inside its encoded record, so that it can be read again without the rest.
type Span struct {
	Hash   verify.Hash
	Offset int // from the first byte of the encoded record
	Length int
}

// BlobSpans gives the spans of all ciphertexts that the record holds, in their order.
func (r *Record) BlobSpans() []Span {
	if len(r.Blobs) == 0 {
		return nil
	}
	at := recordFixed + uvarintLen(len(r.Entries))
	for i := range r.Entries {
		n := len(r.Entries[i].Envelope)
		at += entryFixed + uvarintLen(n) + n
	}
	at += uvarintLen(len(r.Blobs))
	spans := make([]Span, len(r.Blobs))
	for i, b := range r.Blobs {
		at += uvarintLen(len(b))
		spans[i] = Span{Hash: sha256.Sum256(b), Offset: at, Length: len(b)}
		at += len(b)
	}
	return spans
}
