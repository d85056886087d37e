package journal

import (
	"bytes"
	"errors"
	"testing"
)

// sealedGroups writes a journal under a key and gives its groups, over several segments.
func sealedGroups(t testing.TB, key Key) []Group {
	t.Helper()
	var groups []Group
	j := mustOpen(t, t.TempDir(), Options{SegmentSize: 3000, Key: key, disk: newMemDisk()})
	for i := range 12 {
		put(t, j, sample(uint64(i), 1+i%3, 100))
	}
	for _, s := range j.Segments() {
		for at := (Cursor{Segment: s.Number, Entry: s.FirstEntry}); at.Offset < s.Size; {
			g, err := j.Frames(at, 700)
			if err != nil || len(g.Frames) == 0 {
				t.Fatal(err)
			}
			groups = append(groups, g)
			at = g.End
		}
	}
	j.Close()
	return groups
}

func TestSealTellsTheTrueBytesInTheirPlace(t *testing.T) {
	key, other := Key{1}, Key{2}
	groups, foreign := sealedGroups(t, key), sealedGroups(t, other)
	if len(groups) < 6 || groups[len(groups)-1].Start.Segment == 0 {
		t.Fatalf("%d groups", len(groups))
	}
	for i, g := range groups {
		if end, err := key.Check(Cursor{Segment: g.Start.Segment, Offset: g.Start.Offset, Entry: g.Start.Entry}, g.Frames); err != nil || end != g.End {
			t.Fatalf("group %d: %s, %v", i, end, err)
		}
		if _, err := key.Check(foreign[i].Start, foreign[i].Frames); !errors.Is(err, ErrSeal) {
			t.Fatalf("another's group %d: %v", i, err)
		}
		if _, err := new(Key).Check(g.Start, g.Frames); !errors.Is(err, ErrSeal) {
			t.Fatalf("without a key: %v", err)
		}
		// Well-formed and changed: whether it opens a group, its content, its place, its header.
		for name, change := range map[string]func([]byte, *Cursor){
			"group bit": func(b []byte, at *Cursor) { sealFrame(b, b[0]&0x80 == 0) },
			"time":      func(b []byte, at *Cursor) { b[frameHead+16]++; sealFrame(b, b[0]&0x80 != 0) },
			"place":     func(_ []byte, at *Cursor) { at.Offset += 8 },
		} {
			b, at := bytes.Clone(g.Frames), g.Start
			first := b
			if at.Offset == 0 {
				if name == "place" {
					continue
				}
				first = b[headerSize:]
			}
			n, err := frameLen(first)
			if err != nil {
				t.Fatal(err)
			}
			change(first[:n], &at)
			if _, err := key.Check(at, b); !errors.Is(err, ErrSeal) {
				t.Errorf("group %d, another %s: %v", i, name, err)
			}
		}
		if g.Start.Offset == 0 {
			if _, err := key.Check(g.Start, g.Frames[:headerSize]); !errors.Is(err, ErrSeal) {
				t.Errorf("a header alone: %v", err)
			}
			b := bytes.Clone(g.Frames)
			h, _ := parseHeader(b)
			if h.number == 0 {
				continue // its header says nothing that could be changed
			}
			h.prevSize++
			copy(b, h.encode())
			if _, err := key.Check(g.Start, b); !errors.Is(err, ErrSeal) {
				t.Errorf("another header: %v", err)
			}
		}
	}
}

func TestUnsealedRecordsAreNotTheOwners(t *testing.T) {
	for _, g := range groupsOf(t, 4, 1500) {
		key := Key{1}
		if _, err := key.Check(g.Start, g.Frames); !errors.Is(err, ErrSeal) {
			t.Errorf("at %s: %v", g.Start, err)
		}
	}
}

// FuzzCheck offers bytes that come back from others: nothing but a run of the owner's own groups may pass.
func FuzzCheck(f *testing.F) {
	key := Key{1}
	groups := sealedGroups(f, key)
	for _, g := range groups {
		f.Add(g.Start.Segment, g.Start.Offset, g.Start.Entry, g.Frames)
	}
	files := make(map[uint32][]byte)
	for _, g := range groups {
		files[g.Start.Segment] = append(files[g.Start.Segment], g.Frames...)
	}
	f.Fuzz(func(t *testing.T, segment uint32, offset int64, entry uint64, b []byte) {
		end, err := key.Check(Cursor{segment, offset, entry}, b)
		if err != nil {
			if !errors.Is(err, ErrSeal) && !errors.Is(err, ErrFrames) {
				t.Fatal(err)
			}
			return
		}
		file := files[segment]
		if end.Offset != offset+int64(len(b)) || end.Offset > int64(len(file)) || !bytes.Equal(file[offset:end.Offset], b) {
			t.Fatalf("accepted %d bytes at %d/%d", len(b), segment, offset)
		}
	})
}
