//go:build real && linux

package backup

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestRealBucket holds the S3 store to what every store must do, at the server of the kind that AWS_ENDPOINT_URL names (with a bucket
// sijil-backup-test) or, where it names none, at versitygw.
func TestRealBucket(t *testing.T) {
	s3 := S3FromEnvironment(os.Getenv)
	if s3.Endpoint == "" {
		s3 = S3{Endpoint: serve(t, "sijil-backup-test"), Key: "hospital", Secret: "of the test", Region: "us-east-1"}
	}
	place, err := Open("s3://sijil-backup-test/"+time.Now().Format("150405.000000")+"/hospital", s3)
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, place)
	place, err = Open("s3://sijil-backup-test/"+time.Now().Format("150405.000000")+"/checked", s3)
	if err != nil {
		t.Fatal(err)
	}
	checkPlace(t, place, func(name string, b []byte) {
		err := place.Delete(t.Context(), name)
		if b != nil {
			err = place.Put(t.Context(), name, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// serve starts versitygw, whose buckets are directories.
func serve(t *testing.T, bucket string) (endpoint string) {
	t.Helper()
	gateway := os.Getenv("SIJIL_S3_SERVER")
	if gateway == "" {
		t.Skip("SIJIL_S3_SERVER does not name the program versitygw; make test-real installs it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	served, attributes := filepath.Join(dir, "served"), filepath.Join(dir, "attributes")
	for _, d := range []string{filepath.Join(served, bucket), attributes} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(gateway, "--quiet", "--port", address, "--access", "hospital", "--secret", "of the test", "posix", "--sidecar", attributes, served)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	for range 150 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return "http://" + address
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("versitygw does not listen")
	return ""
}
