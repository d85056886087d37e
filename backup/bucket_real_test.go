//go:build real

package backup

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

// TestBucket runs against a server that speaks S3: the one that AWS_ENDPOINT_URL names or, where there is none, moto_server
// (pip install 'moto[server]').
func TestBucket(t *testing.T) {
	s3 := S3FromEnvironment(os.Getenv)
	if s3.Endpoint == "" {
		s3 = S3{Endpoint: startServer(t), Key: "test", Secret: "test", Region: "us-east-1"}
	}
	place, err := Open("s3://sijil-backup-test/"+time.Now().Format("150405.000000")+"/hospital", s3)
	if err != nil {
		t.Fatal(err)
	}
	b := place.(*bucket)
	for i := 0; ; i++ {
		err := b.client.MakeBucket(t.Context(), b.name, minio.MakeBucketOptions{Region: s3.Region})
		if code := minio.ToErrorResponse(err).Code; err == nil || code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists" {
			break
		}
		if i == 50 {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	roundTrip(t, b)
}

func startServer(t *testing.T) string {
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("no S3 server: set AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or install moto_server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	c := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	if err := c.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	url := "http://127.0.0.1:" + port
	for range 150 {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			return url
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Skip("moto_server does not start")
	return ""
}
