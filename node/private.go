package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// keepPrivate sees to it that nobody but the owner reads the data directory, whatever mode the directory itself was given. The libraries
// below (Pebble, goleveldb, CometBFT's address book) create files of mode 0644: for those to come the umask of the process counts, and what
// an earlier process or a copying hand left wider is narrowed here.
func keepPrivate(dir string) error {
	syscall.Umask(0o077)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !e.IsDir() && !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			return os.Chmod(path, mode&^0o077)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) { // not made yet, or a file went while it was looked at
		return nil
	}
	return err
}
