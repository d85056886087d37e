//go:build real && linux

package real_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealGenesisLost deletes the genesis of a node that has a record. It comes back from the trust file; without that, the node says what is
// missing and warns of founding another ledger.
func TestRealGenesisLost(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	n.stop()
	genesis, trust := filepath.Join(n.dir, "genesis.json"), filepath.Join(n.dir, "trust.json")
	before := spoil(t, genesis, nil)
	if out := n.sijil(t, 2, "doctor", "--dir", n.dir); !strings.Contains(out, "trust.json") {
		t.Errorf("doctor: %s", out)
	}
	log := len(n.said())
	n.start(t)
	n.ask(t, http.StatusOK, "clinician GET /Patient/p1", "")
	after, err := os.ReadFile(genesis)
	if err != nil || string(after) != string(before) || !strings.Contains(n.said()[log:], genesis) {
		t.Errorf("the genesis is not what it was, or that is not said: %v: %s", err, n.said()[log:])
	}
	n.stop()
	spoil(t, genesis, nil)
	spoil(t, trust, nil)
	log = len(n.said())
	n.launch(t)
	if n.answers(t) {
		t.Error("it starts without a genesis")
	}
	if said := n.said()[log:]; !strings.Contains(said, genesis) || !strings.Contains(said, "do not found") {
		t.Errorf("it does not say what is missing: %s", said)
	}
	write(t, genesis, before)
	n.start(t)
	n.ask(t, http.StatusOK, "clinician GET /Patient/p1", "")
}

// TestRealTrustAndSignedLost damages the trust file and deletes the note of the last tree signed. A start makes both again, and says so.
func TestRealTrustAndSignedLost(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	n.sijil(t, 0, "checkpoint", "--dir", n.dir)
	n.stop()
	trust, signed := filepath.Join(n.dir, "trust.json"), filepath.Join(n.dir, "checkpoints", "signed.json")
	spoil(t, trust, []float64{0.5})
	before := spoil(t, signed, nil)
	log := len(n.said())
	n.start(t)
	await(t, "both to be there again", func() bool {
		b, err := os.ReadFile(signed)
		code := -1
		if err == nil && string(b) == string(before) {
			_, code = n.run(t, "audit", n.dir)
		}
		return code == 0
	}, nil)
	if said := n.said()[log:]; !strings.Contains(said, trust) || !strings.Contains(said, signed) {
		t.Errorf("it does not say so: %s", said)
	}
}
