//go:build real && linux

package real_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// cut, added to a place, makes spoil end the file there.
const cut = 10

// TestRealDamage changes bytes in one file of each class of a node that holds data and stands among others. Each time the damage is
// healed, or named with the file by whoever meets it: a read, scrub, audit, the start. What is served is right, always.
func TestRealDamage(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	d := &damaged{n: hospital, want: make(map[string]string)}
	d.load(t)
	c.settled(t)
	// A start puts what the state machine wrote since the last one into a table. Two make sure that there is a table and what follows it.
	for range 2 {
		for _, n := range c.nodes {
			n.stop()
		}
		for _, n := range c.nodes {
			n.launch(t)
		}
		c.settled(t)
	}
	d.ask(t, 40) // what is not in a table yet
	c.settled(t)
	// Everything is put into files, and damage to a live segment makes scrub seal it: only then there is a sealed one.
	for _, n := range c.nodes {
		n.stop()
	}
	kept := t.TempDir()
	for _, n := range c.nodes {
		copyTree(t, n.dir, filepath.Join(kept, n.name))
	}
	for _, class := range []struct {
		name, pattern string
		places        []float64 // where in the file, from 0 to 1; none deletes it, cut ends the file there
		live          bool      // the node meets the damage while it runs; otherwise at its start
	}{
		{"blob", "blobs/??/??/*", []float64{0.5}, true},
		{"journal segment", "journal/*.segment", []float64{0.1, 0.3}, true},
		{"journal segment at start", "journal/*.segment", []float64{0.1, 0.3}, false},
		{"batch plans", "ledger/plans/*.plans", []float64{0.5}, true},
		{"batch plans at start", "ledger/plans/*.plans", []float64{0.5}, false},
		{"index table", "index/*.sst", []float64{0.1, 0.5}, false},
		{"index manifest", "index/MANIFEST-*", []float64{0.5}, false},
		{"key store page", "keys/pages.*", []float64{0.2, 0.5, 0.8}, false},
		{"key store top", "keys/top", []float64{0.3}, false},
		{"root key", "root.key", []float64{0.5}, false},
		{"chain state", "ledger/chain/state/*.sst", []float64{0.5}, false},
		{"chain state log", "ledger/chain/state/*.log", []float64{0.5}, false},
		{"blocks", "ledger/chain/data/blockstore.db/*.l*", []float64{0.3, 0.6}, false},
		{"consensus state", "ledger/chain/data/state.db/*.l*", []float64{0.5}, false},
		{"signing state, one slot", "ledger/chain/signed", []float64{0.5}, false},
		{"signing state, both slots", "ledger/chain/signed", []float64{0.1, 0.6}, false},
		{"genesis", "genesis.json", []float64{0.5}, false},
		{"configuration", "config.json", []float64{0.5}, false},
		{"description", "member.json", []float64{0.5}, false},
		{"checkpoint", "checkpoints/*", []float64{0.5}, false},
		{"chain state, near its beginning", "ledger/chain/state/*.sst", []float64{0.02}, false},
		{"chain state, its footer", "ledger/chain/state/*.sst", []float64{0.98}, false},
		{"chain state manifest", "ledger/chain/state/MANIFEST-*", []float64{0.5}, false},
		{"chain state options", "ledger/chain/state/OPTIONS-*", []float64{0.5}, false},
		{"key store first page", "keys/pages.0", []float64{0.02}, false},
		{"key store upper page", "keys/pages.1", []float64{0.5}, false},
		{"the last tree signed", "checkpoints/signed.json", []float64{0.5}, false},
		{"node key", "ledger/chain/node_key.json", []float64{0.5}, false},
		{"validator key", "ledger/chain/priv_validator_key.json", []float64{0.5}, false},
		{"last segment cut", "journal/*.segment", []float64{cut + 0.5}, false},
		{"blob cut", "blobs/??/??/*", []float64{cut + 0.5}, true},
		{"blob gone", "blobs/??/??/*", nil, false},
		{"journal segment gone", "journal/*.segment", nil, false},
		{"batch plans gone", "ledger/plans/*.plans", nil, false},
		{"index table gone", "index/*.sst", nil, false},
		{"key store page gone", "keys/pages.*", nil, false},
		{"signing state gone", "ledger/chain/signed", nil, false},
		{"genesis gone", "genesis.json", nil, false},
		{"blocks of a running node", "ledger/chain/data/blockstore.db/*.ldb", []float64{0.4, 0.6}, true},
		{"blocks, near the beginning of a table", "ledger/chain/data/blockstore.db/*.ldb", []float64{0.02}, false},
		{"blocks, the footer of a table", "ledger/chain/data/blockstore.db/*.ldb", []float64{0.99}, false},
		{"blocks, the middle of the log", "ledger/chain/data/blockstore.db/*.log", []float64{0.3}, false},
		{"blocks, the list of tables", "ledger/chain/data/blockstore.db/MANIFEST-*", []float64{0.5}, false},
		{"blocks, the name of the list", "ledger/chain/data/blockstore.db/CURRENT", []float64{0.5}, false},
		{"consensus state, the list of tables", "ledger/chain/data/state.db/MANIFEST-*", []float64{0.5}, false},
		{"consensus state, the name of the list", "ledger/chain/data/state.db/CURRENT", []float64{0.5}, false},
		{"evidence, the list of tables", "ledger/chain/data/evidence.db/MANIFEST-*", []float64{0.5}, false},
		{"evidence, the name of the list", "ledger/chain/data/evidence.db/CURRENT", []float64{0.5}, false},
		{"lease of the validator key", "ledger/chain/validator.lease", []float64{0.1}, false},
		{"address book", "ledger/chain/addrbook.json", []float64{0.5}, false},
		{"consensus log", "ledger/chain/data/cs.wal/wal", []float64{0.5}, false},
		{"consensus log, its end", "ledger/chain/data/cs.wal/wal", []float64{0.98}, false},
		{"consensus log cut", "ledger/chain/data/cs.wal/wal", []float64{cut + 0.5}, false},
		{"consensus log gone", "ledger/chain/data/cs.wal/wal", nil, false},
		{"batch plans cut", "ledger/plans/*.plans", []float64{cut + 0.5}, false},
		{"batch plans cut, live", "ledger/plans/*.plans", []float64{cut + 0.5}, true},
		{"index table cut", "index/*.sst", []float64{cut + 0.5}, false},
		{"key store page cut", "keys/pages.*", []float64{cut + 0.5}, false},
		{"key store top cut", "keys/top", []float64{cut + 0.5}, false},
		{"root key cut", "root.key", []float64{cut + 0.5}, false},
		{"chain state cut", "ledger/chain/state/*.sst", []float64{cut + 0.5}, false},
		{"chain state manifest cut", "ledger/chain/state/MANIFEST-*", []float64{cut + 0.5}, false},
		{"chain state log cut", "ledger/chain/state/*.log", []float64{cut + 0.5}, false},
		{"chain state gone", "ledger/chain/state/*.sst", nil, false},
		{"blocks cut", "ledger/chain/data/blockstore.db/*.l*", []float64{cut + 0.5}, false},
		{"blocks gone", "ledger/chain/data/blockstore.db/*.l*", nil, false},
		{"consensus state cut", "ledger/chain/data/state.db/*.l*", []float64{cut + 0.5}, false},
		{"signing state cut", "ledger/chain/signed", []float64{cut + 0.5}, false},
		{"checkpoint cut", "checkpoints/*", []float64{cut + 0.5}, false},
		{"configuration cut", "config.json", []float64{cut + 0.5}, false},
		{"genesis cut", "genesis.json", []float64{cut + 0.5}, false},
		{"node key cut", "ledger/chain/node_key.json", []float64{cut + 0.5}, false},
		{"validator key cut", "ledger/chain/priv_validator_key.json", []float64{cut + 0.5}, false},
	} {
		t.Run(class.name, func(t *testing.T) {
			for _, n := range c.nodes { // all four as they were: one alone must never go back
				n.kill()
				if err := os.RemoveAll(n.dir); err != nil {
					t.Fatal(err)
				}
				copyTree(t, filepath.Join(kept, n.name), n.dir)
			}
			path := largest(t, filepath.Join(hospital.dir, class.pattern))
			if path == "" {
				t.Skipf("the node has no file %s", class.pattern)
			}
			for _, n := range c.nodes[1:] {
				n.launch(t)
			}
			if class.live {
				d.whileRunning(t, path, class.places)
			} else {
				d.atStart(t, path, class.places)
			}
		})
	}
}

