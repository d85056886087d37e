package journal

import (
	"bytes"
	"errors"
	"slices"
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

// before is what stands before group i in its segment.
func before(groups []Group, i int) []byte {
	if groups[i].Start.Offset == 0 {
		return nil
	}
	return groups[i-1].Frames
}

func TestSealTellsTheTrueBytesInTheirPlace(t *testing.T) {
	key, other := Key{1}, Key{2}
	groups, foreign := sealedGroups(t, key), sealedGroups(t, other)
	if len(groups) < 6 || groups[len(groups)-1].Start.Segment == 0 {
		t.Fatalf("%d groups", len(groups))
	}
	for i, g := range groups {
		if end, err := key.Check(g.Start, before(groups, i), g.Frames); err != nil || end != g.End {
			t.Fatalf("group %d: %s, %v", i, end, err)
		}
		if _, err := key.Check(foreign[i].Start, nil, foreign[i].Frames); !errors.Is(err, ErrSeal) {
			t.Fatalf("another's group %d: %v", i, err)
		}
		if _, err := new(Key).Check(g.Start, nil, g.Frames); !errors.Is(err, ErrSeal) {
			t.Fatalf("without a key: %v", err)
		}
		// Well-formed and changed: whether it opens a group, its content, its place, its header.
		for name, change := range map[string]func([]byte, *Cursor){
			"group bit": func(b []byte, at *Cursor) { sealFrame(b, b[0]&0x80 == 0) },
			"time":      func(b []byte, at *Cursor) { b[frameHead+recordFixed-1]++; sealFrame(b, b[0]&0x80 != 0) },
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
			if _, err := key.Check(at, nil, b); !errors.Is(err, ErrSeal) {
				t.Errorf("group %d, another %s: %v", i, name, err)
			}
		}
		if g.Start.Offset == 0 {
			if _, err := key.Check(g.Start, nil, g.Frames[:headerSize]); !errors.Is(err, ErrSeal) {
				t.Errorf("a header alone: %v", err)
			}
			b := bytes.Clone(g.Frames)
			h, _ := parseHeader(b)
			if h.number == 0 {
				continue // its header says nothing that could be changed
			}
			h.prevSize++
			copy(b, h.encode())
			if _, err := key.Check(g.Start, nil, b); !errors.Is(err, ErrSeal) {
				t.Errorf("another header: %v", err)
			}
		}
	}
}

// TestHistoriesAreNotMixed has an owner lose records and write others of the same size in their places: both histories are its own, and share
// every boundary. What each has after the place where they part continues only itself.
func TestHistoriesAreNotMixed(t *testing.T) {
	key, d := Key{1}, newMemDisk()
	j := mustOpen(t, "j", Options{Key: key, disk: d})
	for i := range 3 {
		put(t, j, sample(uint64(3*i+1), 1, 100))
	}
	place := j.End()
	write := func(seed uint64) (groups []Group) {
		for i := range 3 {
			at := j.End()
			put(t, j, sample(seed+uint64(3*i), 1, 100))
			g, err := j.Frames(at, 1)
			if err != nil {
				t.Fatal(err)
			}
			groups = append(groups, g)
		}
		return groups
	}
	lost := write(31)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again := newMemDisk()
	again.put(segmentName("j", 0), d.names[segmentName("j", 0)].data[:place.Offset])
	j = mustOpen(t, "j", Options{Key: key, disk: again})
	since := write(61)
	shared, err := j.Frames(Cursor{}, int(place.Offset))
	if err != nil || shared.End != place {
		t.Fatal(shared.End, place, err)
	}
	for i := range lost {
		if lost[i].Start != since[i].Start {
			t.Fatalf("the histories share no boundary at %s", lost[i].Start)
		}
		for name, g := range map[string]Group{"lost": lost[i], "since": since[i]} {
			if _, err := key.Check(g.Start, nil, g.Frames); err != nil {
				t.Errorf("%s, by itself: %v", name, err)
			}
		}
		one, other := shared.Frames, shared.Frames
		if i > 0 {
			one, other = lost[i-1].Frames, since[i-1].Frames
		}
		if _, err := key.Check(lost[i].Start, one, lost[i].Frames); err != nil {
			t.Errorf("the lost, after its own: %v", err)
		}
		if _, err := key.Check(since[i].Start, other, since[i].Frames); err != nil {
			t.Errorf("the present, after its own: %v", err)
		}
		if i == 0 {
			continue
		}
		if _, err := key.Check(since[i].Start, one, since[i].Frames); !errors.Is(err, ErrOther) {
			t.Errorf("the present after the lost: %v", err)
		}
		mixed := slices.Concat(one, since[i].Frames)
		if _, err := key.Check(lost[i-1].Start, nil, mixed); !errors.Is(err, ErrOther) {
			t.Errorf("mixed in one run: %v", err)
		}
		file := slices.Concat(shared.Frames, mixed)
		if i > 1 {
			file = slices.Concat(shared.Frames, lost[0].Frames, mixed)
		}
		wantDamage(t, scanned(file), segmentName("j", 0), since[i].Start.Offset)
	}
}

// scanned reads bytes as the only segment of a journal.
func scanned(file []byte) error {
	d := newMemDisk()
	d.put(segmentName("j", 0), file)
	return scan(d, "j", Cursor{}, func(Located) error { return nil })
}

func TestUnsealedRecordsAreNotTheOwners(t *testing.T) {
	for _, g := range groupsOf(t, 4, 1500) {
		key := Key{1}
		if _, err := key.Check(g.Start, nil, g.Frames); !errors.Is(err, ErrSeal) {
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
		end, err := key.Check(Cursor{segment, offset, entry}, nil, b)
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
