package backup

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// Store is a place for backups. Names are slash-separated and short; an object is at most maxObject bytes. Methods may be called from
// several goroutines.
type Store interface {
	// Put stores an object, whole or not at all, durable when it returns. It replaces one of the same name.
	Put(ctx context.Context, name string, b []byte) error
	// Get gives an object, or ErrNotFound.
	Get(ctx context.Context, name string) ([]byte, error)
	// List calls fn with the name and the size of each object whose name begins with the prefix, in any order.
	List(ctx context.Context, prefix string, fn func(name string, size int64) error) error
	// Delete destroys an object as far as the place can; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// S3 is how to reach a service of the S3 kind, as the environment of AWS tools names it.
type S3 struct {
	Endpoint string `json:"endpoint,omitempty"` // AWS_ENDPOINT_URL; empty for AWS itself
	Region   string `json:"region,omitempty"`   // AWS_REGION
	Key      string `json:"key,omitempty"`      // AWS_ACCESS_KEY_ID
	Secret   string `json:"secret,omitempty"`   // AWS_SECRET_ACCESS_KEY
	Session  string `json:"session,omitempty"`  // AWS_SESSION_TOKEN
}

// S3FromEnvironment reads the variables that AWS tools use.
func S3FromEnvironment(getenv func(string) string) S3 {
	return S3{
		Endpoint: getenv("AWS_ENDPOINT_URL"), Region: getenv("AWS_REGION"), Key: getenv("AWS_ACCESS_KEY_ID"),
		Secret: getenv("AWS_SECRET_ACCESS_KEY"), Session: getenv("AWS_SESSION_TOKEN"),
	}
}

// IsFolder tells whether a destination is a folder.
func IsFolder(dest string) bool { return !strings.Contains(dest, "://") }

// Open opens a destination: a folder, which need not exist yet, or s3://bucket/prefix. Errors: ErrDestination.
func Open(dest string, s S3) (Store, error) {
	switch rest, isS3 := strings.CutPrefix(dest, "s3://"); {
	case isS3:
		bucket, prefix, _ := strings.Cut(rest, "/")
		if bucket == "" {
			return nil, fmt.Errorf("%w: %q names no bucket", ErrDestination, dest)
		}
		return openBucket(bucket, strings.Trim(prefix, "/"), s)
	case dest == "" || !IsFolder(dest):
		return nil, fmt.Errorf("%w: not %q", ErrDestination, dest)
	}
	abs, err := filepath.Abs(dest)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return &folder{dir: abs}, nil
}
