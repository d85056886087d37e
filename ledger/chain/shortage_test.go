package chain

import (
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
)

// TestAFullDiskIsNoPanic has Pebble say what it calls fatal. Of a full disk the engine begins again once there is room; anything else is a panic.
func TestAFullDiskIsNoPanic(t *testing.T) {
	var s shortage
	l := pebbleLog{slog.New(slog.DiscardHandler), &s}
	l.Fatalf("%s", &os.PathError{Op: "MANIFEST flush failed: write", Path: "MANIFEST-000014", Err: syscall.ENOSPC})
	if s.why.Load() == nil {
		t.Error("the full disk is not noted")
	}
	for _, text := range []string{"MANIFEST not locked for writing", "MANIFEST flush failed: input/output error"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q passes", text)
				}
			}()
			l.Fatalf("%s", errors.New(text))
		}()
	}
}
