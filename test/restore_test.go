//go:build real && linux

package real_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lifetime is what a member has written before its machine is lost.
type lifetime struct {
	n        *member
	receipts map[string]string // file of a receipt, by resource
	writes   int
	verified int // exit code of verify: 3 for a lone node without a witness
}

const largeText = 200 << 10 // bytes: a ciphertext that no journal record takes

// live writes to a node, and keeps receipts.
func live(t *testing.T, n *member, writes int) *lifetime {
	t.Helper()
	l := &lifetime{n: n, receipts: make(map[string]string)}
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	l.more(t, writes)
	long := strings.Repeat("radiology ", largeText/10)
	n.ask(t, http.StatusCreated, "clinician PUT /Observation/large", strings.Replace(observation("large", "p1", 7), `"status"`,
		`"note":[{"text":"`+strings.TrimSpace(long)+`"}],"status"`, 1))
	for _, what := range []string{"Patient/p1", "Observation/o1", "Observation/large"} {
		l.receipts[what] = l.receipt(t, what)
	}
	return l
}

func (l *lifetime) more(t *testing.T, writes int) {
	t.Helper()
	for range writes {
		l.writes++
		id := fmt.Sprintf("o%d", l.writes)
		l.n.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", l.writes))
	}
}

func (l *lifetime) receipt(t *testing.T, what string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), strings.ReplaceAll(what, "/", "-")+".json")
	write(t, file, l.n.ask(t, http.StatusOK, "clinician GET /"+what+"/_history/1/$receipt", "").body)
	return file
}

// check reads everything back, and verifies old receipts and new ones of the same entries.
func (l *lifetime) check(t *testing.T, trust string) {
	t.Helper()
	for i := 1; i <= l.writes; i++ {
		a := l.n.ask(t, http.StatusOK, fmt.Sprintf("clinician GET /Observation/o%d", i), "")
		if got := valueOf(t, a.body); got != i {
			t.Errorf("Observation/o%d holds %d", i, got)
		}
	}
	if a := l.n.ask(t, http.StatusOK, "clinician GET /Observation/large", ""); len(a.body) < largeText {
		t.Errorf("the large one has %d bytes", len(a.body))
	}
	for what, before := range l.receipts {
		for _, file := range []string{before, l.receipt(t, what)} {
			if out, code := l.n.run(t, "verify", file, "--trust", trust); code != l.verified {
				t.Errorf("receipt of %s: exit code %d: %s", what, code, out)
			}
		}
	}
}

// agreed has the other members vote for what a restored node asks for.
func (c *cluster) agreed(t *testing.T, restored *member) {
	t.Helper()
	request := filepath.Join(t.TempDir(), "rotate.json")
	restored.sijil(t, 0, "rotate", "--dir", restored.dir, "--out", request)
	agree(t, slices.DeleteFunc(slices.Clone(c.nodes), func(n *member) bool { return n == restored }), "rotate", request)
}

// anchoring waits until a node anchors what it writes.
func (l *lifetime) anchoring(t *testing.T) {
	t.Helper()
	var seen string
	await(t, l.n.name+" to anchor again", func() bool {
		s, err := l.n.status(t)
		if err != nil {
			seen = err.Error()
			return false
		}
		seen = fmt.Sprintf("%+v", *s)
		return !s.CatchingUp && s.Unanchored == 0 && s.Height > 0
	}, &seen)
	l.more(t, 5)
	await(t, "a new receipt to hold: the members of before sign the beginning of its epoch", func() bool {
		var code int
		seen, code = l.n.run(t, "verify", l.receipt(t, fmt.Sprintf("Observation/o%d", l.writes)), "--trust", filepath.Join(l.n.dir, "trust.json"))
		return code == 0
	}, &seen)
}

