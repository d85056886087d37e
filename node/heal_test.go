package node

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// TestHealedAlthoughItCannotBeNoted heals a place while the book of damage cannot be written.
func TestHealedAlthoughItCannotBeNoted(t *testing.T) {
	t.Parallel()
	n := &Node{Layout: Layout{Dir: t.TempDir()}, log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	gone := errors.New("no custodian has it")
	if err := n.healed("place", gone); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	if err := os.Remove(n.damageFile()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(n.damageFile(), "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := n.healed("place", nil); err != nil {
		t.Errorf("a place that is whole again is given as damaged: %v", err)
	}
}
