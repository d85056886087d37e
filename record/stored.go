package record

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/sijil-health/sijil/verify"
)

// The stored form of an entry is what is sealed: short, and enough to make the entry's CBOR again to the byte, over which commitment and leaf are
// computed. What the reader knows is left out: the organisation, the entry's number, and the commitments that stand beside the seal.
//
//	kind ‖ u48be time ‖ prev[32] ‖ request[16] ‖ uvarint (outcome − 200 mod 2^16) ‖ text chart
//	     ‖ uvarint number of targets ‖ targets ‖ text actor ‖ text role ‖ text purpose ‖ text detail
//	target = text ref ‖ uvarint (2·version + brought) ‖ uvarint slot, if brought
//
// A target that is brought has its ciphertext in the envelope, and its two commitments beside the seal. For text see storedText. Whatever does
// not come back the same from this form is stored as `00 ‖ CBOR`, so that the form need not know everything that an entry may say.
const plainForm = 0

var errStored = errors.New("malformed stored entry")

// beside is what stands outside the seal of an entry, for each ciphertext it brings. Nothing can be learnt from the commitments without the
// salt inside the ciphertext.
type beside struct {
	blobs       []verify.Hash
	commitments []byte // source and served, 64 bytes each
}

const besideSize = 2 * 32

// besideOf collects the commitments to what an entry brings.
func besideOf(targets []verify.Target, blobs []verify.Hash) beside {
	b := beside{blobs, make([]byte, 0, besideSize*len(blobs))}
	for i := range targets {
		if t := &targets[i]; len(b.commitments) < besideSize*len(blobs) && !t.Blob.IsZero() {
			b.commitments = append(append(b.commitments, t.Source[:]...), t.Served[:]...)
		}
	}
	b.commitments = append(b.commitments, make([]byte, besideSize*len(blobs)-len(b.commitments))...)
	return b
}

// put restores what a target says of ciphertext i.
func (b *beside) put(t *verify.Target, i int) bool {
	if i >= len(b.blobs) {
		return false
	}
	c := b.commitments[besideSize*i:]
	t.Blob, t.Source, t.Served = b.blobs[i], verify.Hash(c[:32]), verify.Hash(c[32:besideSize])
	return true
}

// store gives the stored form of an entry, of which body is the CBOR.
func (b *beside) store(e *verify.Entry, body []byte) []byte {
	short := b.shorten(e)
	if back, err := b.restore(short, e.Org, e.Number); err == nil && bytes.Equal(back.Encode(), body) {
		return short
	}
	return append([]byte{plainForm}, body...)
}

// shorten gives the short form, which may not say all of the entry.
func (b *beside) shorten(e *verify.Entry) []byte {
	out := append(make([]byte, 0, 256), byte(e.Kind))
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(e.Time))
	out = append(out, at[2:]...)
	out = append(append(out, e.Prev[:]...), e.Request[:]...)
	out = binary.AppendUvarint(out, uint64(e.Outcome-200))
	text := storedText{}
	out = text.append(out, e.Chart)
	text.chart = e.Chart
	out = binary.AppendUvarint(out, uint64(len(e.Targets)))
	for i := range e.Targets {
		t := &e.Targets[i]
		out = text.append(out, t.Ref)
		text.ref = e.Targets[0].Ref
		if t.Blob.IsZero() {
			out = binary.AppendUvarint(out, 2*t.Version)
			continue
		}
		out = binary.AppendUvarint(binary.AppendUvarint(out, 2*t.Version+1), t.Slot)
	}
	for _, s := range [...]string{e.Actor, e.Role, e.Purpose, e.Detail} {
		out = text.append(out, s)
	}
	return out
}

// restore makes an entry again from its stored form.
func (b *beside) restore(stored []byte, org verify.OrgID, number uint64) (*verify.Entry, error) {
	if len(stored) == 0 {
		return nil, errStored
	}
	if stored[0] == plainForm {
		return verify.DecodeEntry(stored[1:])
	}
	r := storedReader{b: stored}
	e := &verify.Entry{Version: verify.EntryVersion, Org: org, Number: number, Kind: verify.Kind(r.take(1)[0])}
	var at [8]byte
	copy(at[2:], r.take(6))
	e.Time = int64(binary.BigEndian.Uint64(at[:]))
	copy(e.Prev[:], r.take(32))
	copy(e.Request[:], r.take(16))
	e.Outcome = uint16(r.uvarint()) + 200
	e.Chart = r.text()
	r.said.chart = e.Chart
	brought := 0
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		t := verify.Target{Ref: r.text()}
		v := r.uvarint()
		t.Version = v / 2
		if v%2 == 1 {
			if t.Slot = r.uvarint(); !b.put(&t, brought) {
				return nil, errStored
			}
			brought++
		}
		e.Targets = append(e.Targets, t)
		r.said.ref = e.Targets[0].Ref
	}
	for _, s := range [...]*string{&e.Actor, &e.Role, &e.Purpose, &e.Detail} {
		*s = r.text()
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = errStored
	}
	return e, r.err
}

// storedReader reads a short form; after the first error it gives zeros.
type storedReader struct {
	b    []byte
	said storedText
	out  int // bytes of text given so far
	err  error
}

func (r *storedReader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		r.err = errStored
		return make([]byte, n)
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *storedReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.err != nil || n <= 0 {
		r.err = errStored
		return 0
	}
	r.b = r.b[n:]
	return v
}
