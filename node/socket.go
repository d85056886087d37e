package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sijil-health/sijil/lang"
)

// maxSocketPath is what the operating system allows for a socket's path, with room to spare.
const maxSocketPath = 100

// socketPath gives the place of the socket: in the data directory or, where that is too deep, in a directory of its owner's own among the
// temporary files. Anyone may have made the latter: see ownDir.
func socketPath(dir string) (path string, temporary bool) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	if path := filepath.Join(abs, "node.sock"); len(path) <= maxSocketPath {
		return path, false
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(os.TempDir(), fmt.Sprintf("sijil-%d-%s", ownerOf(abs), hex.EncodeToString(sum[:8])), "node.sock"), true
}

// ownerOf is who owns the data directory, so that root finds the socket of a node that runs as another user.
func ownerOf(dir string) uint32 {
	if info, err := os.Stat(dir); err == nil {
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			return s.Uid
		}
	}
	return uint32(os.Getuid())
}

// ownDir refuses a directory that not the owner, or root, made for itself alone.
func ownDir(dir string, owner uint32) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || info.Mode().Perm() != 0o700 || s.Uid != owner && s.Uid != 0 {
		return lang.NewProblem("socket_place", dir)
	}
	return nil
}

// listenSocket makes the socket anew, open to its owner alone from its first moment.
func listenSocket(dir string) (net.Listener, error) {
	path, temporary := socketPath(dir)
	if temporary {
		own := filepath.Dir(path)
		if err := os.Mkdir(own, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err := ownDir(own, ownerOf(dir)); err != nil {
			return nil, err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	before := syscall.Umask(0o077) // of the whole process: what else is made just now is made no wider
	l, err := net.Listen("unix", path)
	syscall.Umask(before)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// findSocket gives the path of the socket of the node in dir. Errors: the place is not the owner's.
func findSocket(dir string) (string, error) {
	path, temporary := socketPath(dir)
	if !temporary {
		return path, nil
	}
	if err := ownDir(filepath.Dir(path), ownerOf(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return path, nil
}
