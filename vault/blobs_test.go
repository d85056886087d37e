package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/verify"
)

func TestDirBlobs(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "blobs")
	b, err := NewDirBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	blobs := map[verify.Hash][]byte{}
	for i := range 50 {
		blob := fmt.Appendf(nil, "blob %d", i)
		h := verify.Hash(sha256.Sum256(blob))
		blobs[h] = blob
		for range 2 {
			if err := b.Put(ctx, h, blob); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b, err = NewDirBlobs(dir); err != nil {
		t.Fatal(err)
	}
	var last verify.Hash
	n := 0
	err = b.Walk(ctx, func(h verify.Hash, size int64) error {
		if n, err := b.Size(ctx, h); err != nil || n != size {
			t.Errorf("size of %s: %d bytes, %v", h, n, err)
		}
		if int64(len(blobs[h])) != size || h.String() <= last.String() && n > 0 {
			t.Errorf("walk: %s of %d bytes", h, size)
		}
		last = h
		n++
		return nil
	})
	if err != nil || n != len(blobs) {
		t.Fatalf("walk: %d blobs, %v", n, err)
	}
	if err := b.Walk(ctx, func(verify.Hash, int64) error { return os.ErrDeadlineExceeded }); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	for h, blob := range blobs {
		if got, err := b.Get(ctx, h); err != nil || string(got) != string(blob) {
			t.Fatal(err)
		}
	}

	path := b.path(last)
	alter(t, path, flip(2))
	_, err = b.Get(ctx, last)
	if damaged, ok := errors.AsType[ErrDamaged](err); !ok || damaged.Hash != last || damaged.Path != path {
		t.Fatalf("damaged blob: %v", err)
	}
	if ok, err := b.Has(ctx, last); !ok || err != nil {
		t.Fatal("a damaged blob is there nevertheless")
	}
	if err := b.Put(ctx, last, blobs[last]); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, last); err != nil {
		t.Fatalf("after repair: %v", err)
	}

	for range 2 {
		if err := b.Delete(ctx, last); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Get(ctx, last); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if ok, err := b.Has(ctx, last); ok || err != nil {
		t.Fatal("a deleted blob is there")
	}
	if err := b.Put(ctx, last, []byte("other")); err == nil {
		t.Fatal("bytes of another hash were stored")
	}
	if err := b.Put(ctx, last, make([]byte, MaxBlob+1)); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := b.Get(cancelled, last); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestBlobsPowerLoss(t *testing.T) {
	ctx := t.Context()
	for step := 1; ; step++ {
		finished := false
		for seed := range uint64(5) {
			d, stored := newMemDisk(), [][]byte{}
			d.dieAt = step
			err := func() error {
				b, err := newDirBlobs(d, "/data/blobs")
				for i := 0; i < 6 && err == nil; i++ {
					blob := fmt.Appendf(nil, "blob %d %01000d", i/2, 0)
					if err = b.Put(ctx, sha256.Sum256(blob), blob); err == nil {
						stored = append(stored, blob)
					}
				}
				return err
			}()
			finished = err == nil
			b, err := newDirBlobs(d.afterPower(rand.New(rand.NewPCG(seed, 2))), "/data/blobs")
			if err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			for _, blob := range stored {
				if _, err := b.Get(ctx, sha256.Sum256(blob)); err != nil {
					t.Fatalf("step %d, seed %d: %v", step, seed, err)
				}
			}
			err = b.Walk(ctx, func(h verify.Hash, _ int64) error { _, err := b.Get(ctx, h); return err })
			if err != nil {
				t.Fatalf("step %d, seed %d: half a blob: %v", step, seed, err)
			}
		}
		if finished {
			return
		}
	}
}
