package packaging

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program stands for the binary: it answers the two commands that the script gives.
const program = `#!/bin/sh
case "$1" in
version) echo "sijil 1.2.3" ;;
completion) echo "# completion for $2" ;;
esac
`

// archive lays out an unpacked release archive.
func archive(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile("install.sh")
	if err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile("sijil.service")
	if err != nil {
		t.Fatal(err)
	}
	var sums strings.Builder
	for _, f := range []struct{ name, body string }{
		{"sijil", program}, {"install.sh", string(script)}, {"sijil.service", string(unit)},
		{"LICENSE", "licence\n"}, {"NOTICE", "notice\n"}, {"licences/example.com/m/LICENSE", "licence\n"},
	} {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.body), 0o755); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256([]byte(f.body)), f.name)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func install(t *testing.T, archive, root string) (string, error) {
	t.Helper()
	out, err := exec.Command(filepath.Join(archive, "install.sh"), "--root", root).CombinedOutput()
	return string(out), err
}

func TestInstall(t *testing.T) {
	for _, tool := range []string{"sh", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	dir, root := archive(t), t.TempDir()
	for _, pass := range []string{"install", "upgrade"} {
		out, err := install(t, dir, root)
		if err != nil {
			t.Fatalf("%s: %v\n%s", pass, err, out)
		}
		if !strings.Contains(out, "Installed sijil 1.2.3") {
			t.Errorf("%s: %s", pass, out)
		}
	}
	for _, name := range []string{
		"usr/local/bin/sijil", "usr/local/bin/sijil.old", "etc/systemd/system/sijil.service",
		"usr/local/share/doc/sijil/licences/example.com/m/LICENSE", "usr/local/share/doc/sijil/NOTICE",
		"usr/local/share/bash-completion/completions/sijil",
	} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestInstallRefusesChangedFiles(t *testing.T) {
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("needs sha256sum")
	}
	dir, root := archive(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sijil"), []byte(program+"# changed\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := install(t, dir, root)
	if err == nil || !strings.Contains(out, "not the ones that were released") {
		t.Errorf("%v\n%s", err, out)
	}
	if left, _ := os.ReadDir(root); len(left) != 0 {
		t.Errorf("something was installed: %v", left)
	}
}
