package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// groupsOf gives the groups of a journal of n records in several segments.
func groupsOf(t testing.TB, n int, segment int64) []Group {
	t.Helper()
	var groups []Group
	j := mustOpen(t, t.TempDir(), Options{SegmentSize: segment, Hold: holderFunc(func(g Group) int {
		groups = append(groups, g)
		return 1
	})})
	fill(t, j, n)
	return groups
}

// recordPlace is where a group's first record is.
func recordPlace(g Group) Cursor {
	at := g.Start
	at.Offset = max(at.Offset, int64(headerSize))
	return at
}

func wholeSegments(groups []Group) []Range {
	var out []Range
	for _, g := range groups {
		if n := len(out); n > 0 && out[n-1].End == g.Start {
			out[n-1].End = g.End
			continue
		}
		out = append(out, Range{g.Start, g.End})
	}
	return out
}

func mustMirror(t testing.TB, dir string) *Mirror {
	t.Helper()
	m, err := OpenMirror(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestMirrorAnyOrder brings the groups in any order, some twice, some joined, some never, with restarts between.
func TestMirrorAnyOrder(t *testing.T) {
	groups := groupsOf(t, 16, 1500)
	rapid.Check(t, func(t *rapid.T) {
		d := newMemDisk()
		m, err := openMirror(d, "m")
		if err != nil {
			t.Fatal(err)
		}
		held := make([]bool, len(groups))
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				i := rapid.IntRange(0, len(groups)-1).Draw(t, "group")
				g := groups[i]
				held[i] = true
				for n := rapid.IntRange(0, 4).Draw(t, "joined"); n > 0 && i+1 < len(groups) && groups[i+1].Start == g.End; n-- {
					i++
					g.Frames = append(bytes.Clone(g.Frames), groups[i].Frames...)
					g.End = groups[i].End
					held[i] = true
				}
				end, err := m.Append(g.Start, g.Frames)
				if err != nil || end != g.End {
					t.Fatalf("%v %v", end, err)
				}
			},
			"conflict": func(t *rapid.T) {
				i := rapid.IntRange(0, len(groups)-1).Draw(t, "group")
				if !held[i] {
					t.Skip("nothing to contradict")
				}
				at := recordPlace(groups[i])
				r := sample(777, 1, rapid.SampledFrom([]int{1, 200, 2000}).Draw(t, "size"))
				r.First = at.Entry
				other := r.Append(make([]byte, frameHead))
				sealFrame(other, true)
				if _, err := m.Append(at, other); !errors.Is(err, ErrConflict) {
					t.Fatalf("group %d: %v", i, err)
				}
			},
			"reopen": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "power") {
					d = d.restart(func() bool { return rapid.Bool().Draw(t, "keep") })
				} else if err := m.Close(); err != nil {
					t.Fatal(err)
				}
				if m, err = openMirror(d, "m"); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				for i, g := range groups {
					r, err := m.Read(recordPlace(g))
					if held[i] && (err != nil || r.Time != int64(i)) {
						t.Fatalf("group %d: %v", i, err)
					}
				}
			},
		})
	})
}

