//go:build real && linux

package real_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// admit writes patients.
func admit(t *testing.T, n *member, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		n.ask(t, http.StatusCreated, fmt.Sprintf("clinician PUT /Patient/k%d", i), patient(fmt.Sprintf("k%d", i), "Hassan"))
	}
}

func patientsAreThere(t *testing.T, n *member, count int) {
	t.Helper()
	for i := range count {
		n.ask(t, http.StatusOK, fmt.Sprintf("clinician GET /Patient/k%d", i), "")
	}
}

// hurtLog makes damage of the one log of a key store.
func hurtLog(t *testing.T, n *member, hurt func(path string, size int64) error) (path string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(n.dir, "keys", "log.*"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs %v: %v", logs, err)
	}
	info, err := os.Stat(logs[0])
	if err == nil {
		err = hurt(logs[0], info.Size())
	}
	if err != nil {
		t.Fatal(err)
	}
	return logs[0]
}

var logDamages = []struct {
	name string
	hurt func(path string, size int64) error
}{
	{"one byte", func(path string, size int64) error { return os.Truncate(path, size-1) }},
	{"half", func(path string, size int64) error { return os.Truncate(path, size/2) }},
	{"all", func(path string, _ int64) error { return os.Truncate(path, 0) }},
	{"the file", func(path string, _ int64) error { return os.Remove(path) }},
	{"a bit at its end", func(path string, size int64) error {
		b, err := os.ReadFile(path)
		if err == nil {
			b[size-50] ^= 1
			err = os.WriteFile(path, b, 0o600)
		}
		return err
	}},
	{"keys and mark", func(path string, size int64) error {
		return errors.Join(os.Truncate(path, size/2), os.Remove(filepath.Join(filepath.Dir(path), "durable")))
	}},
}

// TestRealLostKeysAlone takes keys that were acknowledged from a node that stands alone. The start is refused, and audit and doctor name what is
// missing; put back, all is there.
func TestRealLostKeysAlone(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	admit(t, n, 0, 6)
	n.kill()
	kept := filepath.Join(t.TempDir(), "keys")
	copyTree(t, filepath.Join(n.dir, "keys"), kept)
	for _, d := range logDamages {
		t.Run(d.name, func(t *testing.T) {
			path := hurtLog(t, n, d.hurt)
			named := path
			if d.name == "keys and mark" {
				named = filepath.Join(n.dir, "keys")
			}
			for _, command := range [][]string{{"audit", n.dir}, {"doctor", "--dir", n.dir}} {
				if out := n.sijil(t, 2, command...); !strings.Contains(out, named) {
					t.Errorf("%v does not name %s: %s", command, named, out)
				}
			}
			before := len(n.said())
			n.launch(t)
			if n.answers(t) {
				t.Error("it serves")
				n.kill()
			}
			if said := n.said()[before:]; !strings.Contains(said, named) || strings.Contains(said, "already closed") {
				t.Errorf("the refusal does not name %s, or names more: %s", named, said)
			}
			n.sijil(t, 2, "doctor", "--dir", n.dir)
			if err := os.RemoveAll(filepath.Join(n.dir, "keys")); err != nil {
				t.Fatal(err)
			}
			copyTree(t, kept, filepath.Join(n.dir, "keys"))
		})
	}
	n.start(t)
	patientsAreThere(t, n, 6)
	n.sijil(t, 0, "audit", n.dir)
	n.stop()
	if err := os.Rename(filepath.Join(n.dir, "passphrase"), filepath.Join(n.dir, "..", "passphrase")); err != nil {
		t.Fatal(err)
	}
	if out := n.sijil(t, 2, "doctor", "--dir", n.dir); !strings.Contains(out, "passphrase") {
		t.Errorf("the doctor does not tell that there is no passphrase: %s", out)
	}
	n.sijil(t, 0, "doctor", "--dir", n.dir, "--passphrase-file", filepath.Join(n.dir, "..", "passphrase"))
}

