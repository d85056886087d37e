package ledger

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// filled makes a node with two files of plans.
func filled(t *testing.T) *node {
	t.Helper()
	org := newMember("a", 1)
	s := newSim(org)
	s.autocommit(t, time.Microsecond)
	n := newNode(t, org, s)
	n.opt.InFlight, n.opt.Linger = maxInFlight, time.Nanosecond
	n.open()
	for s.size() < plansPerFile+40 {
		n.write(1)
	}
	n.drain()
	n.trim()
	if n.plans.trimmedTo() != plansPerFile {
		t.Fatalf("plans are trimmed to %d", n.plans.trimmedTo())
	}
	return n
}

// TestManyPlansAreMadeAgain loses whole files of plans.
func TestManyPlansAreMadeAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a file of plans: left out by -short")
	}
	n := filled(t)
	n.crash()
	n.opt.Plans = t.TempDir()
	n.open()
	n.drain()
	n.check()
	n.crash()
	if files, err := listPlanFiles(n.opt.Plans); err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
}

var planDamages = []struct {
	name string
	hurt func([]byte) []byte // nil deletes
}{
	{"a plan in the middle", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }},
	{"a run of plans", func(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b }},
	{"header", func(b []byte) []byte { b[12] ^= 1; return b }},
	{"cut off", func(b []byte) []byte { return b[:len(b)*2/3] }},
	{"all but the header gone", func(b []byte) []byte { return b[:planFileHeader] }},
	{"empty", func([]byte) []byte { return nil }},
	{"deleted", nil},
}

func hurt(t *testing.T, path string, change func([]byte) []byte) (was []byte) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err == nil && change == nil {
		err = os.Remove(path)
	} else if err == nil {
		err = os.WriteFile(path, change(bytes.Clone(was)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return was
}

// TestDamagedPlansAreMadeAgain damages each file of plans in each way, under a node that runs and before it starts: the damage is named with the
// file, and the file is as it was afterwards, to the byte.
func TestDamagedPlansAreMadeAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a file of plans: left out by -short")
	}
	n := filled(t)
	defer func() { n.crash() }()
	var said bytes.Buffer
	n.opt.Log = slog.New(slog.NewTextHandler(&said, nil))
	files, err := listPlanFiles(n.opt.Plans)
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		for _, d := range planDamages {
			was := hurt(t, f.path, d.hurt)
			same := func(when string) {
				t.Helper()
				is, err := os.ReadFile(f.path)
				if err != nil || !bytes.Equal(is, was) {
					t.Fatalf("%s of %s, %s: %v, %d bytes, were %d", d.name, filepath.Base(f.path), when, err, len(is), len(was))
				}
			}
			var found []*Damage
			read := int64(0)
			if err := n.ScrubPlans(t.Context(), func(n int64) { read += n }, func(d *Damage, heal error) {
				if heal != nil {
					t.Error(heal)
				}
				found = append(found, d)
			}); err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || found[0].File != f.path || read != n.PlansSize() {
				t.Fatalf("%s: found %v, read %d of %d", d.name, found, read, n.PlansSize())
			}
			same("scrub")
			if f == files[0] { // not looked at by a start unless it is missing; found at its use
				continue
			}
			n.crash()
			said.Reset()
			hurt(t, f.path, d.hurt)
			n.open()
			n.drain()
			same("start")
			if silent := d.name == "cut off" || strings.HasPrefix(d.name, "all but"); d.hurt != nil && !silent && !strings.Contains(said.String(), f.path) {
				t.Errorf("%s: not named: %s", d.name, &said)
			}
		}
	}
	n.check()
	none := func(d *Damage) { t.Error(d) }
	if err := CheckPlans(n.opt.Plans, none); err != nil {
		t.Fatal(err)
	}
	n.crash()
	hurt(t, files[0].path, nil)
	n.open()
	n.drain()
	n.check()
	if err := CheckPlans(n.opt.Plans, none); err != nil {
		t.Fatal(err)
	}
}

// TestPlansThatWaitSurviveDamage damages a plan before others that are not on the chain yet: those are submitted byte for byte all the same.
func TestPlansThatWaitSurviveDamage(t *testing.T) {
	org := newMember("a", 1)
	s := newSim(org)
	n := newNode(t, org, s)
	n.opt.InFlight, n.opt.Linger = maxInFlight, time.Nanosecond
	n.open()
	for i := range uint64(8) { // a batch each
		n.write(1)
		waitFor(t, func() bool { next, _ := n.plans.Next(); return next > i })
		if i == 3 { // the others wait
			s.commit()
		}
	}
	n.crash()
	next, _ := n.plans.Next()
	head, ok := s.heads[org.Org]
	if !ok || head.Seq+1 >= next {
		t.Skipf("nothing waits: %v, %d plans", head, next)
	}
	files, err := listPlanFiles(n.opt.Plans)
	if err != nil {
		t.Fatal(err)
	}
	was := hurt(t, files[0].path, func(b []byte) []byte { b[planFileHeader+20] ^= 1; return b }) // in the first plan
	n.open()
	is, err := os.ReadFile(files[0].path)
	if err != nil || !bytes.HasPrefix(is, was) {
		t.Fatalf("%v: %d bytes, were %d", err, len(is), len(was))
	}
	s.autocommit(t, time.Microsecond)
	n.drain()
	n.check()
	n.crash()
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("waited in vain")
}
