//go:build real && linux

package real_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealQR has a witness without a network cosign a checkpoint: request and answer go as QR codes, read by another program.
func TestRealQR(t *testing.T) {
	if _, err := exec.LookPath("zbarimg"); err != nil {
		t.Skip("zbarimg is not installed (Debian: zbar-tools)")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	n := lone(t, at("node"))
	made := n.sijil(t, 0, "witness", "init", "--dir", at("w"), "--name", "ministry.example/sijil", "--json")
	_, key, _ := strings.Cut(made, `"key": "`)
	key, _, _ = strings.Cut(key, `"`)
	n.stop()
	setConfig(t, n, `"engine":`, `"witnesses": [{"name": "ministry.example/sijil", "key": "`+key+`"}], "engine":`)
	n.start(t)
	n.ask(t, 201, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	n.sijil(t, 0, "checkpoint", "--dir", n.dir)

	n.sijil(t, 0, "checkpoint", "request", "ministry.example/sijil", "--dir", n.dir, "--qr", at("request.png"))
	write(t, at("request"), scan(t, at("request.png")))
	n.sijil(t, 0, "witness", "cosign", "--dir", at("w"), "--trust", filepath.Join(n.dir, "trust.json"), "--qr", at("answer.png"), at("request"))
	write(t, at("answer"), scan(t, at("answer.png")))
	n.sijil(t, 0, "checkpoint", "accept", "ministry.example/sijil", at("request"), at("answer"), "--dir", n.dir)

	write(t, at("receipt"), n.ask(t, 200, "clinician GET /Patient/p1/_history/1/$receipt", "").body)
	n.sijil(t, 0, "verify", at("receipt"), "--trust", filepath.Join(n.dir, "trust.json"))
}

// scan reads a QR code from a picture.
func scan(t *testing.T, picture string) []byte {
	t.Helper()
	out, err := exec.Command("zbarimg", "--quiet", "--raw", "--oneshot", picture).Output()
	if err != nil {
		t.Fatalf("zbarimg %s: %v", picture, err)
	}
	return out
}
