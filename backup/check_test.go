package backup

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// spoiled flips a byte in the middle of an object.
func spoiled(t *testing.T, s *folder, name string) {
	t.Helper()
	b, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)*3/4] ^= 1
	if err := os.WriteFile(s.path(name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, s Store, prefix string) (names []string) {
	t.Helper()
	if err := s.List(t.Context(), prefix, func(name string, _ int64) error { names = append(names, name); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// little is a sample that is quick to read again and again.
func little() map[string][]byte {
	return map[string][]byte{"journal/0": random(pieceSize + 17), "small": []byte("a patient's name"), "other": random(3000)}
}

// TestRotAtThePlaceIsMended flips a byte of each object in turn: the next backup finds it and stores the object again.
func TestRotAtThePlaceIsMended(t *testing.T) {
	o, s, files, now := newOwner(), &folder{dir: t.TempDir()}, little(), november
	if _, _, err := o.backUp(t.Context(), s, o.options(now), files); err != nil {
		t.Fatal(err)
	}
	for _, name := range listed(t, s, "") {
		if name == repositoryFile {
			continue // the backup is refused, with the name
		}
		spoiled(t, s, name)
		now = now.Add(time.Minute)
		if _, _, err := o.backUp(t.Context(), s, o.options(now), files); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := o.restore(t.Context(), s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, got, files)
	}
}

// TestReadBackTells names what was damaged, what was missing, and what became of it.
func TestReadBackTells(t *testing.T) {
	o, s, files, ctx := newOwner(), &folder{dir: t.TempDir()}, sample(), t.Context()
	m, _, err := o.backUp(ctx, s, o.options(november), files)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := expandMaster(o.master)
	if err != nil {
		t.Fatal(err)
	}
	altered, gone, needless := keys.object(m.File("exact").Hash), keys.object(m.File("small").Hash), keys.object(m.File("journal/0").Pieces[2])
	spoiled(t, s, altered)
	spoiled(t, s, needless)
	if err := os.Remove(s.path(gone)); err != nil {
		t.Fatal(err)
	}
	files["journal/0"] = files["journal/0"][:2*pieceSize]
	w, err := Begin(ctx, s, o.options(november.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	known := w.Known()
	for name, b := range files {
		f := known[name]
		if whole := len(f.pieces()) == 1 && name != "small" && name != "exact"; whole && !w.Keep(name, f.Size, f.Hash, known) {
			t.Errorf("%s is not kept", name)
			continue
		}
		if name != "journal/0" && name != "small" && name != "exact" {
			continue
		}
		if w.Keep(name, f.Size, f.Hash, known) {
			t.Errorf("%s is kept, though it is not whole", name)
		}
		if _, err := w.Add(ctx, name, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := w.Commit(ctx, nil); err != nil {
		t.Fatal(err)
	}
	r := w.ReadBack()
	if r.Parts != 1 || r.Objects < 5 || r.Bytes < 3*pieceSize || r.Damaged != 3 {
		t.Errorf("%+v", r)
	}
	for name, want := range map[string]Damage{altered: {Mended: true}, gone: {Mended: true, Missing: true}, needless: {}} {
		i := slices.IndexFunc(r.Damages, func(d Damage) bool { return d.Object == name })
		if i < 0 || r.Damages[i].Mended != want.Mended || r.Damages[i].Missing != want.Missing || r.Damages[i].Reason == "" {
			t.Errorf("%s: want %+v in %+v", name, want, r.Damages)
		}
	}
}

// TestShareRotates: every object is read back once in as many backups as there are parts.
func TestShareRotates(t *testing.T) {
	for total, want := range map[int64]uint64{0: 1, 127 << 20: 1, 128 << 20: 2, 300 << 20: 4, 2 << 30: 32, 1 << 40: 32} {
		if got := partsOf(total); got != want {
			t.Errorf("%d bytes: %d parts, want %d", total, got, want)
		}
	}
	keys, err := expandMaster(newKey())
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[uint64]int)
	for i := range 1000 {
		counts[partOf(keys.object([32]byte{byte(i), byte(i >> 8)}), 4)]++
	}
	if len(counts) != 4 || slices.Min(slices.Collect(maps.Values(counts))) < 150 {
		t.Errorf("the parts are not alike: %v", counts)
	}
}

// reader refuses to write.
type reader struct{ Store }

var errWritten = errors.New("a check writes")

func (reader) Put(context.Context, string, []byte) error { return errWritten }
func (reader) Delete(context.Context, string) error      { return errWritten }

// TestCheckNamesEveryDamage alters, cuts and removes each object in turn.
func TestCheckNamesEveryDamage(t *testing.T) {
	s := &folder{dir: t.TempDir()}
	checkPlace(t, s, func(name string, b []byte) {
		err := os.Remove(s.path(name))
		if b != nil {
			err = os.WriteFile(s.path(name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// checkPlace is a check that every kind of place must pass; put is the place's own fault.
func checkPlace(t *testing.T, s Store, put func(name string, b []byte)) {
	o, ctx := newOwner(), t.Context()
	check := func() *Checked {
		t.Helper()
		c, err := Check(ctx, reader{s}, o.master, o.public(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if _, err := Check(ctx, reader{s}, o.master, o.public(), nil); !errors.Is(err, ErrNone) {
		t.Errorf("an empty place: %v", err)
	}
	for _, at := range []time.Time{november, november.Add(time.Hour)} {
		if _, _, err := o.backUp(ctx, s, o.options(at), little()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Check(ctx, reader{s}, newKey(), o.public(), nil); !errors.Is(err, ErrKit) {
		t.Errorf("with another key: %v", err)
	}
	names := listed(t, s, "")
	if c := check(); c.Damaged != 0 || c.Objects != len(names) || c.Number != 1 || c.Bytes < pieceSize {
		t.Fatalf("%d objects: %+v", len(names), c)
	}
	for _, name := range names {
		good, err := s.Get(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		flipped := bytes.Clone(good)
		flipped[len(flipped)*3/4] ^= 1
		for what, bad := range map[string][]byte{"altered": flipped, "cut": good[:len(good)/2], "removed": nil} {
			if what == "altered" && name == repositoryFile {
				continue // it may say another key then
			}
			put(name, bad)
			c := check()
			named := slices.ContainsFunc(c.Damages, func(d Damage) bool { return d.Object == name && d.Missing == (bad == nil) })
			if bad == nil && strings.HasSuffix(name, "/manifests/0000000000") && c.Damaged == 0 {
				continue // nothing says that there was an older backup
			}
			if c.Damaged == 0 || !named {
				t.Errorf("%s %s: %+v", name, what, c.Damages)
			}
		}
		put(name, good)
	}
	if c := check(); c.Damaged != 0 {
		t.Errorf("all is whole again: %+v", c)
	}
}