// TestRealDamageHeld changes bytes in what a custodian holds for another member. Its scrub names it or brings it back, and the owner's
// record is whole all the time.
func TestRealDamageHeld(t *testing.T) {
	c := four(t)
	d := &damaged{n: c.nodes[0], want: make(map[string]string)}
	d.load(t)
	c.settled(t)
	for _, class := range []string{"held/*/journal/*-*", "held/*/blobs/??/*"} {
		path := ""
		await(t, "a custodian to hold "+class, func() bool {
			path = largest(t, filepath.Join(c.dir, "*", class))
			return path != ""
		}, nil)
		rel, err := filepath.Rel(c.dir, path)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(rel, string(filepath.Separator))
		before := bytes.TrimRight(spoil(t, path, []float64{0.3}), "\x00")
		out, code := d.n.run(t, "scrub", "--dir", filepath.Join(c.dir, name))
		after, err := os.ReadFile(path)
		healed := err == nil && bytes.HasPrefix(after, before)
		t.Logf("%s: healed %v, scrub %d: %s", rel, healed, code, out)
		if !healed && (code != 2 || !strings.Contains(out, filepath.Base(path))) {
			t.Errorf("%s: neither healed nor named: %d: %s", rel, code, out)
		}
	}
	d.whole(t)
}

