package vault

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is what the key store and the blob store ask of a file system. It is narrow so that tests can put a disk in its
// place that loses power at a chosen operation and forgets what was not synced.
type disk interface {
	Open(path string) (file, error)   // for reading and writing; fs.ErrNotExist where there is none
	Create(path string) (file, error) // empty, mode 0600, replacing what was there
	Rename(from, to string) error
	Remove(path string) error                      // fs.ErrNotExist where there is none
	Mkdir(path string) error                       // mode 0700; fs.ErrExist where it is there, fs.ErrNotExist without parent
	ReadDir(path string) ([]fs.DirEntry, error)    // in order of name
	SyncDir(path string) error                     // makes names created, renamed and removed in it durable
	Lock(path string) (release io.Closer, _ error) // ErrLocked while another process holds it
}

// file is an open file. Writing beyond the end extends it.
type file interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Size() (int64, error)
	Close() error
}

// osDisk is the real thing.
type osDisk struct{}

// stillDisk opens files for reading alone and takes no lock.
type stillDisk struct{ disk }

func (stillDisk) Open(path string) (file, error) { return asFile(os.Open(path)) }

func (stillDisk) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

var errStill = errors.New("it was opened to be looked at")

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (osDisk) Open(path string) (file, error) { return asFile(os.OpenFile(path, os.O_RDWR, 0)) }

func (osDisk) Create(path string) (file, error) {
	return asFile(os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600))
}

func asFile(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) Rename(from, to string) error               { return os.Rename(from, to) }
func (osDisk) Remove(path string) error                   { return os.Remove(path) }
func (osDisk) Mkdir(path string) error                    { return os.Mkdir(path, 0o700) }
func (osDisk) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

func (osDisk) SyncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// makeDir makes a directory with its parents, durably. For one that is there it only makes sure that it is durable.
func makeDir(d disk, path string) error {
	parent := filepath.Dir(path)
	err := d.Mkdir(path)
	if errors.Is(err, fs.ErrNotExist) && parent != path {
		if err = makeDir(d, parent); err == nil {
			err = d.Mkdir(path)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.SyncDir(parent)
}

// removeAll removes a directory without subdirectories, if it is there.
func removeAll(d disk, dir string) error {
	names, err := d.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := d.Remove(filepath.Join(dir, n.Name())); err != nil {
			return err
		}
	}
	return d.Remove(dir)
}
