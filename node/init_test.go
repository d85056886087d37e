package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestNoOrganisationWithoutItsKit: where the kit cannot be written there is no node, and what was there before stays.
func TestNoOrganisationWithoutItsKit(t *testing.T) {
	broken := errors.New("no passphrase")
	for _, c := range []struct {
		name string
		kit  func(root string) string
		pass error
	}{
		{"a place that is not there", func(root string) string { return filepath.Join(root, "usb", "kit.json") }, nil},
		{"a kit that is there", func(root string) string {
			path := filepath.Join(root, "kit.json")
			if err := os.WriteFile(path, []byte("another's"), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, nil},
		{"a failure afterwards", func(root string) string { return filepath.Join(root, "new.json") }, broken},
	} {
		for _, existed := range []bool{false, true} {
			root := t.TempDir()
			dir := filepath.Join(root, "node")
			if existed {
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			asked := false
			_, err := Init(t.Context(), Setup{Dir: dir, Config: DefaultConfig("x"), Lone: true, Kit: c.kit(root), Passphrase: func() ([]byte, error) {
				asked = true
				return []byte(testPassphrase), errors.Join(c.pass, os.WriteFile(filepath.Join(dir, "passphrase"), []byte("x"), 0o600))
			}})
			if err == nil {
				t.Errorf("%s: made", c.name)
			}
			if asked != (c.pass != nil) {
				t.Errorf("%s: keys were begun before the kit: %v", c.name, asked)
			}
			entries, err := os.ReadDir(dir)
			if len(entries) > 0 || errors.Is(err, fs.ErrNotExist) == existed {
				t.Errorf("%s: left %v, %v", c.name, entries, err)
			}
			if b, err := os.ReadFile(filepath.Join(root, "kit.json")); err == nil && string(b) != "another's" {
				t.Errorf("%s: the kit that was there is gone", c.name)
			}
			if _, err := os.Stat(filepath.Join(root, "new.json")); err == nil {
				t.Errorf("%s: a kit of no organisation is left", c.name)
			}
		}
	}
}

func TestAKitThatIsWrittenOpensTheOrganisation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	made, err := Init(t.Context(), Setup{Dir: dir, Config: DefaultConfig("x"), Lone: true, Kit: filepath.Join(dir, "recovery-kit.json"),
		Passphrase: func() ([]byte, error) { return []byte(testPassphrase), nil }})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "recovery-kit.json"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ParseKit(b)
	if err != nil || k.Org != made.Member.Org {
		t.Fatal(k, err)
	}
	if _, err := ReadGenesis(dir); err != nil {
		t.Error(err)
	}
}
