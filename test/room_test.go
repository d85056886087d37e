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

// TestRealRoomAgain fills the disk of a node while it anchors. What no longer fits is refused in words that name the disk; when there is room
// again, anchoring goes on by itself. A start without room is refused as such.
func TestRealRoomAgain(t *testing.T) {
	needRoot(t, "to mount a small tmpfs")
	for _, engine := range []string{"inside", "child"} {
		t.Run(engine, func(t *testing.T) { roomAgain(t, engine) })
	}
}

func roomAgain(t *testing.T, engine string) {
	disk := smallDisk(t)
	n := lone(t, filepath.Join(disk, "lone"), "--engine", engine)
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	b := make([]byte, 300<<10)
	_, _ = rand.NewChaCha8([32]byte{9}).Read(b) // never fails
	large := `{"resourceType":"Binary","id":"b1","contentType":"image/png","data":"` + base64.StdEncoding.EncodeToString(b) + `"}`
	a := n.ask(t, http.StatusServiceUnavailable, "clinician PUT /Binary/b1", large)
	if !strings.Contains(string(a.body), "disk") {
		t.Errorf("the refusal does not name the disk: %s", a.body)
	}
	if !warned(t, n, "disk-low") {
		t.Error("the status does not speak of the disk")
	}
	// The journal has room that it took before; the ledger's engine has none.
	for i := range 20 {
		n.ask(t, http.StatusCreated, fmt.Sprintf("clinician PUT /Observation/o%d", i), observation(fmt.Sprintf("o%d", i), "p1", i), "Prefer: respond-async")
	}
	stuck := ""
	await(t, "anchoring to wait for room", func() bool {
		s, err := n.status(t)
		stuck = fmt.Sprintf("%+v, %v", s, err)
		return err == nil && slices.ContainsFunc(s.Warnings, func(w struct{ Code string }) bool { return w.Code == "anchoring-waits" || w.Code == "wedged" })
	}, &stuck)
	if warned(t, n, "quorum") {
		t.Error("a lone node speaks of too few members")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	await(t, "all to be anchored, with room again", func() bool {
		s, err := n.status(t)
		stuck = fmt.Sprintf("%+v, %v", s, err)
		return err == nil && s.Unanchored == 0
	}, &stuck)
	n.stop()

	fill(t, ballast)
	log := len(n.said())
	n.launch(t)
	if n.answers(t) {
		t.Error("it starts without room")
	}
	if said := n.said()[log:]; strings.Contains(said, "goroutine") || !strings.Contains(said, "the disk is full") {
		t.Errorf("a start on a full disk: %s", said)
	}
	if out := n.sijil(t, 2, "doctor", "--dir", n.dir); !strings.Contains(out, "is full") || strings.Contains(out, "backup") {
		t.Errorf("doctor: %s", out)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	n.start(t)
	n.ask(t, http.StatusCreated, "clinician PUT /Binary/b1", large)
	n.sijil(t, 0, "audit", n.dir)
}