// trace is how a Go program ends that nobody caught.
var trace = regexp.MustCompile(`(?m)^(panic:|fatal error:|goroutine \d+ \[)`)

// damaged is a node whose content is known.
type damaged struct {
	n    *member
	want map[string]string // what must be in each resource
}

func (d *damaged) load(t *testing.T) {
	t.Helper()
	d.n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	d.want["Patient/p1"] = "Hassan"
	for i := range 40 {
		id := fmt.Sprintf("o%d", i)
		d.n.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", 1000+i), "Prefer: respond-async")
		d.want["Observation/"+id] = fmt.Sprintf(`"value":%d`, 1000+i)
	}
	d.ask(t, 60)
	scan := make([]byte, 200<<10)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(scan) // never fails
	text := base64.StdEncoding.EncodeToString(scan)
	d.n.ask(t, http.StatusCreated, "clinician PUT /Binary/b1", `{"resourceType":"Binary","id":"b1","contentType":"image/png","data":"`+text+`"}`)
	d.want["Binary/b1"] = text
}

// ask changes one resource again and again and waits each time: that many blocks.
func (d *damaged) ask(t *testing.T, blocks int) {
	t.Helper()
	const ref = "Observation/changes"
	status := http.StatusOK
	if d.want[ref] == "" {
		status = http.StatusCreated
	}
	for i := range blocks {
		d.n.ask(t, status, "clinician PUT /"+ref, observation("changes", "p1", 2000+i))
		d.want[ref], status = fmt.Sprintf(`"value":%d`, 2000+i), http.StatusOK
	}
}

// read reads everything. What is not right must be refused with a server's error; refused tells how many were.
func (d *damaged) read(t *testing.T) (refused int) {
	t.Helper()
	for ref, want := range d.want {
		a, err := d.n.try(t.Context(), d.n.token(t, "clinician"), http.MethodGet, "/"+ref, nil, "Accept: application/fhir+json")
		switch {
		case err != nil:
			t.Fatalf("%s: %v", ref, err)
		case a.status >= 500:
			outcomeOf(t, a)
			refused++
		case a.status != http.StatusOK || !strings.Contains(string(a.body), want):
			t.Errorf("WRONG and not said: %s: %d: %s", ref, a.status, head(a.body))
		}
	}
	return refused
}

