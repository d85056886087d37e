package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestARemovedSegmentIsNotWrittenTo removes the segment under an open journal. Nothing more is acknowledged, and what was is there again.
func TestARemovedSegmentIsNotWrittenTo(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, filepath.Join(filepath.Dir(path), "elsewhere")) },
		"exchanged": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("other"), 0o600))
		},
	} {
		dir := t.TempDir()
		j := mustOpen(t, dir, Options{})
		fill(t, j, 5)
		acked := j.End().Entry
		path := segmentName(dir, 0)
		if err := take(path); err != nil {
			t.Fatal(err)
		}
		p, err := j.Append(sample(5, 1, 50))
		if err == nil {
			_, err = p.Wait(t.Context())
		}
		damage := (*DamageError)(nil)
		if !errors.Is(err, ErrFailed) || !errors.As(err, &damage) || damage.File != path {
			t.Errorf("%s: acknowledged, or not named: %v", name, err)
		}
		if _, err := j.Append(sample(6, 1, 50)); !errors.Is(err, ErrFailed) {
			t.Errorf("%s: it goes on: %v", name, err)
		}
		j.Close()
		if name == "exchanged" {
			if b := readFile(t, path); string(b) != "other" {
				t.Error("another file was overwritten")
			}
			continue
		}
		j = mustOpen(t, dir, Options{})
		if n := j.End().Entry; n < acked {
			t.Errorf("%s: %d entries of %d are left", name, n, acked)
		}
		j.Close()
	}
}

// TestARemovedSegmentComesBackAtClose: also when nothing was written since.
func TestARemovedSegmentComesBackAtClose(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{})
	fill(t, j, 5)
	want := j.End()
	if err := os.Remove(segmentName(dir, 0)); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err == nil {
		t.Error("nobody is told")
	}
	j = mustOpen(t, dir, Options{})
	defer j.Close()
	same(t, "end", j.End(), want)
}

// TestAMissingSegmentIsDamageToReaders: whoever reads it is told of damage, not of an error of the disk.
func TestAMissingSegmentIsDamageToReaders(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, Options{SegmentSize: 1500})
	at := fill(t, j, 12)
	j.Close()
	j = mustOpen(t, dir, Options{SegmentSize: 1500})
	defer j.Close()
	if err := os.Remove(segmentName(dir, 0)); err != nil {
		t.Fatal(err)
	}
	_, read := j.Read(at[0])
	_, frames := j.Frames(Cursor{}, 100)
	_, raw := j.ReadRaw(0, 100, 10)
	follow := j.Follow(t.Context(), Cursor{}, func([]Located) error { return errors.New("it reads on") })
	for what, err := range map[string]error{"read": read, "frames": frames, "raw": raw, "follow": follow} {
		if damage := (*DamageError)(nil); !errors.As(err, &damage) || damage.File != segmentName(dir, 0) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestALostMark is told, unless nothing was acknowledged, and made anew. What others know of the end counts in its place.
func TestALostMark(t *testing.T) {
	for name, hurt := range map[string]func(string) error{
		"missing": os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", slotSize)), 0o600) },
		"empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		dir := t.TempDir()
		j := mustOpen(t, dir, Options{})
		at := fill(t, j, 6)
		end := j.End()
		j.Close()
		if err := hurt(MarkFile(dir)); err != nil {
			t.Fatal(err)
		}
		if CheckMark(dir) == nil {
			t.Errorf("%s: the check passes", name)
		}
		if err := os.Truncate(segmentName(dir, 0), at[3].Offset+10); err != nil {
			t.Fatal(err)
		}
		before := readFile(t, segmentName(dir, 0))
		_, err := Open(dir, Options{Known: end})
		wantDamage(t, err, segmentName(dir, 0), at[3].Offset)
		same(t, "what was left", readFile(t, segmentName(dir, 0)), before)
		j = mustOpen(t, dir, Options{Known: at[3]})
		if j.Recovered().Mark == "" {
			t.Errorf("%s: nobody is told", name)
		}
		j.Close()
		j = mustOpen(t, dir, Options{})
		if j.Recovered().Mark != "" || CheckMark(dir) != nil {
			t.Errorf("%s: it was not made anew", name)
		}
		j.Close()
	}
	dir := t.TempDir()
	mustOpen(t, dir, Options{}).Close()
	if err := os.Remove(MarkFile(dir)); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, dir, Options{})
	defer j.Close()
	if j.Recovered().Mark != "" || CheckMark(dir) != nil {
		t.Error("of nothing nothing can be lost")
	}
	if _, err := Open(t.TempDir(), Options{Known: Cursor{Offset: 500, Entry: 3}}); err == nil {
		t.Error("an empty journal opens that is known to have had entries")
	}
}
