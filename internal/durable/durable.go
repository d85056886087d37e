package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const tempPrefix = ".new-"

// IsTemp tells whether a file of that name in a directory is what a crash left of one that was never put in place.
func IsTemp(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// Write puts a file in place that holds data.
func Write(path string, data []byte, mode fs.FileMode) error {
	return Place(path, mode, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// Place puts a file in place that fill writes, whatever was there before.
func Place(path string, mode fs.FileMode, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix+"*")
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a directory durable: those made, changed and removed.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
