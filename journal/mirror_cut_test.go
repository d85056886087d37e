package journal

import (
	"bytes"
	"errors"
	"testing"
)

// TestMirrorCut withdraws the last groups of a run that lies in two parts, and brings others in their place.
func TestMirrorCut(t *testing.T) {
	groups := groupsOf(t, 8, 1<<20)
	for from := range 8 {
		d := newMemDisk()
		m, err := openMirror(d, "m")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 1, 2, 4, 5, 6, 7, 3} {
			if _, err := m.Append(groups[i].Start, groups[i].Frames); err != nil {
				t.Fatal(err)
			}
		}
		r := Range{groups[from].Start, groups[7].End}
		if err := m.Cut(Range{r.Start, groups[7].Start}); !errors.Is(err, ErrNotHeld) {
			t.Fatalf("out of the middle: %v", err)
		}
		if err := m.Cut(r); err != nil {
			t.Fatal(err)
		}
		var want []Range
		if from > 0 {
			want = []Range{{groups[0].Start, groups[from-1].End}}
		}
		same(t, "held", m.Held(), want)
		m.Close()
		if m, err = openMirror(d, "m"); err != nil {
			t.Fatal(err)
		}
		same(t, "held after a restart", m.Held(), want)
		for _, g := range forkOf(t, 8, from)[from:] {
			if _, err := m.Append(g.Start, g.Frames); err != nil {
				t.Fatalf("from %d: %v", from, err)
			}
		}
		m.Close()
	}
}

// forkOf is groupsOf with other records from one on.
func forkOf(t *testing.T, n, from int) (groups []Group) {
	t.Helper()
	j := mustOpen(t, t.TempDir(), Options{SegmentSize: 1 << 20, Hold: holderFunc(func(g Group) int {
		groups = append(groups, g)
		return 1
	})})
	fill(t, j, from)
	for i := from; i < n; i++ {
		put(t, j, sample(uint64(1000+i), 2, 300))
	}
	return groups
}

// TestMirrorCutStopped loses power between two steps of a cut: all that was held is found again, and no damage.
func TestMirrorCutStopped(t *testing.T) {
	groups := groupsOf(t, 4, 1<<20)
	d := newMemDisk()
	m, err := openMirror(d, "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if _, err := m.Append(g.Start, g.Frames); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	name := partName("m", Cursor{})
	whole := bytes.Clone(d.names[name].data)
	if m, err = openMirror(d, "m"); err != nil {
		t.Fatal(err)
	}
	if err := m.Cut(Range{groups[2].Start, groups[3].End}); err != nil {
		t.Fatal(err)
	}
	m.Close()
	d.put(name, whole) // the marks were lowered, and power was lost before the file was
	if m, err = openMirror(d, "m"); err != nil {
		t.Fatal(err)
	}
	same(t, "held", m.Held(), []Range{{groups[0].Start, groups[3].End}})
	m.Close()
}

// TestAgree finds where two journals part.
func TestAgree(t *testing.T) {
	for from := 1; from < 6; from++ {
		a, b := groupsOf(t, 6, 1<<20), forkOf(t, 6, from)
		own, held := []byte{}, []byte{}
		for i := range a {
			own, held = append(own, a[i].Frames...), append(held, b[i].Frames...)
		}
		end, err := Agree(a[0].Start, held, own)
		if err != nil || end != a[from].Start {
			t.Errorf("from %d: %s, %v; want %s", from, end, err, a[from].Start)
		}
		if end, err := Agree(a[0].Start, held, own[:a[1].Start.Offset+5]); err != nil || end != a[1].Start {
			t.Errorf("cut within a frame: %s, %v", end, err)
		}
	}
}
