//go:build real && linux

package real_test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// objects is an S3 server, a process of its own, that keeps each object as a file, so that a test can be its disk.
type objects struct{ bucket string }

// serveObjects starts versitygw with one bucket and lets the commands of the test find it as those of the AWS tools would.
func serveObjects(t *testing.T, name string) *objects {
	t.Helper()
	gateway := os.Getenv("SIJIL_S3_SERVER")
	if gateway == "" {
		t.Skip("SIJIL_S3_SERVER does not name the program versitygw; make test-real installs it")
	}
	dir, l := t.TempDir(), loopback(t, 1)[0]
	o := &objects{bucket: filepath.Join(dir, "served", name)}
	for _, d := range []string{o.bucket, filepath.Join(dir, "attributes")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(gateway, "--quiet", "--port", l.fhir, "--access", "hospital", "--secret", "of the test", "posix", "--sidecar", filepath.Join(dir, "attributes"), filepath.Join(dir, "served"))
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said strings.Builder
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	})
	await(t, "the S3 server to listen", func() bool {
		conn, err := net.DialTimeout("tcp", l.fhir, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, nil)
	t.Setenv("AWS_ENDPOINT_URL", "http://"+l.fhir)
	t.Setenv("AWS_ACCESS_KEY_ID", "hospital")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of the test")
	t.Setenv("AWS_REGION", "us-east-1")
	return o
}

// files gives the objects and their sizes.
func (o *objects) files(t *testing.T) map[string]int64 {
	t.Helper()
	all := make(map[string]int64)
	err := filepath.WalkDir(o.bucket, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		all[path] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRealBackupToBucket keeps a lone hospital's backups at an S3 server, loses the machine, and brings it back from there. What the
// place alters or does not have is named.
func TestRealBackupToBucket(t *testing.T) {
	o := serveObjects(t, "backups")
	const dest = "s3://backups/basra/hospital"
	n := lone(t, filepath.Join(t.TempDir(), "hospital"))
	l := live(t, n, 10)
	l.verified = 3
	n.sijil(t, 0, "backup", "--dir", n.dir, "--to", dest)
	first := o.files(t)
	l.more(t, 5)
	n.sijil(t, 0, "backup", "--dir", n.dir, "--to", dest)
	var added int64
	for path, size := range o.files(t) {
		if _, had := first[path]; !had {
			added += size
		}
		if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), "Hassan") {
			t.Errorf("%s: %v, or a name in the clear", path, err)
		}
	}
	if added == 0 || added > largeText {
		t.Errorf("the second backup stored %d bytes: the large document was there already", added)
	}
	s, err := n.status(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range s.Warnings {
		if w.Code == "no-backup" {
			t.Error("status still warns that there is no backup")
		}
	}
	n.ask(t, http.StatusOK, "clinician GET /Observation/large", "")
	mended(t, n, o, dest)

	kit := l.moved(t)
	path, whole := heaviest(t, o)
	write(t, path, append([]byte{whole[0] ^ 1}, whole[1:]...))
	if out := n.sijil(t, 1, "restore", "--from", dest, "--kit", kit, "--dir", n.dir); !strings.Contains(out, "s3://") && !strings.Contains(out, filepath.Base(path)) {
		t.Errorf("what was altered at the place is not named: %s", out)
	}
	if _, err := os.Stat(n.dir); !os.IsNotExist(err) {
		t.Errorf("something is left of a restore that failed: %v", err)
	}
	write(t, path, whole)
	restore(t, n, "--from", dest, "--kit", kit, "--old-machine-is-destroyed")
	n.start(t)
	l.check(t, filepath.Join(n.dir, "trust.json"))
	n.sijil(t, 0, "audit", n.dir)

	t.Setenv("AWS_SECRET_ACCESS_KEY", "of somebody else")
	n.stop()
	if out := n.sijil(t, 1, "backup", "--dir", n.dir, "--to", dest, "--take-over"); !strings.Contains(out, "s3://backups/basra/hospital") {
		t.Errorf("a refusal of the place is not told as one: %s", out)
	}
}

// mended lets an object rot at the place: a check names it and leaves it, the next backup names it and stores it again.
func mended(t *testing.T, n *member, o *objects, dest string) {
	n.sijil(t, 0, "backup", "--check", "--dir", n.dir, "--to", dest)
	path, whole := heaviest(t, o)
	object, bad := filepath.Base(path), append([]byte{whole[0] ^ 1}, whole[1:]...)
	write(t, path, bad)
	if out := n.sijil(t, 2, "backup", "--check", "--dir", n.dir, "--to", dest); !strings.Contains(out, "DAMAGED: objects/") || !strings.Contains(out, object) || !strings.Contains(out, "(blobs/") {
		t.Errorf("a check does not name %s: %s", object, out)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, bad) {
		t.Errorf("a check wrote: %v", err)
	}
	if out := n.sijil(t, 0, "backup", "--dir", n.dir, "--to", dest); !strings.Contains(out, "MENDED: objects/") || !strings.Contains(out, object) {
		t.Errorf("a backup does not say that it mended %s: %s", object, out)
	}
	n.sijil(t, 0, "backup", "--check", "--dir", n.dir, "--to", dest)
}

// heaviest is the object of the large document.
func heaviest(t *testing.T, o *objects) (path string, content []byte) {
	t.Helper()
	all := o.files(t)
	for p, size := range all {
		if size > all[path] {
			path = p
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, content
}