// whileRunning changes the file under the node that runs.
func (d *damaged) whileRunning(t *testing.T, path string, places []float64) {
	d.n.start(t)
	d.read(t)
	before := spoil(t, path, places)
	log := len(d.n.said())
	refused := d.read(t)
	defer func() {
		if said := d.n.said()[log:]; trace.MatchString(said) || d.n.gone() {
			t.Errorf("%s: the node ended under damage: %s", path, said)
		}
	}()
	audit, auditCode := d.n.run(t, "audit", d.n.dir)
	scrub, scrubCode := d.n.run(t, "scrub", "--dir", d.n.dir)
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before = bytes.TrimRight(before, "\x00")
	healed := bytes.HasPrefix(after, before)
	named := strings.Contains(audit+scrub+d.n.said()[log:], filepath.Base(path))
	t.Logf("%s: healed %v, named %v, reads refused %d, audit %d, scrub %d", filepath.Base(path), healed, named, refused, auditCode, scrubCode)
	if !healed {
		t.Logf("not healed: audit: %s\nscrub: %s", audit, scrub)
	}
	if !healed && (!named || auditCode == 0 && scrubCode == 0) {
		t.Errorf("%s: neither healed nor named", path)
	}
	if healed {
		d.whole(t)
	}
}

// atStart changes the file while the node is stopped.
func (d *damaged) atStart(t *testing.T, path string, places []float64) {
	kept := filepath.Join(t.TempDir(), "kept")
	copyTree(t, d.n.dir, kept)
	spoil(t, path, places)
	log := len(d.n.said())
	d.n.launch(t)
	serves := d.n.answers(t)
	refused, audit, auditCode := 0, "", 0
	if serves {
		refused = d.read(t)
		audit, auditCode = d.n.run(t, "audit", d.n.dir)
	}
	said := d.n.said()[log:] + audit
	if strings.Contains(said, "`sijil doctor`") {
		doctor, code := d.n.run(t, "doctor", "--dir", d.n.dir)
		t.Logf("doctor: %d: %s", code, doctor)
		said += doctor
	}
	rel, err := filepath.Rel(d.n.dir, path)
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Contains(said, filepath.Base(path)) || strings.Contains(said, filepath.Join(d.n.dir, filepath.Dir(rel))) ||
		strings.HasPrefix(rel, "ledger/chain/data/") && strings.Contains(said, filepath.Join(d.n.dir, "ledger/chain/data")) // told as a whole
	t.Logf("%s: serves %v, named %v, reads refused %d, audit %d", rel, serves, named, refused, auditCode)
	switch {
	case !serves:
		if !named {
			t.Errorf("%s: the node does not start and does not name the file: %s", rel, said)
		}
		if trace.MatchString(said) {
			t.Errorf("%s: the start ends with a trace: %s", rel, said)
		}
		if err := os.RemoveAll(d.n.dir); err != nil { // it did not serve: nothing forbids to put back what was there
			t.Fatal(err)
		}
		copyTree(t, kept, d.n.dir)
		d.n.start(t)
		d.whole(t)
	case refused == 0 && auditCode == 0: // mended, or nothing that counts was there
		d.whole(t)
	case !named:
		t.Errorf("%s: met, and not named: %s", rel, said)
	}
}

// whole makes sure that all is in order.
func (d *damaged) whole(t *testing.T) {
	t.Helper()
	if n := d.read(t); n > 0 {
		t.Errorf("%d reads are refused afterwards", n)
	}
	d.n.sijil(t, 0, "audit", d.n.dir)
}

// spoil changes eight bytes at each place of a file, or deletes it where there are no places, and gives what it was.
func spoil(t *testing.T, path string, places []float64) (before []byte) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(places) == 0 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return before
	}
	used := len(bytes.TrimRight(before, "\x00")) // files are extended ahead of writing
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, place := range places {
		if place >= cut {
			if err := f.Truncate(int64((place - cut) * float64(used))); err != nil {
				t.Fatal(err)
			}
			continue
		}
		at := int(place * float64(used))
		b := bytes.Clone(before[at:min(used, at+8)])
		for i := range b {
			b[i] ^= 0x5a
		}
		if _, err := f.WriteAt(b, int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	return before
}

// largest gives the file with the most content that a pattern finds; "" for none.
func largest(t *testing.T, pattern string) (path string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	most := 8
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(bytes.TrimRight(b, "\x00")); n > most {
			path, most = f, n
		}
	}
	return path
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Remove(filepath.Join(from, "node.sock")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	modes(t, from, to)
}

// modes gives copies the rights of the originals: keys that others may read are refused.
func modes(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, rel), info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}
