package record

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/sijil-health/sijil/verify"
)

// The stored form of an entry is what is sealed: short, and enough to make the entry's CBOR again to the byte, over which commitment and leaf are
// computed. What the reader knows is left out: see known.
//
//	head ‖ u48be time, if 10 ‖ prev[32] ‖ request[16], if 40 ‖ uvarint (outcome − 200 mod 2^16) ‖ text chart, if 20
//	     ‖ uvarint number of targets ‖ targets ‖ text actor ‖ text role ‖ text purpose ‖ text detail
//	target = text ref ‖ uvarint (2·version + brought) ‖ varint (slot − slot of the log key), if brought
//
// The head is the kind, and which of three fields stand here because they are not what is usual. A target that is brought has its ciphertext in
// the envelope, and its commitment beside the seal; its key was mostly made together with the log key, so that the slots are neighbours.
// For text see storedText. Whatever does not come back the same from this form is stored as `00 ‖ CBOR`, so that the form need not know
// everything that an entry may say.
const (
	plainForm   = 0
	kindBits    = 0x0f
	withTime    = 0x10 // not the record's
	withChart   = 0x20 // not that of the log key
	withRequest = 0x40 // not all zeros
)

var errStored = errors.New("malformed stored entry")

// known is what the reader of a stored entry knows without it. The key store says whose the log key is, and the journal's record, which its
// seal covers, when it was written.
type known struct {
	org    verify.OrgID
	chart  string
	slot   uint64 // of the log key
	number uint64
	time   int64 // of the record
	beside
}

// beside is what stands outside the seal of an entry, for each ciphertext it brings. Nothing can be learnt from the commitments without the
// salt inside the ciphertext.
type beside struct {
	blobs       []verify.Hash
	commitments []byte // to the contents, 32 bytes each
}

const besideSize = 32

// besideOf collects the commitments to what an entry brings.
func besideOf(targets []verify.Target, blobs []verify.Hash) beside {
	b := beside{blobs, make([]byte, 0, besideSize*len(blobs))}
	for i := range targets {
		if t := &targets[i]; len(b.commitments) < besideSize*len(blobs) && !t.Blob.IsZero() {
			b.commitments = append(b.commitments, t.Content[:]...)
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
	t.Blob, t.Content = b.blobs[i], verify.Hash(b.commitments[besideSize*i:])
	return true
}

// store gives the stored form of an entry, of which body is the CBOR.
func (k *known) store(e *verify.Entry, body []byte) []byte {
	short := k.shorten(e)
	if back, err := k.restore(short); err == nil && bytes.Equal(back.Encode(), body) {
		return short
	}
	return append([]byte{plainForm}, body...)
}

// shorten gives the short form, which may not say all of the entry.
func (k *known) shorten(e *verify.Entry) []byte {
	out := append(make([]byte, 0, 256), byte(e.Kind))
	if e.Time != k.time {
		out[0] |= withTime
		var at [8]byte
		binary.BigEndian.PutUint64(at[:], uint64(e.Time))
		out = append(out, at[2:]...)
	}
	out = append(out, e.Prev[:]...)
	if e.Request != [16]byte{} {
		out[0] |= withRequest
		out = append(out, e.Request[:]...)
	}
	out = binary.AppendUvarint(out, uint64(e.Outcome-200))
	text := storedText{}
	if e.Chart != k.chart {
		out[0] |= withChart
		out = text.append(out, e.Chart)
	}
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
		out = binary.AppendVarint(binary.AppendUvarint(out, 2*t.Version+1), int64(t.Slot-k.slot))
	}
	for _, s := range [...]string{e.Actor, e.Role, e.Purpose, e.Detail} {
		out = text.append(out, s)
	}
	return out
}

// restore makes an entry again from its stored form.
func (k *known) restore(stored []byte) (*verify.Entry, error) {
	if len(stored) == 0 {
		return nil, errStored
	}
	if stored[0] == plainForm {
		return verify.DecodeEntry(stored[1:])
	}
	r := storedReader{b: stored}
	head := r.take(1)[0]
	e := &verify.Entry{Version: verify.EntryVersion, Kind: verify.Kind(head & kindBits), Org: k.org, Number: k.number, Time: k.time, Chart: k.chart}
	if head&withTime != 0 {
		var at [8]byte
		copy(at[2:], r.take(6))
		e.Time = int64(binary.BigEndian.Uint64(at[:]))
	}
	copy(e.Prev[:], r.take(32))
	if head&withRequest != 0 {
		copy(e.Request[:], r.take(16))
	}
	e.Outcome = uint16(r.uvarint()) + 200
	if head&withChart != 0 {
		e.Chart = r.text()
	}
	r.said.chart = e.Chart
	k.targets(&r, e)
	for _, s := range [...]*string{&e.Actor, &e.Role, &e.Purpose, &e.Detail} {
		*s = r.text()
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = errStored
	}
	return e, r.err
}

// targets reads what an entry touched.
func (k *known) targets(r *storedReader, e *verify.Entry) {
	brought := 0
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		t := verify.Target{Ref: r.text()}
		v := r.uvarint()
		t.Version = v / 2
		if v%2 == 1 {
			t.Slot = k.slot + uint64(r.varint())
			if !k.put(&t, brought) {
				r.err = errStored
				return
			}
			brought++
		}
		e.Targets = append(e.Targets, t)
		r.said.ref = e.Targets[0].Ref
	}
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

func (r *storedReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}
