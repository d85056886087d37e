package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/sijil-health/sijil/verify"
)

// Blobs is a store of ciphertexts, each filed under its SHA-256. It holds nothing readable and needs no key; all
// methods may be called from several goroutines.
type Blobs interface {
	// Put stores a blob of at most MaxBlob bytes, durable when it returns. A damaged blob of the same hash is replaced.
	Put(ctx context.Context, h verify.Hash, blob []byte) error
	// Get gives a blob whose hash it has checked, ErrNotFound, or ErrDamaged.
	Get(ctx context.Context, h verify.Hash) ([]byte, error)
	// Has tells whether there is a blob of that hash, damaged or not.
	Has(ctx context.Context, h verify.Hash) (bool, error)
	// Size gives the length of a blob in bytes, damaged or not, without reading it; or ErrNotFound.
	Size(ctx context.Context, h verify.Hash) (int64, error)
	// Delete removes a blob; one that is not there is no error.
	Delete(ctx context.Context, h verify.Hash) error
	// Walk calls fn with each blob and its size in bytes, in order of hash, until fn returns an error, which Walk gives
	// back. Blobs stored or deleted meanwhile may be met or not. The bytes are not checked: Get does.
	Walk(ctx context.Context, fn func(h verify.Hash, size int64) error) error
}

// DirBlobs keeps blobs as files: the blob abcd… lies in ab/cd/abcd…. A file is there completely or not at all.
type DirBlobs struct {
	disk disk
	dir  string
	temp atomic.Uint64 // numbers the files being written
	made sync.Map      // the first two bytes of a hash → its directory is known to be durable
}

var _ Blobs = (*DirBlobs)(nil)

const blobTemp = "tmp" // directory of the files being written; no two hexadecimal digits

// NewDirBlobs opens the blob store in dir, creates it if need be, and removes what a crash left half written. Only one
// process may write to it.
func NewDirBlobs(dir string) (*DirBlobs, error) { return newDirBlobs(osDisk{}, dir) }

func newDirBlobs(d disk, dir string) (*DirBlobs, error) {
	temp := filepath.Join(dir, blobTemp)
	if err := removeAll(d, temp); err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	if err := makeDir(d, temp); err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	return &DirBlobs{disk: d, dir: dir}, nil
}

func (b *DirBlobs) path(h verify.Hash) string {
	name := h.String()
	return filepath.Join(b.dir, name[:2], name[2:4], name)
}

// Put implements Blobs.
func (b *DirBlobs) Put(ctx context.Context, h verify.Hash, blob []byte) error {
	if len(blob) > MaxBlob {
		return fmt.Errorf("%w: blob of %d bytes, at most %d", ErrLimit, len(blob), MaxBlob)
	}
	if sha256.Sum256(blob) != h {
		return fmt.Errorf("put blob %s: these bytes have another hash", h)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	path := b.path(h)
	if _, err := b.Get(ctx, h); err == nil {
		// Another Put may have made it visible and not yet durable: syncing the directory again costs little.
		return b.disk.SyncDir(filepath.Dir(path))
	}
	if _, ok := b.made.Load([2]byte(h[:])); !ok {
		if err := makeDir(b.disk, filepath.Dir(path)); err != nil {
			return fmt.Errorf("put blob %s: %w", h, err)
		}
		b.made.Store([2]byte(h[:]), nil)
	}
	temp := filepath.Join(b.dir, blobTemp, strconv.FormatUint(b.temp.Add(1), 10))
	if err := b.write(temp, path, blob); err != nil {
		b.disk.Remove(temp) // as good as it goes; NewDirBlobs removes it otherwise
		return fmt.Errorf("put blob %s: %w", h, err)
	}
	return nil
}

func (b *DirBlobs) write(temp, path string, blob []byte) error {
	f, err := b.disk.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(blob, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = b.disk.Rename(temp, path)
	}
	if err == nil {
		err = b.disk.SyncDir(filepath.Dir(path))
	}
	return err
}

// Get implements Blobs.
func (b *DirBlobs) Get(ctx context.Context, h verify.Hash) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path := b.path(h)
	blob, err := readWhole(b.disk, path, MaxBlob)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("blob %s: %w", h, ErrNotFound)
	case errors.Is(err, ErrLimit):
		return nil, ErrDamaged{Hash: h, Path: path}
	case errors.Is(err, unix.EIO):
		// A sector that cannot be read is damage too, and is repaired in the same way.
		return nil, errors.Join(ErrDamaged{Hash: h, Path: path}, err)
	case err != nil:
		return nil, fmt.Errorf("blob %s: %w", h, err)
	case sha256.Sum256(blob) != h:
		return nil, ErrDamaged{Hash: h, Path: path}
	}
	return blob, nil
}

// Has implements Blobs.
func (b *DirBlobs) Has(ctx context.Context, h verify.Hash) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	f, err := b.disk.Open(b.path(h))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// Size implements Blobs.
func (b *DirBlobs) Size(ctx context.Context, h verify.Hash) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	f, err := b.disk.Open(b.path(h))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("blob %s: %w", h, ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("blob %s: %w", h, err)
	}
	n, err := f.Size()
	return n, errors.Join(err, f.Close())
}

// Delete implements Blobs.
func (b *DirBlobs) Delete(ctx context.Context, h verify.Hash) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := b.path(h)
	err := b.disk.Remove(path)
	if err == nil {
		err = b.disk.SyncDir(filepath.Dir(path))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %s: %w", h, err)
	}
	return nil
}

// Walk implements Blobs.
func (b *DirBlobs) Walk(ctx context.Context, fn func(verify.Hash, int64) error) error {
	return b.walk(ctx, b.dir, "", fn)
}

// walk goes through one level of directories; prefix is the digits of the hash so far.
func (b *DirBlobs) walk(ctx context.Context, dir, prefix string, fn func(verify.Hash, int64) error) error {
	names, err := b.disk.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("walk blob store: %w", err)
	}
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(dir, n.Name())
		if len(prefix) < 4 {
			if len(n.Name()) == 2 && n.IsDir() {
				err = b.walk(ctx, path, prefix+n.Name(), fn)
			}
		} else if h, ok := hashOf(n.Name()); ok && b.path(h) == path {
			err = b.visit(n, h, fn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hashOf reads the name of a blob's file.
func hashOf(name string) (h verify.Hash, ok bool) {
	raw, err := hex.DecodeString(name)
	if err != nil || len(raw) != len(h) {
		return h, false
	}
	return verify.Hash(raw), true
}

func (b *DirBlobs) visit(n fs.DirEntry, h verify.Hash, fn func(verify.Hash, int64) error) error {
	info, err := n.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("walk blob store: %w", err)
	}
	return fn(h, info.Size())
}
