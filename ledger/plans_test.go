package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/journal"
)

// planAfter makes a plan that continues what is there.
func planAfter(s *Plans, entries uint64) *Plan {
	seq, begin := s.Next()
	end := begin
	end.Entry += entries
	end.Offset += int64(entries) * 500
	if seq%700 == 699 {
		end.Segment, end.Offset = end.Segment+1, 64
	}
	return &Plan{
		Seq: seq, Begin: begin, End: end, Key: BatchKey{byte(seq / plansPerFile), 1},
		Anchor: bytes.Repeat([]byte{byte(seq >> 8), 3}, 239/2),
	}
}

func appendPlans(t testing.TB, s *Plans, n int) (all []*Plan) {
	t.Helper()
	for range n {
		p := planAfter(s, uint64(len(all)%7)+1)
		if err := s.Append(p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestPlansAreFoundBySequenceAndEntry(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenPlans(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := appendPlans(t, s, 2*plansPerFile+5)
	for range 2 {
		for _, p := range []*Plan{all[0], all[1], all[plansPerFile-1], all[plansPerFile], all[len(all)-1]} {
			got, err := s.Get(p.Seq)
			if diff := cmp.Diff(p, got); err != nil || diff != "" {
				t.Fatal(err, diff)
			}
			for _, entry := range []uint64{p.Begin.Entry, p.End.Entry - 1} {
				if got, err := s.Find(entry); err != nil || got.Seq != p.Seq {
					t.Fatalf("entry %d: %v %v", entry, got, err)
				}
			}
		}
		for _, none := range []func() (*Plan, error){
			func() (*Plan, error) { return s.Get(uint64(len(all))) },
			func() (*Plan, error) { return s.Find(all[len(all)-1].End.Entry) },
		} {
			if got, err := none(); got != nil || err != nil {
				t.Fatal(got, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = OpenPlans(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.rewind(plansPerFile + 3); err != nil {
		t.Fatal(err)
	}
	if seq, begin := s.Next(); seq != plansPerFile+3 || begin != all[seq].Begin {
		t.Fatalf("after taking back plans the next is %d at %v", seq, begin)
	}
	appendPlans(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var size int64
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += st.Size()
	}
	if each := size / (plansPerFile + 6); each > 255 {
		t.Fatalf("a plan takes %d bytes with an anchor of 238", each)
	}
}

// image copies a directory of plans with one file changed.
func image(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "image")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestAWriteCutShortIsForgottenAndDamageIsNamed(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenPlans(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := appendPlans(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := planFileName(0, 0)
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	last := len(data) - len(all[2].append(nil))
	for cut := last; cut < len(data); cut++ {
		for _, tail := range [][]byte{nil, make([]byte, len(data)-cut)} { // cut short, or extended and not filled in
			torn, err := OpenPlans(image(t, dir, name, append(data[:cut:cut], tail...)))
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			if seq, begin := torn.Next(); seq != 2 || begin != all[2].Begin {
				t.Fatalf("cut at %d: the next is %d at %v", cut, seq, begin)
			}
			if want := cut - last + len(tail); torn.Torn() != want {
				t.Fatalf("cut at %d: %d bytes were torn, want %d", cut, torn.Torn(), want)
			}
			if err := errors.Join(torn.Append(all[2]), torn.Close()); err != nil {
				t.Fatal(err)
			}
			if again, err := OpenPlans(torn.dir); err != nil || again.Torn() != 0 {
				t.Fatal(again, err)
			} else if p, err := again.Get(2); err != nil || !cmp.Equal(p, all[2]) {
				t.Fatal(p, err)
			}
		}
	}
	for at := range last {
		bad := bytes.Clone(data)
		bad[at] ^= 0x40
		c, good, err := parsePlans(planFile{path: name}, bad)
		if err == nil && !c.torn(good) {
			err = c.whole(good)
		}
		var damage *Damage
		if !errors.As(err, &damage) || damage.File != name {
			t.Fatalf("byte %d changed: got %v", at, err)
		}
	}
	data[last-1] ^= 1
	var damage *Damage
	if _, err := OpenPlans(image(t, dir, name, data)); !errors.As(err, &damage) || filepath.Base(damage.File) != name {
		t.Fatalf("got %v", err)
	}
}

func TestDamageInAnOlderFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenPlans(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := appendPlans(t, s, plansPerFile+1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := planFileName(0, 0)
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	hurt, err := OpenPlans(image(t, dir, name, data))
	if err != nil {
		t.Fatal(err)
	}
	defer hurt.Close()
	var damage *Damage
	if _, err := hurt.Get(1); !errors.As(err, &damage) || filepath.Base(damage.File) != name {
		t.Fatalf("got %v", err)
	}
	if p, err := hurt.Get(plansPerFile); err != nil || p.Seq != all[plansPerFile].Seq {
		t.Fatal(p, err)
	}
	gone := image(t, dir, "other", nil)
	if err := os.Remove(filepath.Join(gone, name)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPlans(gone); !errors.As(err, &damage) {
		t.Fatalf("a missing file: got %v", err)
	}
}

func TestPlanEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin := journal.Cursor{Segment: rapid.Uint32Range(0, 1<<20).Draw(t, "segment"), Offset: rapid.Int64Range(0, 1<<40).Draw(t, "offset"), Entry: rapid.Uint64Range(0, 1<<50).Draw(t, "entry")}
		p := &Plan{
			Seq: rapid.Uint64().Draw(t, "seq"), Begin: begin,
			Anchor: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "anchor"),
			End: journal.Cursor{
				Segment: begin.Segment + rapid.Uint32Range(0, 3).Draw(t, "segments"), Offset: rapid.Int64Range(0, 1<<40).Draw(t, "end"),
				Entry: begin.Entry + rapid.Uint64Range(0, 1<<20).Draw(t, "entries"),
			},
		}
		b := p.append([]byte{7, 7})[2:]
		got, rest, err := takePlan(append(b, 9), p.Seq, begin)
		if err != nil || len(rest) != 1 || !bytes.Equal(got.Anchor, p.Anchor) || got.End != p.End {
			t.Fatalf("%+v became %+v: %v", p, got, err)
		}
		if _, _, err := takePlan(b, p.Seq+1, begin); err == nil {
			t.Fatal("a plan was taken for another")
		}
	})
}

func FuzzPlans(f *testing.F) {
	s, err := OpenPlans(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	appendPlans(f, s, 2)
	f.Add(s.last.data)
	f.Add(planFileHead(trimmedMagic, 0, journal.Cursor{}, &BatchKey{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, good, err := parsePlans(planFile{path: "x"}, data)
		if err != nil {
			return
		}
		if good > len(data) || c.torn(good) && c.whole(good) == nil && good != len(data) {
			t.Fatal("good bytes beyond the end")
		}
		for i := range c.at {
			if _, err := c.plan(i); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkPlanAppend(b *testing.B) {
	s, err := OpenPlans(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if err := s.Append(planAfter(s, 10)); err != nil {
			b.Fatal(err)
		}
	}
}