// moved makes the member's machine a new one: its directory is gone but for the kit, which lay elsewhere.
func (l *lifetime) moved(t *testing.T) (kit string) {
	t.Helper()
	kit = filepath.Join(t.TempDir(), "kit.json")
	b, err := os.ReadFile(filepath.Join(l.n.dir, "recovery-kit.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, kit, b)
	l.n.kill()
	if err := os.RemoveAll(l.n.dir); err != nil {
		t.Fatal(err)
	}
	return kit
}

// restored is what `sijil restore --json` says, as far as the tests look at it.
type restored struct {
	Entries, Fetched uint64
	Validator        string
	Silent, Lost     []string
}

func restore(t *testing.T, n *member, args ...string) (r restored) {
	t.Helper()
	out := n.sijil(t, 0, append([]string{"restore", "--json", "--dir", n.dir}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n.tokens = nil
	return r
}

// TestRealRestoreFromCustodians loses a member's machine with all its disks. The recovery kit and the other members bring everything back:
// the record, its receipts, and the sequence, which goes on where it was.
func TestRealRestoreFromCustodians(t *testing.T) {
	c := four(t)
	hospital, clinic := c.nodes[0], c.nodes[1]
	l := live(t, hospital, 40)
	c.settled(t)
	hospital.copied(t)
	before, err := hospital.status(t)
	if err != nil {
		t.Fatal(err)
	}
	kit := l.moved(t)
	trust := filepath.Join(clinic.dir, "trust.json")

	// Without the members nothing comes, and it is said who does not answer.
	clinic.stop()
	out := hospital.sijil(t, 1, "restore", "--from-custodians", "--trust", trust, "--kit", kit, "--dir", hospital.dir)
	if !strings.Contains(out, "clinic") {
		t.Errorf("it is not said who does not answer: %s", out)
	}
	if _, err := os.Stat(hospital.dir); !os.IsNotExist(err) {
		t.Errorf("something is left: %v", err)
	}
	clinic.start(t)

	r := restore(t, hospital, "--from-custodians", "--trust", trust, "--kit", kit, "--fhir", hospital.fhir)
	if r.Entries != before.Entries || r.Validator != "new" || len(r.Silent) > 0 || len(r.Lost) > 0 {
		t.Errorf("%+v, there were %d entries", r, before.Entries)
	}
	hospital.start(t)
	l.more(t, 3) // care goes on before anybody has voted
	c.agreed(t, hospital)
	l.anchoring(t)
	l.check(t, trust)
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
	c.unaccused(t)
}

// TestRealRestoreMember brings a member back from a backup that is older than its end. What came later is at the custodians.
func TestRealRestoreMember(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	l := live(t, hospital, 20)
	usb := filepath.Join(c.dir, "usb")
	hospital.sijil(t, 0, "backup", "--dir", hospital.dir, "--to", usb)
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p2", patient("p2", "Karim")) // keys that are not in the backup
	l.more(t, 20)
	c.settled(t)
	hospital.copied(t)
	before, err := hospital.status(t)
	if err != nil {
		t.Fatal(err)
	}
	kit := l.moved(t)
	r := restore(t, hospital, "--from", usb, "--kit", kit)
	if r.Entries != before.Entries || r.Fetched < 21 || r.Validator != "new" {
		t.Errorf("%+v, there were %d entries", r, before.Entries)
	}
	if out := hospital.sijil(t, 0, "audit", hospital.dir); !strings.Contains(out, "not here yet") {
		t.Errorf("audit before the ledger came: %s", out)
	}
	hospital.start(t)
	c.agreed(t, hospital)
	l.anchoring(t)
	l.check(t, filepath.Join(c.nodes[1].dir, "trust.json"))
	hospital.ask(t, http.StatusOK, "clinician GET /Patient/p2", "")
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
	c.unaccused(t)
}

// unaccused fails where a custodian has an alarm about anybody: nobody repeated a number or a tag.
func (c *cluster) unaccused(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes {
		s, err := n.status(t)
		if err != nil {
			t.Fatal(err)
		}
		said := n.sijil(t, 0, "status", "--dir", n.dir)
		if !strings.Contains(said, "Lacking at custodians") {
			t.Errorf("%s does not say what custodians lack: %s", n.name, said)
		}
		for _, w := range s.Warnings {
			if w.Code == "alarm" {
				t.Errorf("%s has an alarm: %s", n.name, said)
			}
		}
	}
}

// TestRealLostTail cuts the power, and the disk has not kept what it said it kept. Custodians have it: it is back before anything is written.
func TestRealLostTail(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	l := live(t, hospital, 10)
	c.settled(t)
	segment := filepath.Join(hospital.dir, "journal", "0000000000.segment")
	for _, lost := range []struct {
		what string
		do   func(size int64) error
	}{
		{"the tail and the mark", func(size int64) error {
			return tryAll(os.Truncate(segment, size), os.Remove(filepath.Join(hospital.dir, "journal", "durable")))
		}},
		{"the tail", func(size int64) error { return os.Truncate(segment, size) }},
		{"the last segment", func(int64) error { return os.Remove(segment) }},
		{"the journal", func(int64) error { return os.RemoveAll(filepath.Dir(segment)) }},
	} {
		size := end(t, segment)
		l.more(t, 10)
		hospital.copied(t)
		entries := l.entries(t)
		hospital.kill()
		if err := lost.do(size); err != nil {
			t.Fatal(err)
		}
		hospital.start(t)
		if said := hospital.said(); !strings.Contains(said, "whole again") {
			t.Errorf("%s: the log does not say that it was mended", lost.what)
		}
		if got := l.entries(t); got < entries {
			t.Fatalf("%s: %d entries, there were %d", lost.what, got, entries)
		}
		l.anchoring(t)
		t.Logf("%s: healed", lost.what)
	}
	l.check(t, filepath.Join(hospital.dir, "trust.json"))
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
	c.unaccused(t)
}

func (l *lifetime) entries(t *testing.T) uint64 {
	t.Helper()
	s, err := l.n.status(t)
	if err != nil {
		t.Fatal(err)
	}
	return s.Entries
}

// end is where a segment's last written byte is; the file is extended ahead of writing, with zeros.
func end(t *testing.T, segment string) int64 {
	t.Helper()
	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(strings.TrimRight(string(b), "\x00")))
}

func tryAll(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