// TestRealLostKeysAmongOthers: custodians have them, and they are back before anything is written.
func TestRealLostKeysAmongOthers(t *testing.T) {
	c := four(t)
	n := c.nodes[0]
	count := 0
	for _, d := range logDamages {
		admit(t, n, count, count+8)
		count += 8
		c.settled(t)
		n.kill()
		hurtLog(t, n, d.hurt)
		n.start(t)
		if !strings.Contains(n.said(), "the key store is whole again") {
			t.Errorf("%s: the log does not say that it was mended", d.name)
		}
		patientsAreThere(t, n, count)
	}
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
	c.unaccused(t)
}

// TestRealScrubMendsKeys changes files of the key store under a running node. It has what they held, and writes it again.
func TestRealScrubMendsKeys(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	admit(t, n, 0, 6)
	for _, name := range []string{"pages.0", "pages.3", "top", "durable"} {
		path := filepath.Join(n.dir, "keys", name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(b); at += 20 {
			b[at] ^= 0xff
		}
		write(t, path, b)
		out := n.sijil(t, 0, "scrub", "--dir", n.dir)
		if !strings.Contains(out, path) {
			t.Errorf("scrub does not name %s: %s", path, out)
		}
	}
	hurtLog(t, n, logDamages[1].hurt)
	n.sijil(t, 0, "scrub", "--dir", n.dir)
	admit(t, n, 6, 8)
	n.kill()
	n.start(t)
	patientsAreThere(t, n, 8)
	n.sijil(t, 0, "audit", n.dir)
}

// TestRealLostMark takes the mark of the journal's end, alone and with a part of the journal. It is named, and what is anchored is missed.
func TestRealLostMark(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	admit(t, n, 0, 8)
	anchored(t, n, "last")
	n.kill()
	mark, segment := filepath.Join(n.dir, "journal", "durable"), filepath.Join(n.dir, "journal", "0000000000.segment")
	kept, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segment, end(t, segment)/2); err != nil {
		t.Fatal(err)
	}
	if out := n.sijil(t, 2, "audit", n.dir); !strings.Contains(out, mark) {
		t.Errorf("audit does not name the mark: %s", out)
	}
	n.sijil(t, 2, "doctor", "--dir", n.dir)
	n.launch(t)
	if n.answers(t) {
		t.Error("it serves without what it anchored")
		n.kill()
	}
	if !strings.Contains(n.said(), segment) {
		t.Error("the refusal does not name the segment")
	}
	write(t, segment, kept)
	n.start(t)
	if !strings.Contains(n.said(), mark) {
		t.Error("the log does not tell that the mark was lost")
	}
	patientsAreThere(t, n, 8)
	n.sijil(t, 0, "audit", n.dir)
}

// TestRealSegmentRemoved removes the journal's file under a running node. Nothing that is written after that is acknowledged, the audit names the file,
// and nothing that was acknowledged is lost.
func TestRealSegmentRemoved(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	admit(t, n, 0, 3)
	n.stop()
	n.start(t) // nothing is left in memory
	admit(t, n, 3, 5)
	token := n.token(t, "clinician")
	segment := filepath.Join(n.dir, "journal", "0000000000.segment")
	if err := os.Remove(segment); err != nil {
		t.Fatal(err)
	}
	if out := n.sijil(t, 2, "audit", n.dir); !strings.Contains(out, segment) {
		t.Errorf("audit does not name %s: %s", segment, out)
	}
	a, err := n.try(t.Context(), token, http.MethodPut, "/Patient/after", []byte(patient("after", "Hassan")))
	if err != nil || a.status < 500 {
		t.Errorf("acknowledged: %+v %v", a, err)
	}
	if !warned(t, n, "disk") {
		t.Error("status does not tell of it")
	}
	n.kill()
	n.start(t)
	patientsAreThere(t, n, 5)
	n.sijil(t, 0, "audit", n.dir)
}
