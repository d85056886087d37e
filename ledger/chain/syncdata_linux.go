package chain

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes what was written durable. In a file whose size stays the same that needs no change of metadata.
func syncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
