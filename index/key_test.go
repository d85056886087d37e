package index

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/journal"
)

// FuzzVersion reads rows of versions: an error, or what comes back the same.
func FuzzVersion(f *testing.F) {
	v := Version{Number: 3, Time: 1795000000123, Created: true, Chart: "Patient/p1", Slot: 7, Blob: [32]byte{1}, Place: Place{2, 4096, 900}, Entry: 70000}
	f.Add(v.encode(uuids[0]))
	f.Add((&Version{Deleted: true, Time: -1}).encode(uuids[0]))
	f.Add((&Version{Number: 2, Entry: 9, Doc: 4}).encode(uuids[0]))
	f.Add([]byte{0, 2, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 1, 1})    // segment 2^32
	f.Add([]byte{0, 2, 1, 1, 1, 1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x10}) // document 2^32
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := decodeVersion(uuids[0], b)
		if !ok {
			return
		}
		if v.Place.Offset < 0 {
			t.Fatalf("a place at %d", v.Place.Offset)
		}
		if again, ok := decodeVersion(uuids[0], v.encode(uuids[0])); !ok || again != v {
			t.Fatal(cmp.Diff(v, again))
		}
	})
}

func TestAPlaceThatDoesNotFitIsNoPlace(t *testing.T) {
	for i, b := range [][]byte{
		{0x80, 0x80, 0x80, 0x80, 0x10, 1, 1},                               // segment 2^32
		{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 1}, // offset 2^63
		{1, 1, 0x80, 0x80, 0x80, 0x80, 0x10},                               // length 2^32
	} {
		row := append([]byte{0, 1, 1, 1}, b...)
		if v, ok := decodeVersion("", append(row, make([]byte, 1+32)...)); ok {
			t.Errorf("row %d: %+v", i, v)
		}
	}
}

// FuzzHead reads the rows of charts: an error, or what comes back the same.
func FuzzHead(f *testing.F) {
	f.Add((&head{Chart: Chart{Next: 9, Last: [32]byte{1}}, tail: []uint64{4, 5, 900}}).encode())
	f.Add(make([]byte, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := decodeHead(b)
		if !ok {
			return
		}
		if again, ok := decodeHead(h.encode()); !ok || !cmp.Equal(h, again, cmp.AllowUnexported(head{})) {
			t.Fatal(cmp.Diff(h, again, cmp.AllowUnexported(head{})))
		}
	})
}

// FuzzRecords reads rows of journal records: an error, or places that end.
func FuzzRecords(f *testing.F) {
	var r records
	for i := range uint64(5) {
		r.add(journal.Cursor{Segment: 7, Offset: int64(100 * i), Entry: 3 * i})
	}
	f.Add(recordsKey(0), r.row)
	f.Add(recordsKey(1), []byte{1})
	f.Fuzz(func(t *testing.T, key, row []byte) {
		n := 0
		if err := readRecords(key, row, func(journal.Cursor) bool { n++; return true }); err == nil && n > len(row) {
			t.Fatalf("%d records in %d bytes", n, len(row))
		}
	})
}
