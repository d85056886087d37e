package index

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sijil-health/sijil/index/term"
)

// named is a writer that knows some names, as one that reads them does.
func named(t testing.TB) *writer {
	x := &Index{counts: map[uint32]uint64{}}
	for i, name := range []string{"code", "date", "http://s", "mg", "g"} {
		if !x.names.set(uint32(i+1), name) {
			t.Fatal(name)
		}
	}
	return x.writer(context.Background())
}

// FuzzDocument reads documents: an error, or what comes back the same.
func FuzzDocument(f *testing.F) {
	w := named(f)
	f.Add(w.encodeDocument(&document{serial: 7, updated: 1795000000123, id: uuids[0], terms: []term.Term{
		{Param: "code", Kind: term.Token, Code: "718-7"}, {Param: "date", Kind: term.Date, Lo: term.Past, Hi: 5}, {Param: "date", Kind: term.Date, Lo: -3000, Hi: 999},
		{Param: "value", Kind: term.Quantity, Low: 5, High: 6, System: "http://s", Code: "mg", Unit: "mg", Canonical: &term.Canonical{Low: 1, High: 1, Unit: "g"}},
		{Param: "pair", Kind: term.Composite, Parts: []term.Term{{Kind: term.Token, System: "http://s", Code: "1"}, {Kind: term.Number, Low: 1, High: math.Inf(1)}}},
		{Param: "subject", Kind: term.Reference, Value: "Patient/" + uuids[1]}, {Param: "name", Kind: term.String, Folded: "سينا"}, {Param: "url", Kind: term.URI, Value: "http://s"},
	}}))
	f.Add([]byte{0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0, 0, 0, 8, 1, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := w.x.names.decodeDocument(b, true)
		if !ok {
			return
		}
		if len(d.terms) > len(b) {
			t.Fatalf("%d terms in %d bytes", len(d.terms), len(b))
		}
		d.terms = slices.DeleteFunc(d.terms, func(v term.Term) bool {
			return v.Kind == term.Token && len(v.Code) > term.SortLength || v.Kind == term.URI && len(v.Value) > term.SortLength
		})
		again := *w // what it learns stays out of the names
		again.fresh = map[string]uint32{}
		for i := range d.terms {
			if name(again.x, d.terms[i].Param) {
				continue
			}
			return // a name that is written out here gets a number there
		}
		var want []term.Term
		for i := range d.terms {
			if kept(d.terms, i) {
				want = append(want, d.terms[i])
			}
		}
		back, ok := w.x.names.decodeDocument(again.encodeDocument(&d), true)
		if len(again.fresh) > 0 {
			return
		}
		if !ok || back.id != d.id || back.serial != d.serial || back.updated != d.updated ||
			!cmp.Equal(want, back.terms, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()) {
			t.Fatal(ok, cmp.Diff(want, back.terms))
		}
	})
}

func name(x *Index, s string) bool { return s == "" || x.names.find(s) > 0 }

// FuzzBlock reads blocks of lists: an error, or what comes back the same, whatever it is united with.
func FuzzBlock(f *testing.F) {
	f.Add([]byte{0, 1, 0, 9, 15, 255}, below(300).encode(nil))
	f.Add([]byte{0, 1, 0, 1}, []byte{16, 0})
	f.Add([]byte{}, make([]byte, blockSize))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var x, y set
		if !x.union(a) || !y.union(b) {
			return
		}
		key := postingKey(mark{}, 0)
		ab, err := Merge(key, a, b)
		ba, again := Merge(key, b, a)
		twice, third := Merge(key, ab, b)
		if err != nil || again != nil || third != nil || !bytes.Equal(ab, ba) || !bytes.Equal(ab, twice) {
			t.Fatal("the order matters", err, again, third)
		}
		x.or(&y)
		var back set
		if !back.union(ab) || back != x {
			t.Fatal("a union is not what it is of")
		}
	})
}

// FuzzPoint reads places in searches: an error, or what comes back the same.
func FuzzPoint(f *testing.F) {
	for _, p := range []Point{{}, {Serial: 9}, {Serial: 9, Doc: 1 << 31, Begun: true}} {
		b, _ := p.MarshalBinary()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again Point
		if p.UnmarshalBinary(b) != nil {
			return
		}
		back, err := p.MarshalBinary()
		if err != nil || again.UnmarshalBinary(back) != nil || again != p {
			t.Fatalf("%+v came back as %+v", p, again)
		}
	})
}

// TestCover: the buckets that cover a stretch of an axis hold what lies in it, and nothing else for sure.
func TestCover(t *testing.T) {
	for _, a := range []axis{times, numbers} {
		end := endOfTimes
		if a == numbers {
			end = math.MaxUint64
		}
		places := []uint64{0, 1, 1<<a[0] - 1, 1 << a[0], 3<<a[1] + 5, 1<<a[3] - 1, 1 << a[3], 5 << a[2], end / 2, end - 1, end}
		for _, from := range places {
			for _, to := range places {
				if from > to {
					continue
				}
				whole, part := map[[2]uint64]bool{}, map[[2]uint64]bool{}
				add := func(m map[[2]uint64]bool) func(int, uint64) {
					return func(level int, n uint64) { m[[2]uint64{uint64(level), n}] = true }
				}
				a.cover(stretch{from: from, to: to}, end, add(whole), add(part))
				if len(whole) > 7*2*16 || len(part) > 2 {
					t.Fatalf("%d..%d: %d and %d buckets", from, to, len(whole), len(part))
				}
				for _, p := range places {
					sure, maybe := false, false
					for level, shift := range a {
						sure = sure || whole[[2]uint64{uint64(level), p >> shift}]
						maybe = maybe || part[[2]uint64{uint64(level), p >> shift}]
					}
					if in := from <= p && p <= to; in && !sure && !maybe || !in && sure {
						t.Fatalf("%d..%d: %d is %v, sure %v, maybe %v", from, to, p, in, sure, maybe)
					}
				}
			}
		}
	}
}

// TestManyTerms keeps of very many terms what one of a few is kept of, and looks only so far back for one that says the same.
func TestManyTerms(t *testing.T) {
	w := named(t)
	d := document{serial: 1, id: uuids[0]}
	for i := range 100_000 {
		code := strconv.Itoa(i)
		d.terms = append(d.terms, term.Term{Param: "code", Kind: term.Token, Code: code}, term.Term{Param: "code", Kind: term.Token, System: "http://s", Code: code},
			term.Term{Param: "code", Kind: term.String, Folded: code}, term.Term{Param: "code", Kind: term.Text, Folded: code})
	}
	back, ok := w.x.names.decodeDocument(w.encodeDocument(&d), true)
	if !ok || len(back.terms) != 200_000 { // each code once, and each string
		t.Fatal(ok, len(back.terms))
	}
}
