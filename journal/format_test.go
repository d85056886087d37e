package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/verify"
)

func drawRecord(t *rapid.T) *Record {
	bytesOf := func(label string, n int) []byte { return rapid.SliceOfN(rapid.Byte(), 0, n).Draw(t, label) }
	r := &Record{First: rapid.Uint64Max(maxU48).Draw(t, "first"), Time: rapid.Int64Range(0, maxU48).Draw(t, "time")}
	for range rapid.IntRange(1, 5).Draw(t, "entries") {
		var e Entry
		copy(e.Tag[:], bytesOf("tag", 16))
		copy(e.Bind[:], bytesOf("binding", 32))
		copy(e.Guide[:], bytesOf("guide", 8))
		e.Envelope = bytesOf("envelope", 400)
		r.Entries = append(r.Entries, e)
	}
	for range rapid.IntRange(0, 4).Draw(t, "blobs") {
		r.Blobs = append(r.Blobs, bytesOf("blob", 300))
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		b := r.Append(nil)
		if len(b) != r.size() {
			t.Fatalf("size says %d, Append gave %d", r.size(), len(b))
		}
		got, err := DecodeRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(r, got) {
			t.Fatal(cmp.Diff(r, got))
		}
		if cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut"); !errors.Is(second(DecodeRecord(b[:cut])), ErrRecord) {
			t.Fatalf("%d of %d bytes were accepted", cut, len(b))
		}
		if !errors.Is(second(DecodeRecord(append(b, 0))), ErrRecord) {
			t.Fatal("a byte too many was accepted")
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestEnvelopeRoundTrip(t *testing.T) {
	blobs := []verify.Hash{{1}, {2}}
	e := Entry{Envelope: Envelope(blobs, []byte("sealed"))}
	got, sealed, err := e.Open()
	if err != nil || string(sealed) != "sealed" {
		t.Fatal(err)
	}
	same(t, "blobs", got, blobs)
	e.Envelope = e.Envelope[:40]
	if _, _, err := e.Open(); !errors.Is(err, ErrRecord) {
		t.Fatal(err)
	}
}

func TestCursorForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) Cursor {
			return Cursor{rapid.Uint32().Draw(t, label), rapid.Int64Min(0).Draw(t, label), rapid.Uint64().Draw(t, label)}
		}
		a, b := draw("a"), draw("b")
		text, _ := a.MarshalText()
		bin, _ := a.MarshalBinary()
		other, _ := b.MarshalBinary()
		var fromText, fromBin Cursor
		if err := errors.Join(fromText.UnmarshalText(text), fromBin.UnmarshalBinary(bin)); err != nil || fromText != a || fromBin != a {
			t.Fatal(err, fromText, fromBin)
		}
		if c := a.Compare(b); c != 0 && c != bytes.Compare(bin, other) {
			t.Fatalf("%s and %s are ordered differently as bytes", a, b)
		}
	})
	for _, bad := range []string{"", "1", "1/2", "1/-2/3", "4294967296/0/0", "1/2/3/4", "a/b/c"} {
		if err := new(Cursor).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestFormatIsFixed holds the bytes of a small journal against those written when the format was fixed: old directories must
// open for ever. The vector is the whole of two segment files, in hexadecimal.
func TestFormatIsFixed(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 300})
	put(t, j, sample(1, 1, 8))
	put(t, j, sample(3, 2, 8))
	j.Close()
	var got bytes.Buffer
	for _, s := range j.Segments() {
		got.WriteString(hex.EncodeToString(readFile(t, segmentName(dir, s.Number))) + "\n")
	}
	golden := filepath.Join("testdata", "format1.hex")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, golden, got.Bytes())
	}
	same(t, "format", got.String(), string(readFile(t, golden)))
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(sample(1, 2, 30).Append(nil))
	f.Add(sample(3, 1, 300).Append(nil))
	f.Add([]byte{recordVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRecord(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(r.Append(nil), b) {
			t.Fatal("a second encoding was accepted")
		}
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		for i := range r.Entries {
			_, _, _ = r.Entries[i].Open()
		}
	})
}

// FuzzSegment reads bytes as the only segment of a journal: Scan must not panic, what Open accepts must be what Scan reads,
// and an opened journal must go on.
func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	j, err := Open(dir, Options{})
	if err != nil {
		f.Fatal(err)
	}
	fill(f, j, 3)
	j.Close()
	good := readFile(f, segmentName(dir, 0))
	f.Add(good)
	f.Add(good[:len(good)-9])
	f.Add(append(bytes.Clone(good), make([]byte, 100)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newMemDisk()
		d.put(segmentName("j", 0), b)
		n := 0
		scanned := scan(d, "j", Cursor{}, func(Located) error { n++; return nil })
		j, err := Open("j", Options{disk: d})
		if (err == nil) != (scanned == nil) {
			t.Fatalf("Scan gave %v, Open gave %v", scanned, err)
		}
		if err != nil {
			return
		}
		put(t, j, sample(7, 1, 7))
		m := 0
		if err := scan(d, "j", Cursor{}, func(Located) error { m++; return nil }); err != nil || m != n+1 {
			t.Fatalf("%d records, then %d: %v", n, m, err)
		}
		j.Close()
	})
}

// FuzzMirror offers bytes to a custodian: it must not panic, and what it takes it must give back.
func FuzzMirror(f *testing.F) {
	for _, g := range groupsOf(f, 4, 1500) {
		f.Add(g.Start.Segment, g.Start.Offset, g.Start.Entry, g.Frames)
	}
	f.Fuzz(func(t *testing.T, segment uint32, offset int64, entry uint64, b []byte) {
		m, err := openMirror(newMemDisk(), "m")
		if err != nil {
			t.Fatal(err)
		}
		start := Cursor{segment, offset, entry}
		end, err := m.Append(start, b)
		if err != nil {
			if !errors.Is(err, ErrFrames) {
				t.Fatal(err)
			}
			return
		}
		g, err := m.Frames(start, len(b))
		if err != nil || !bytes.Equal(g.Frames, b) || g.End != end {
			t.Fatal(err)
		}
	})
}
