//go:build real && linux

package real_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRealScrubFindsWhatIsGone deletes the blob of a large resource, which nobody reads. Among others it comes back from a custodian; a node
// that stands alone names it, and its status goes on saying so, also after a restart, until it is put back.
func TestRealScrubFindsWhatIsGone(t *testing.T) {
	c := four(t)
	blob := largeScan(t, c.nodes[0])
	c.settled(t)
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	out := c.nodes[0].sijil(t, 0, "scrub", "--dir", c.nodes[0].dir)
	if _, err := os.Stat(blob); err != nil || !strings.Contains(out, filepath.Base(blob)) {
		t.Errorf("it is not back, or not named: %v: %s", err, out)
	}
	if warned(t, c.nodes[0], "damage") {
		t.Error("status tells of damage that is healed")
	}

	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	blob = largeScan(t, n)
	kept, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if out := n.sijil(t, 2, "scrub", "--dir", n.dir); !strings.Contains(out, blob) {
		t.Errorf("it is not named: %s", out)
	}
	n.stop()
	n.start(t)
	if !warned(t, n, "damage") {
		t.Error("status does not tell of the damage")
	}
	n.sijil(t, 2, "doctor", "--dir", n.dir)
	write(t, blob, kept)
	n.sijil(t, 0, "scrub", "--dir", n.dir)
	if warned(t, n, "damage") {
		t.Error("status tells of damage that was put right")
	}
}

// TestRealEntryHealsAtTheRead damages the journal of a node that was started again, in its middle. Among others, whoever reads the entry that was there gets
// it, and the status has nothing to tell; of a node that stands alone it tells.
func TestRealEntryHealsAtTheRead(t *testing.T) {
	c := four(t)
	for _, n := range []*member{c.nodes[0], lone(t, filepath.Join(t.TempDir(), "lone"))} {
		alone := n != c.nodes[0]
		for i := range 12 {
			n.ask(t, http.StatusCreated, fmt.Sprintf("clinician PUT /Patient/p%d", i), patient(fmt.Sprintf("p%d", i), "Hassan"))
		}
		if !alone {
			c.settled(t)
			n.copied(t)
		}
		s, err := n.status(t)
		if err != nil {
			t.Fatal(err)
		}
		n.stop()
		n.start(t) // nothing is left in memory
		spoil(t, largest(t, filepath.Join(n.dir, "journal/*.segment")), []float64{0.5})
		refused := 0
		for i := range 12 {
			a, err := n.try(t.Context(), n.token(t, "auditor"), http.MethodGet, fmt.Sprintf("/AuditEvent/%s-%d", s.Org, i), nil)
			if err != nil {
				t.Fatal(err)
			}
			if a.status != http.StatusOK {
				refused++
			}
		}
		if alone != (refused > 0) || warned(t, n, "damage") != alone {
			t.Errorf("alone %v: %d entries are refused, status tells of damage: %v", alone, refused, warned(t, n, "damage"))
		}
	}
}

// copied waits until the custodians of a node lack nothing of its journal: on a busy machine one may have been too late for a write, and gets it after that.
func (n *member) copied(t *testing.T) {
	t.Helper()
	await(t, "custodians to hold all of the journal", func() bool {
		s, err := n.status(t)
		return err == nil && s.Custody != nil && s.Custody.Lag == 0
	}, nil)
}

// largeScan stores a resource whose ciphertext is a file of its own, and gives that file.
func largeScan(t *testing.T, n *member) (blob string) {
	t.Helper()
	b := make([]byte, 200<<10)
	_, _ = rand.NewChaCha8([32]byte{8}).Read(b) // never fails
	text := base64.StdEncoding.EncodeToString(b)
	n.ask(t, http.StatusCreated, "clinician PUT /Binary/scan", `{"resourceType":"Binary","id":"scan","contentType":"image/png","data":"`+text+`"}`)
	if blob = largest(t, filepath.Join(n.dir, "blobs/??/??/*")); blob == "" {
		t.Fatal("there is no blob")
	}
	return blob
}

func warned(t *testing.T, n *member, code string) bool {
	t.Helper()
	s, err := n.status(t)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(s.Warnings, func(w struct{ Code string }) bool { return w.Code == code })
}
