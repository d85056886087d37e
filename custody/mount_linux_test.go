package custody

import "golang.org/x/sys/unix"

// mountSmall mounts a tmpfs of 24 MiB, where that is allowed.
func mountSmall(dir string) error { return unix.Mount("tmpfs", dir, "tmpfs", 0, "size=24m") }

func unmount(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }
