//go:build real && linux

package real_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestRealDiskFull fills the disk under a node. It stops acknowledging, says so, and has lost nothing when there is room again.
func TestRealDiskFull(t *testing.T) {
	needRoot(t, "to mount a small tmpfs")
	for _, engine := range []string{"inside", "child"} {
		t.Run(engine, func(t *testing.T) { fillDisk(t, engine) })
	}
}

// smallDisk is a disk of its own that a test can fill.
func smallDisk(t *testing.T) (disk string) {
	t.Helper()
	disk = t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=96m"); err != nil {
		t.Skipf("no tmpfs can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }) // the machine's own affair then
	return disk
}

func fillDisk(t *testing.T, engine string) {
	disk := smallDisk(t)
	n := lone(t, filepath.Join(disk, "lone"), "--engine", engine)
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	token := n.token(t, "clinician")
	acked := make(map[string]int)
	put := func(i, ballast int) *answer {
		id := fmt.Sprintf("o%d", i)
		body := strings.TrimSuffix(observation(id, "p1", i), "}") + `,"note":[{"text":"` + strings.Repeat("x", ballast) + `"}]}`
		a, err := n.try(t.Context(), token, http.MethodPut, "/Observation/"+id, []byte(body), "Prefer: respond-async") // not waiting for blocks
		if err != nil {
			t.Log(err)
			return nil
		}
		if a.status == http.StatusCreated {
			acked[id] = i
		}
		return a
	}
	i := 0
	for range 50 {
		if a := put(i, 1); a == nil || a.status != http.StatusCreated {
			t.Fatalf("before: %+v", a)
		}
		i++
	}
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	var refused *answer
	for range 1000 { // what the journal has allocated already is used up first
		a := put(i, 48<<10)
		i++
		if a == nil {
			t.Fatal("the node died of a full disk")
		}
		if a.status != http.StatusCreated {
			refused = a
			break
		}
	}
	if refused == nil {
		t.Fatal("no write was refused")
	}
	if refused.status != http.StatusServiceUnavailable || !strings.Contains(string(refused.body), "OperationOutcome") {
		t.Errorf("a full disk: %d: %s", refused.status, head(refused.body))
	}
	outcomeOf(t, refused)
	// Who reads could not be written down either: nothing is shown.
	n.ask(t, http.StatusServiceUnavailable, "clinician GET /Patient/p1", "")
	s, err := n.status(t)
	if err != nil || !slices.ContainsFunc(s.Warnings, func(w struct{ Code string }) bool { return w.Code == "disk" }) {
		t.Errorf("status does not speak of the disk: %v: %+v", err, s)
	}
	if n.gone() {
		t.Error("the node ended")
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	n.kill()
	n.start(t)
	for id, want := range acked {
		if got := valueOf(t, n.ask(t, http.StatusOK, "clinician GET /Observation/"+id, "").body); got != want {
			t.Errorf("Observation/%s holds %d, want %d", id, got, want)
		}
	}
	if a := put(i, 1); a == nil || a.status != http.StatusCreated {
		t.Errorf("with room again: %+v", a)
	}
	n.sijil(t, 0, "audit", n.dir)
	t.Logf("%d writes were acknowledged in all", len(acked))
}

// fill takes every free byte of a disk.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
