package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// examined is what the doctor finds in a node that is stopped, in one text.
func examined(t *testing.T, dir string) string {
	t.Helper()
	found, err := Doctor(t.Context(), dir, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range found {
		if f.Do == "" {
			t.Errorf("what to do is not said: %+v", f)
		}
		text.WriteString(f.Part + ": " + f.What + "\n")
	}
	return text.String()
}

// TestDoctorNamesCheckpoints alters every checkpoint, and what is kept of the last tree signed, in each line.
func TestDoctorNamesCheckpoints(t *testing.T) {
	n, _ := lone(t)
	put(t, n, "p1", "Hassan", 100)
	if err := n.notary.Load().Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	whole := examined(t, n.Dir)
	if strings.Contains(whole, "checkpoints: ") {
		t.Fatalf("a whole node: %s", whole)
	}
	files, err := filepath.Glob(filepath.Join(n.Checkpoints(), "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range files {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{len(before) / 8, len(before) / 3, len(before) * 3 / 4} {
			after := []byte(string(before))
			after[at] ^= 0x5a
			if err := os.WriteFile(path, after, 0o600); err != nil {
				t.Fatal(err)
			}
			if told := examined(t, n.Dir); !strings.Contains(told, path) {
				t.Errorf("byte %d of %s altered: %s", at, path, told)
			}
		}
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDoctorNamesAGenesisOfAnotherLedger puts one in the place of the node's own.
func TestDoctorNamesAGenesisOfAnotherLedger(t *testing.T) {
	n, _ := lone(t)
	put(t, n, "p1", "Hassan", 100)
	own := n.chain
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := ReadMember(n.Dir)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Found([]verify.Member{*m}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(n.Genesis()); err != nil {
		t.Fatal(err)
	}
	if err := Adopt(n.Dir, other); err != nil {
		t.Fatal(err)
	}
	if told := examined(t, n.Dir); !strings.Contains(told, own) || !strings.Contains(told, other.Chain()) {
		t.Errorf("the doctor says: %s", told)
	}
}
