package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket keeps objects in a bucket of a service of the S3 kind, which stores each whole or not at all.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // "" or ending in a slash
}

const amazon = "https://s3.amazonaws.com"

func openBucket(name, prefix string, s S3) (*bucket, error) {
	if s.Key == "" || s.Secret == "" {
		return nil, fmt.Errorf("%w: s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment", ErrDestination)
	}
	endpoint := s.Endpoint
	if endpoint == "" {
		endpoint = amazon
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%w: AWS_ENDPOINT_URL %q is not like https://host:port", ErrDestination, endpoint)
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(s.Key, s.Secret, s.Session), Secure: u.Scheme == "https", Region: s.Region,
	})
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	b := &bucket{client: client, name: name}
	if prefix != "" {
		b.prefix = prefix + "/"
	}
	return b, nil
}

func (b *bucket) err(what, name string, err error) error {
	r := minio.ToErrorResponse(err)
	if r.Code == minio.NoSuchKey {
		return fmt.Errorf("%w: s3://%s/%s%s", ErrNotFound, b.name, b.prefix, name)
	}
	return fmt.Errorf("backup: %s s3://%s/%s%s: %w", what, b.name, b.prefix, name, err)
}

// Put implements Store. The service checks the bytes against a checksum before it answers.
func (b *bucket) Put(ctx context.Context, name string, body []byte) error {
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{
		ContentType: "application/octet-stream", SendContentMd5: true, DisableMultipart: true,
	})
	if err != nil {
		return b.err("store", name, err)
	}
	return nil
}

// Get implements Store.
func (b *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, b.err("read", name, err)
	}
	defer o.Close()
	body, err := io.ReadAll(io.LimitReader(o, maxObject+1))
	if err != nil {
		return nil, b.err("read", name, err)
	}
	return body, nil
}

// List implements Store.
func (b *bucket) List(ctx context.Context, prefix string, fn func(string, int64) error) error {
	ctx, cancel := context.WithCancel(ctx) // ends the listing when fn does
	defer cancel()
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return b.err("list", prefix, o.Err)
		}
		if err := fn(strings.TrimPrefix(o.Key, b.prefix), o.Size); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Delete implements Store. Where the bucket keeps versions, or holds objects for a time, the object outlives this.
func (b *bucket) Delete(ctx context.Context, name string) error {
	err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).StatusCode != http.StatusNotFound {
		return b.err("delete", name, err)
	}
	return nil
}
