package journal

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Sync uses fdatasync: in an allocated file it need not write the inode.
func (f osFile) Sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return wrapPath("fdatasync", f.Name(), err)
		}
	}
}

func (f osFile) Allocate(size int64) error {
	old, err := f.Size()
	if err != nil || size <= old {
		return err
	}
	for {
		err = unix.Fallocate(int(f.Fd()), 0, old, size-old)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil // NFS, some FUSE: merely slower
		}
		return wrapPath("fallocate", f.Name(), err)
	}
}
