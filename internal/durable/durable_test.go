package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestPlace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	want := func(content string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil || string(b) != content {
			t.Fatalf("%q, %v; want %q", b, err, content)
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
			t.Fatalf("left over: %v, %v", names, err)
		}
	}
	if err := Write(path, []byte("one"), 0o640); err != nil {
		t.Fatal(err)
	}
	want("one")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	full := errors.New("no room")
	err := Place(path, 0o600, func(f *os.File) error {
		_, err := f.WriteString("ha")
		return errors.Join(err, full)
	})
	if !errors.Is(err, full) {
		t.Fatal(err)
	}
	want("one")
	if err := Write(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("")
	if err := Write(filepath.Join(dir, "no", "file"), nil, 0o600); err == nil {
		t.Fatal("a file in no directory")
	}
}