func TestMirrorRefuses(t *testing.T) {
	groups := groupsOf(t, 6, 1<<20)
	m := mustMirror(t, t.TempDir())
	g := groups[0]
	if _, err := m.Append(g.Start, g.Frames); err != nil {
		t.Fatal(err)
	}
	flip := bytes.Clone(g.Frames)
	flip[len(flip)-40] ^= 1
	second := groups[1]
	for name, c := range map[string]struct {
		at    Cursor
		bytes []byte
		want  error
	}{
		"empty":         {g.Start, nil, ErrFrames},
		"flipped":       {g.Start, flip, ErrFrames},
		"half a frame":  {second.Start, second.Frames[:len(second.Frames)-1], ErrFrames},
		"more":          {second.Start, append(bytes.Clone(second.Frames), 0), ErrFrames},
		"no header":     {Cursor{}, second.Frames, ErrFrames},
		"other segment": {Cursor{Segment: 1}, g.Frames, ErrFrames},
		"in the header": {Cursor{Offset: 9}, second.Frames, ErrFrames},
		"other entry":   {Cursor{Offset: second.Start.Offset, Entry: 5}, second.Frames, ErrFrames},
		"misplaced":     {Cursor{Offset: second.Start.Offset - 10, Entry: second.Start.Entry}, second.Frames, ErrConflict},
		"wrong place":   {Cursor{Offset: int64(headerSize), Entry: second.Start.Entry}, second.Frames, ErrConflict},
	} {
		if _, err := m.Append(c.at, c.bytes); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	same(t, "held", m.Held(), []Range{{g.Start, g.End}})
	if _, err := m.Read(second.Start); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	if _, err := m.Copy(3, new(bytes.Buffer)); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
	if g, err := m.Frames(g.End, 100); err != nil || len(g.Frames) != 0 {
		t.Error(g, err)
	}
}

// TestMirrorHeals overwrites damaged bytes, and only those, when the owner brings them again.
func TestMirrorHeals(t *testing.T) {
	groups := groupsOf(t, 4, 1<<20)
	dir := t.TempDir()
	m := mustMirror(t, dir)
	for _, g := range groups {
		if _, err := m.Append(g.Start, g.Frames); err != nil {
			t.Fatal(err)
		}
	}
	name := partName(dir, Cursor{})
	good := readFile(t, name)
	for p := 0; p < len(good); p += 3 {
		bad := bytes.Clone(good)
		bad[p] ^= 2
		writeInPlace(t, name, bad)
		wantDamage(t, m.Scan(Cursor{}, func(Located) error { return nil }), name, int64(p))
		for _, g := range groups {
			if _, err := m.Append(g.Start, g.Frames); err != nil {
				t.Fatalf("byte %d: %v", p, err)
			}
		}
		if !bytes.Equal(readFile(t, name), good) {
			t.Fatalf("byte %d was not healed", p)
		}
	}
}

// TestMirrorHealsNothingElse: while one frame is damaged, the owner may not slip other bytes over its sound neighbour.
func TestMirrorHealsNothingElse(t *testing.T) {
	groups := groupsOf(t, 2, 1<<20)
	dir := t.TempDir()
	m := mustMirror(t, dir)
	for _, g := range groups {
		if _, err := m.Append(g.Start, g.Frames); err != nil {
			t.Fatal(err)
		}
	}
	name := partName(dir, Cursor{})
	bad := readFile(t, name)
	bad[headerSize+20] ^= 2
	writeInPlace(t, name, bad)
	size := len(groups[0].Frames) - headerSize
	for _, longer := range []int{1, 100, len(groups[1].Frames)} {
		r := sample(1, 1, size+longer-recordMin-frameHead-1)
		r.First = 0
		other := r.Append(make([]byte, frameHead))
		sealFrame(other, true)
		if _, err := m.Append(Cursor{Offset: int64(headerSize)}, other); !errors.Is(err, ErrConflict) {
			t.Fatalf("%d bytes over the frame's %d: %v", len(other), size, err)
		}
	}
	if !bytes.Equal(readFile(t, name), bad) {
		t.Fatal("bytes were changed")
	}
}

// TestMirrorSeesTwoHistories holds a segment whose successor's header names another hash.
func TestMirrorSeesTwoHistories(t *testing.T) {
	groups := groupsOf(t, 8, 1500)
	m := mustMirror(t, t.TempDir())
	for _, g := range groups {
		frames := g.Frames
		if g.Start.Segment == 1 && g.Start.Offset == 0 {
			h, err := parseHeader(frames)
			if err != nil {
				t.Fatal(err)
			}
			h.prevHash[3] ^= 1
			frames = append(h.encode(), frames[headerSize:]...)
		}
		if _, err := m.Append(g.Start, frames); err != nil {
			t.Fatal(err)
		}
	}
	err := m.Scan(Cursor{}, func(Located) error { return nil })
	wantDamage(t, err, partName("", Cursor{Segment: 1}), 0)
}

func TestMirrorConcurrent(t *testing.T) {
	groups := groupsOf(t, 60, 1500)
	dir := t.TempDir()
	m := mustMirror(t, dir)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for _, i := range random.Perm(len(groups)) {
				if _, err := m.Append(groups[i].Start, groups[i].Frames); err != nil {
					t.Error(err)
				}
				if _, err := m.Read(recordPlace(groups[i])); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	same(t, "held", m.Held(), wholeSegments(groups))
	if len(m.open) > 4 {
		t.Errorf("%d files are open", len(m.open))
	}
	m.Close()
	m = mustMirror(t, dir)
	same(t, "held", m.Held(), wholeSegments(groups))
	n := 0
	if err := m.Scan(Cursor{}, func(l Located) error {
		if l.Record.Time != int64(n) {
			t.Errorf("record %d, want %d", l.Record.Time, n)
		}
		n++
		return nil
	}); err != nil || n != 60 {
		t.Fatal(n, err)
	}
}

// TestMirrorTornTail cuts the last part at every byte, with its mark lagging behind.
func TestMirrorTornTail(t *testing.T) {
	groups := groupsOf(t, 3, 1<<20)
	d := newMemDisk()
	m, err := openMirror(d, "m")
	if err != nil {
		t.Fatal(err)
	}
	var marks []byte
	for i, g := range groups {
		if i == 2 {
			marks = bytes.Clone(d.names["m/"+heldLog].data)
		}
		if _, err := m.Append(g.Start, g.Frames); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	name := partName("m", Cursor{})
	good := d.names[name].data
	last := groups[2]
	for cut := last.Start.Offset; cut < last.End.Offset; cut++ {
		d.put(name, good[:cut])
		d.put("m/"+heldLog, marks)
		if m, err = openMirror(d, "m"); err != nil {
			t.Fatal(err)
		}
		same(t, "held", m.Held(), []Range{{groups[0].Start, groups[1].End}})
		if r := m.Recovered(); cut > last.Start.Offset && (len(r) != 1 || r[0].Offset != last.Start.Offset) {
			t.Fatalf("cut at %d: %+v", cut, r)
		}
		if _, err := m.Append(last.Start, last.Frames); err != nil {
			t.Fatal(err)
		}
		m.Close()
		if !bytes.Equal(d.names[name].data, good) {
			t.Fatalf("cut at %d: the file differs", cut)
		}
	}
	d.put(name, good[:last.Start.Offset+3]) // before the mark
	_, err = openMirror(d, "m")
	wantDamage(t, err, name, int64(len(good)))
}

func writeInPlace(t testing.TB, name string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
}
