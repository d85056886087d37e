package index

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzVersion reads rows of versions: an error, or what comes back the same.
func FuzzVersion(f *testing.F) {
	v := Version{Number: 3, Time: 1795000000123, Created: true, Chart: "Patient/p1", Slot: 7, Blob: [32]byte{1}, Place: Place{2, 4096, 900}, Entry: 70000}
	f.Add(v.encode())
	f.Add((&Version{Deleted: true, Time: -1}).encode())
	f.Add([]byte{1, 0, 1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 1, 1}) // segment 2^32
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := decodeVersion(b)
		if !ok {
			return
		}
		if v.Place.Offset < 0 {
			t.Fatalf("a place at %d", v.Place.Offset)
		}
		if again, ok := decodeVersion(v.encode()); !ok || again != v {
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
		row := append([]byte{1, 0, 1, 1, 1}, b...)
		if v, ok := decodeVersion(append(row, make([]byte, 1+32)...)); ok {
			t.Errorf("row %d: %+v", i, v)
		}
	}
}

// FuzzTerms reads the terms that are kept beside a resource: an error, or what comes back the same, in all its forms.
func FuzzTerms(f *testing.F) {
	var kept []byte
	for _, t := range []Term{{Param: "code", Kind: Token, Value: "http://loinc.org|718-7"}, {Param: "date", Kind: Date, Lo: Past, Hi: Future}, {Param: "patient", Kind: Reference, Value: "Patient/p1"}} {
		kept = t.append(kept)
	}
	f.Add(kept)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, kept []byte) {
		for n := len(kept); n > 0; n = len(kept) {
			term, rest, ok := takeTerm(kept)
			if !ok {
				return
			}
			if len(rest) >= n {
				t.Fatal("nothing was taken")
			}
			again, none, ok := takeTerm(term.append(nil))
			if !ok || len(none) > 0 || again != term {
				t.Fatal(cmp.Diff(term, again))
			}
			for _, form := range forms(term) {
				if key := termKey("Type", "id", form); len(key) > len("Type")+len(form.Param)+MaxTermValue+32 {
					t.Fatalf("a key of %d bytes", len(key))
				}
			}
			kept = rest
		}
	})
}
