package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// condemned ends the name of the file beside the index's directory that says that it is damaged.
const condemned = ".damaged"

// classify tells what the disk refuses from what it gives back wrong. Pebble says of the latter many things, depending on which bytes
// are hit, and the encryption turns all of them into noise.
func classify(err error) error {
	for _, disk := range []error{
		context.Canceled, context.DeadlineExceeded, fs.ErrPermission, fs.ErrClosed, syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT, syscall.EFBIG, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN,
	} {
		if errors.Is(err, disk) {
			return err
		}
	}
	if errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// Check reads the whole index. Errors: ErrDamaged, ctx.Err, those of the disk.
func (x *Index) Check(ctx context.Context) error { return x.rows.Check(ctx) }

// Condemn makes the next Open refuse the index with ErrDamaged, so that it is made anew.
func (x *Index) Condemn() error {
	if x.dir == "" { // another's: there, damage is met again by whoever opens it
		return nil
	}
	return os.WriteFile(x.dir+condemned, nil, 0o600)
}

// Remove deletes the index in dir, which must not be open, for one to be made anew.
func Remove(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Remove(dir + condemned); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
