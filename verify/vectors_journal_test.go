package verify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// journalVector is one record of the journal; see docs/spec/journal.md. This package does not write journals, but every
// leaf can be computed from their bytes, and this test does so by the specification alone.
type journalVector struct {
	Record octets   `json:"record"`
	First  uint64   `json:"first"`
	Time   int64    `json:"time"`
	Leaves []octets `json:"leaves"`
	Blobs  []octets `json:"blobs"`

	Key     octets `json:"key"`
	Segment octets `json:"segment"`
}

func TestJournalVector(t *testing.T) {
	var v journalVector
	if err := json.Unmarshal(load(t, "journal.json"), &v); err != nil {
		t.Fatal(err)
	}
	p := v.Record
	take := func(n int) []byte {
		b := p[:n]
		p = p[n:]
		return b
	}
	number := func() (n uint64) {
		for shift := 0; ; shift += 7 {
			b := take(1)[0]
			n |= uint64(b&0x7f) << shift
			if b < 0x80 {
				return n
			}
		}
	}
	fixed := func() (n uint64) {
		for _, b := range take(6) {
			n = n<<8 | uint64(b)
		}
		return n
	}
	if version := take(1)[0]; version != 1 {
		t.Fatalf("version %d", version)
	}
	if first, at := fixed(), fixed(); first != v.First || int64(at) != v.Time {
		t.Fatal(first, at)
	}
	var leaves, blobs []octets
	for range number() {
		tag, binding := Tag(take(16)), Hash(take(32))
		take(8) // guide
		leaf := Leaf(tag, sum256(take(int(number()))), binding)
		leaves = append(leaves, leaf[:])
	}
	for range number() {
		blobs = append(blobs, slices.Clone(take(int(number()))))
	}
	if diff := cmp.Diff(v, journalVector{v.Record, v.First, v.Time, leaves, blobs, v.Key, v.Segment}); diff != "" || len(p) != 0 {
		t.Fatal(len(p), diff)
	}
}

// TestSealVector checks link and mark of each record of the segment, by the specification alone.
func TestSealVector(t *testing.T) {
	var v journalVector
	if err := json.Unmarshal(load(t, "journal.json"), &v); err != nil {
		t.Fatal(err)
	}
	const header, head, link, mark = 72, 8, 4, 12
	records := 0
	for at := header; at < len(v.Segment); records++ {
		size := head + int(binary.BigEndian.Uint32(v.Segment[at:])&^(1<<31))
		frame := v.Segment[at : at+size]
		record, got := frame[head:size-mark], frame[size-mark:]
		if record[0] != 2 || !bytes.Equal(record[len(record)-link:], v.Segment[at-link:at]) {
			t.Errorf("record %d does not continue what stands before it", records)
		}
		m := hmac.New(sha256.New, v.Key)
		m.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32([]byte("sijil/seal/1"), 0), uint64(at)))
		if at == header {
			m.Write(v.Segment[:header])
		}
		m.Write(frame[:4])
		m.Write(record)
		if !bytes.Equal(m.Sum(nil)[:mark], got) {
			t.Errorf("record %d: another mark", records)
		}
		at += size
	}
	if records != 3 {
		t.Errorf("%d records", records)
	}
}
