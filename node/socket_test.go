package node

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// deep gives a data directory whose path is too long for a socket, with the temporary files in a place of the test's own.
func deep(t *testing.T) string {
	t.Helper()
	tmp, err := os.MkdirTemp("/tmp", "sijil-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	t.Setenv("TMPDIR", tmp)
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", maxSocketPath))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSocketsAreTheOwnersAlone(t *testing.T) {
	short, err := os.MkdirTemp("/tmp", "sijil-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	for _, dir := range []string{short, deep(t)} {
		for range 2 { // the second finds what the first left
			l, err := listenSocket(dir)
			if err != nil {
				t.Fatal(err)
			}
			path, _ := socketPath(dir)
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			if found, err := findSocket(dir); err != nil || found != path {
				t.Errorf("%s, %v", found, err)
			}
			l.Close()
		}
	}
}

// TestSocketsInAPlaceThatSomebodyElseMade: neither the node listens there nor does its operator ask there.
func TestSocketsInAPlaceThatSomebodyElseMade(t *testing.T) {
	dir := deep(t)
	path, _ := socketPath(dir)
	place := filepath.Dir(path)
	elsewhere := t.TempDir()
	for name, occupy := range map[string]func() error{
		"open to others": func() error { return errors.Join(os.Mkdir(place, 0o700), os.Chmod(place, 0o777)) },
		"a link":         func() error { return os.Symlink(elsewhere, place) },
		"a file":         func() error { return os.WriteFile(place, nil, 0o700) },
		"another user's": func() error {
			if os.Getuid() != 0 {
				return errors.Join(os.Mkdir(place, 0o700), os.Chmod(place, 0o755)) // only root can give a directory away
			}
			return errors.Join(os.Mkdir(place, 0o700), os.Chown(place, 65534, 65534))
		},
	} {
		if err := occupy(); err != nil {
			t.Fatal(err)
		}
		if l, err := listenSocket(dir); err == nil {
			l.Close()
			t.Errorf("%s: listens", name)
		}
		var s Status
		if err := Ask(t.Context(), dir, http.MethodGet, "/status", nil, &s); err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%s: asked: %v", name, err)
		}
		if err := os.RemoveAll(place); err != nil {
			t.Fatal(err)
		}
	}
}
