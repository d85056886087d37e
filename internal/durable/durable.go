package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// MkdirAll makes a directory, and those above it that are missing, each durable in the one above it. One that is there may have been made by
// a process that the power left before it came to that: it is made durable too, where that is permitted.
func MkdirAll(dir string, mode fs.FileMode) error {
	parent := filepath.Dir(filepath.Clean(dir))
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		if err := SyncDir(parent); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
			return err
		}
		return nil
	}
	if err := MkdirAll(parent, mode); err != nil {
		return err
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) { // another process may be as quick
		return err
	}
	return SyncDir(parent)
}

// SyncDir makes the names in a directory durable: those made, changed and removed.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
