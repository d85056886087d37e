package custody

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sijil-health/sijil/verify"
)

// intact tells whether a blob is held and still is what it was. What is not is told of. One with other bytes makes place for a fresh
// copy; one that cannot be read stays, for another try may read it and it may be the only one.
func (k *Keeper) intact(s *shelf, hash verify.Hash) bool {
	name := s.blobName(hash)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		k.unreadable(s, hash, err)
		return false
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		k.unreadable(s, hash, err)
		return false
	}
	if verify.Hash(sum.Sum(nil)) == hash {
		s.unread.Delete(hash)
		return true
	}
	replaced, err := s.discard(name, f)
	if replaced {
		return k.intact(s, hash)
	}
	k.alarm(s.owner, "damage", 0, fmt.Sprintf("the held blob %s is damaged", hash))
	if err == nil {
		s.used.Add(-n)
	}
	return false
}

// unreadable tells of a blob that the disk does not give. Its owner is told that it is missing, and brings another.
func (k *Keeper) unreadable(s *shelf, hash verify.Hash, err error) {
	s.unread.Store(hash, true)
	k.alarm(s.owner, "damage", 0, fmt.Sprintf("the held blob %s cannot be read: %v", hash, err))
}

// discard removes a damaged blob, unless another file was put in its place since it was opened.
func (s *shelf) discard(name string, damaged *os.File) (replaced bool, err error) {
	s.blobs.Lock()
	defer s.blobs.Unlock()
	read, err := damaged.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(name)
	if err != nil {
		return false, err
	}
	if !os.SameFile(read, now) {
		return true, nil
	}
	return false, os.Remove(name)
}
