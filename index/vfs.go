package index

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// headerSize is what each file begins with: a magic word and the initial counter block of AES-256-CTR.
const headerSize = 32

var fileMagic = [8]byte{'S', 'J', 'I', 'X', 0, 0, 0, 4}

// errKey is returned for a file that this key does not open or that is none of ours.
var errKey = errors.New("index: file was not written by this index")

// sealedFS encrypts what passes through it. Pebble writes each file once, from the beginning, and never in place:
// that is what makes a stream cipher with one random counter block per file safe here. Integrity is not its concern:
// Pebble's checksums find accidents, and whatever the index points at is authenticated by the vault.
type sealedFS struct {
	vfs.FS
	block cipher.Block
}

func newSealedFS(inner vfs.FS, key []byte) (*sealedFS, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("index key: %w", err)
	}
	return &sealedFS{FS: inner, block: block}, nil
}

func (s *sealedFS) Unwrap() vfs.FS { return s.FS }

func (s *sealedFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	var header [headerSize]byte
	copy(header[:], fileMagic[:])
	if _, err := rand.Read(header[16:]); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	sf := &sealedFile{File: f, block: s.block, iv: [16]byte(header[16:])}
	if _, err := f.Write(header[:]); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	sf.stream = sf.at(0)
	return sf, nil
}

// ReuseForWrite makes a new file: writing over an old one would use its key stream twice.
func (s *sealedFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := s.Remove(oldname); err != nil {
		return nil, err
	}
	return s.Create(newname, c)
}

func (s *sealedFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	var header [headerSize]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, errKey), f.Close())
	}
	if [8]byte(header[:8]) != fileMagic {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, errKey), f.Close())
	}
	sf := &sealedFile{File: f, block: s.block, iv: [16]byte(header[16:])}
	sf.stream = sf.at(0)
	return sf, nil
}

// OpenReadWrite is refused: it is for writing in place.
func (s *sealedFS) OpenReadWrite(string, vfs.DiskWriteCategory, ...vfs.OpenOption) (vfs.File, error) {
	return nil, errors.ErrUnsupported
}

func (s *sealedFS) Stat(name string) (vfs.FileInfo, error) {
	info, err := s.FS.Stat(name)
	if err != nil {
		return nil, err
	}
	return sealedInfo{info}, nil
}

type sealedFile struct {
	vfs.File
	block  cipher.Block
	iv     [16]byte
	stream cipher.Stream // of sequential Read or Write; Pebble does not mix them on one file
}

// at gives the key stream from a byte offset on.
func (f *sealedFile) at(offset int64) cipher.Stream {
	counter := f.iv
	low := binary.BigEndian.Uint64(counter[8:])
	sum := low + uint64(offset/aes.BlockSize)
	binary.BigEndian.PutUint64(counter[8:], sum)
	if sum < low {
		binary.BigEndian.PutUint64(counter[:8], binary.BigEndian.Uint64(counter[:8])+1)
	}
	stream := cipher.NewCTR(f.block, counter[:])
	if skip := offset % aes.BlockSize; skip > 0 {
		var drop [aes.BlockSize]byte
		stream.XORKeyStream(drop[:skip], drop[:skip])
	}
	return stream
}

// Write encrypts p in place, as vfs.File allows.
func (f *sealedFile) Write(p []byte) (int, error) {
	f.stream.XORKeyStream(p, p)
	return f.File.Write(p)
}

func (f *sealedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.stream.XORKeyStream(p[:n], p[:n])
	return n, err
}

func (f *sealedFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := f.File.ReadAt(p, offset+headerSize)
	f.at(offset).XORKeyStream(p[:n], p[:n])
	return n, err
}

func (f *sealedFile) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

func (f *sealedFile) Preallocate(offset, length int64) error {
	return f.File.Preallocate(offset+headerSize, length)
}

func (f *sealedFile) SyncTo(length int64) (bool, error) { return f.File.SyncTo(length + headerSize) }

func (f *sealedFile) Prefetch(offset, length int64) error {
	return f.File.Prefetch(offset+headerSize, length)
}

func (f *sealedFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return sealedInfo{info}, nil
}

// Fd hides the descriptor: whoever read through it would get ciphertext.
func (f *sealedFile) Fd() uintptr { return vfs.InvalidFd }

// sealedInfo hides the header from the size of a file.
type sealedInfo struct{ vfs.FileInfo }

func (i sealedInfo) Size() int64 {
	if i.Mode()&fs.ModeType == 0 && i.FileInfo.Size() >= headerSize {
		return i.FileInfo.Size() - headerSize
	}
	return i.FileInfo.Size()
}

var (
	_ vfs.FS      = (*sealedFS)(nil)
	_ vfs.File    = (*sealedFile)(nil)
	_ os.FileInfo = sealedInfo{}
)
