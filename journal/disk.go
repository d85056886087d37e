package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// disk is all that the journal asks of a file system. Tests put one in its place that fails, or that
// forgets what was not synced.
type disk interface {
	MkdirAll(dir string) error
	List(dir string) ([]string, error) // names; none for a missing directory
	Open(name string, write bool) (file, error)
	Create(name string) (file, error) // empties what is there
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error // makes creations, renames and removals durable
}

// file is an open file of a disk.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Allocate extends the file with zeros to size bytes, so that syncing what is then written needs no change of
	// metadata. It may do nothing.
	Allocate(size int64) error
	// Sync makes the contents durable, and the size with them.
	Sync() error
	// Stands tells whether a name is still this file's: nobody has removed it, or put another in its place.
	Stands(name string) (bool, error)
	// Lock fails with ErrLocked while another open file has the lock.
	Lock() error
}

// osDisk is the real thing.
type osDisk struct{}

type osFile struct{ *os.File }

func (osDisk) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

func (osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (osDisk) Open(name string, write bool) (file, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	return wrap(os.OpenFile(name, flag, 0))
}

func (osDisk) Create(name string) (file, error) {
	return wrap(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600))
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(name string) error { return os.Remove(name) }

func (osDisk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func wrap(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Stands compares the inodes.
func (f osFile) Stands(name string) (bool, error) {
	own, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(own, named), err
}

// Lock uses flock: it ends with the process, however that ends.
func (f osFile) Lock() error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w (%s)", ErrLocked, f.Name())
	}
	return wrapPath("flock", f.Name(), err)
}

func wrapPath(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", op, name, err)
}
