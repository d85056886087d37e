package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// lastGroup writes n groups of one record, and then one group of several records, in a journal of one segment. It returns the
// directory as kill -9 leaves it before the last group's fsync has returned, with the bytes and places of the last group.
func lastGroup(t *testing.T, n, several int) (dir string, file []byte, places []Cursor) {
	t.Helper()
	dir = t.TempDir()
	j := mustOpen(t, dir, Options{})
	fill(t, j, n)
	mark := readFile(t, filepath.Join(dir, durableLog))
	at := j.End()
	j.Close()
	file = readFile(t, segmentName(dir, 0))
	for i := range several {
		r := sample(uint64(n+i), 1, 700)
		r.First = at.Entry
		frame := r.Append(make([]byte, frameHead))
		sealFrame(frame, i == 0)
		file = append(file, frame...)
		places = append(places, at)
		at = Cursor{Offset: int64(len(file)), Entry: at.Entry + 1}
	}
	places = append(places, at)
	writeFile(t, filepath.Join(dir, durableLog), mark)
	writeFile(t, segmentName(dir, 0), file)
	return dir, file, places
}

// TestTornTail cuts the last, unacknowledged write at every byte, with and without space allocated behind it.
func TestTornTail(t *testing.T) {
	dir, file, places := lastGroup(t, 5, 1)
	start := places[0].Offset
	for cut := start; cut <= int64(len(file)); cut++ {
		for _, ahead := range []int{0, 3000} {
			d := newMemDisk().load(t, dir, "j")
			d.put(segmentName("j", 0), append(bytes.Clone(file[:cut]), make([]byte, ahead)...))
			want := 5
			if cut == int64(len(file)) || lastByte(file[cut:]) == 0 && ahead > 0 {
				want = 6
			}
			same(t, "scan", len(seedsOn(t, d, "j")), want)
			j := mustOpen(t, "j", Options{disk: d})
			torn := int64(lastByte(file[start:cut]))
			if want == 6 || torn == 0 {
				same(t, "recovered", j.Recovered(), Recovery{})
			} else {
				same(t, "recovered", j.Recovered(), Recovery{File: segmentName("j", 0), Offset: start, Bytes: torn})
			}
			put(t, j, sample(uint64(want), 1, 50))
			same(t, "scan", seedsOn(t, d, "j"), count(want+1))
			j.Close()
		}
	}
}

// TestTornGroup loses sectors of the last group, as a loss of power may, in the middle of it.
func TestTornGroup(t *testing.T) {
	dir, file, places := lastGroup(t, 5, 6)
	for p := places[0].Offset/sector + 1; (p+1)*sector < int64(len(file)); p++ {
		b := bytes.Clone(file)
		clear(b[p*sector : (p+1)*sector])
		writeFile(t, segmentName(dir, 0), b)
		j := mustOpen(t, copyDir(t, dir), Options{})
		if r := j.Recovered(); r.Bytes == 0 || r.Offset > p*sector+sector {
			t.Fatalf("sector %d: %+v", p, r)
		}
		found := seeds(t, j.dir)
		if len(found) < 5 || len(found) >= 11 {
			t.Fatalf("sector %d: %d records", p, len(found))
		}
	}
}

// TestFlippedBits changes each byte of a journal that was closed in order: it is always named, never cut off.
func TestFlippedBits(t *testing.T) {
	d := newMemDisk()
	opt := Options{SegmentSize: 1500, disk: d}
	j := mustOpen(t, "j", opt)
	fill(t, j, 9)
	j.Close()
	segments := j.Segments()
	if len(segments) < 3 {
		t.Fatal(len(segments))
	}
	for _, s := range segments {
		name := segmentName("j", s.Number)
		good := d.names[name].data
		for p := range good {
			bad := bytes.Clone(good)
			bad[p] ^= 1 << (p % 8)
			d.put(name, bad)
			err := scan(d, "j", Cursor{}, func(Located) error { return nil })
			wantDamage(t, err, name, int64(p))
			if !s.Sealed || p < headerSize {
				_, err := Open("j", opt)
				var e *DamageError
				if !errors.As(err, &e) {
					t.Fatalf("segment %d, byte %d: Open gave %v", s.Number, p, err)
				}
			}
		}
		d.put(name, good)
	}
	same(t, "scan", seedsOn(t, d, "j"), count(9))
}

