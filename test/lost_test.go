//go:build real && linux

package real_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealLoneLosesItsChain takes the ledger's files, in part or all, from a node that stands alone: it begins no other history, the doctor says
// what to do, and the backup leads back.
func TestRealLoneLosesItsChain(t *testing.T) {
	dir := t.TempDir()
	n := lone(t, filepath.Join(dir, "lone"))
	for _, id := range []string{"p1", "p2", "p3"} {
		anchored(t, n, id)
	}
	backup := filepath.Join(dir, "backup")
	n.sijil(t, 0, "backup", "--dir", n.dir, "--to", backup)
	n.stop()
	for _, lost := range [][]string{{"data", "state"}, {"data"}, {"."}} {
		for _, name := range lost {
			if err := os.RemoveAll(filepath.Join(n.dir, "ledger", "chain", name)); err != nil {
				t.Fatal(err)
			}
		}
		before := len(n.said())
		n.launch(t)
		if n.answers(t) {
			if s, err := n.status(t); err != nil || s.Height > 0 || s.Unanchored == 0 {
				t.Errorf("without %v it begins another history: %+v %v", lost, s, err)
			}
			n.ask(t, http.StatusOK, "clinician GET /Patient/p2", "")
			n.kill()
		}
		out, code := n.run(t, "doctor", "--dir", n.dir)
		t.Logf("without %v: %s\ndoctor: %d: %s", lost, n.said()[before:], code, out)
		if code != 2 || !strings.Contains(out, "`sijil restore") {
			t.Errorf("without %v the doctor does not say what to do: %d: %s", lost, code, out)
		}
	}
	kit := filepath.Join(n.dir, "recovery-kit.json")
	again := &member{name: "again", dir: filepath.Join(dir, "again"), address: n.address, log: filepath.Join(dir, "again.log")}
	t.Cleanup(again.kill)
	again.sijil(t, 0, "restore", "--from", backup, "--kit", kit, "--dir", again.dir, "--old-machine-is-destroyed")
	again.start(t)
	again.ask(t, http.StatusOK, "clinician GET /Patient/p2", "")
	anchored(t, again, "p4")
	again.sijil(t, 0, "audit", again.dir)
}