// TestFlippedBitWithoutMark shows what the frames alone tell: all but the last group is known to have been durable.
func TestFlippedBitWithoutMark(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	at := fill(t, j, 6)
	j.Close()
	if err := os.Remove(filepath.Join(dir, durableLog)); err != nil {
		t.Fatal(err)
	}
	name := segmentName(dir, 0)
	good := readFile(t, name)
	for p := int64(headerSize); p < at[5].Offset; p += 7 {
		bad := bytes.Clone(good)
		bad[p] ^= 0x10
		writeFile(t, name, bad)
		_, err := Open(dir, Options{})
		wantDamage(t, err, name, p)
		wantDamage(t, Scan(dir, Cursor{}, func(Located) error { return nil }), name, p)
	}
}

// TestFlippedBitInGroup: within one unfinished group too, a changed byte is no torn one.
func TestFlippedBitInGroup(t *testing.T) {
	dir, file, places := lastGroup(t, 2, 4)
	for p := places[0].Offset; p < places[3].Offset; p += 11 {
		bad := bytes.Clone(file)
		bad[p] ^= 0x10
		writeFile(t, segmentName(dir, 0), bad)
		_, err := Open(dir, Options{})
		wantDamage(t, err, segmentName(dir, 0), p)
	}
}

func TestLostFiles(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 1500})
	at := fill(t, j, 12)
	j.Close()
	n := len(j.Segments())
	last := uint32(n - 1)
	for name, harm := range map[string]struct {
		segment uint32
		do      func(dir, name string) error
	}{
		"first missing":     {0, func(_, name string) error { return os.Remove(name) }},
		"middle missing":    {1, func(_, name string) error { return os.Remove(name) }},
		"last missing":      {last, func(_, name string) error { return os.Remove(name) }},
		"sealed cut short":  {1, func(_, name string) error { return os.Truncate(name, 1000) }},
		"sealed grown":      {1, func(_, name string) error { return os.Truncate(name, 3000) }},
		"sealed emptied":    {1, func(_, name string) error { return os.Truncate(name, 0) }},
		"last cut short":    {last, func(_, name string) error { return os.Truncate(name, at[11].Offset+5) }},
		"last cut at frame": {last, func(_, name string) error { return os.Truncate(name, at[11].Offset) }},
		"last emptied":      {last, func(_, name string) error { return os.Truncate(name, 0) }},
		"swapped": {1, func(dir, name string) error {
			return os.WriteFile(name, readFile(t, segmentName(dir, 0)), 0o600)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, dir)
			lost := segmentName(dir, harm.segment)
			good := readFile(t, lost)
			if err := harm.do(dir, lost); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, Options{})
			wantDamage(t, err, lost, int64(len(good)))
			wantDamage(t, Scan(dir, Cursor{}, func(Located) error { return nil }), lost, int64(len(good)))
			if err := Restore(dir, harm.segment, reader(good[:len(good)-1])); !errors.Is(err, ErrCopy) {
				t.Fatalf("a short copy: %v", err)
			}
			if err := Restore(dir, harm.segment, reader(good)); err != nil {
				t.Fatal(err)
			}
			same(t, "scan", seeds(t, mustOpen(t, dir, Options{}).dir), count(12))
		})
	}
}

// TestUnfinishedFilesAreRemoved leaves what a crash leaves while a segment is begun or repaired.
func TestUnfinishedFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	fill(t, j, 3)
	j.Close()
	writeFile(t, segmentName(dir, 1)+tempSuffix, []byte("half"))
	mustOpen(t, dir, Options{})
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+tempSuffix)); len(left) > 0 {
		t.Fatal(left)
	}
}
