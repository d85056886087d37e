package custody

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/verify"
)

func (s *shelf) blobName(hash verify.Hash) string {
	name := hash.String()
	return filepath.Join(s.dir, "blobs", name[:2], name)
}

// putBlob stores a ciphertext under its hash, which is checked while it arrives.
func (k *Keeper) putBlob(r *http.Request, v *visit) error {
	hash, ok := parseHash(r.PathValue("hash"))
	if !ok {
		return malformed("want the blob's SHA-256 in hexadecimal")
	}
	if r.ContentLength < 0 || r.ContentLength > maxBlob {
		return refuse(http.StatusRequestEntityTooLarge, codeTooLarge, fmt.Sprintf("a blob has at most %d bytes, told in advance", maxBlob), 0)
	}
	if k.intact(v.shelf, hash) {
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	c, err := k.room(v.shelf, r.ContentLength)
	if err != nil {
		return err
	}
	kept := int64(0)
	defer func() { c.settle(kept) }()
	if err := makeDir(filepath.Dir(v.blobName(hash))); err != nil {
		return err
	}
	if err := v.placeBlob(hash, r.Body); err != nil {
		return err
	}
	v.unread.Delete(hash)
	kept = r.ContentLength
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// placeBlob puts what comes in place if it has the hash that is its name. While it comes nothing is locked.
func (s *shelf) placeBlob(hash verify.Hash, body io.Reader) error {
	locked := false
	defer func() {
		if locked {
			s.blobs.RUnlock()
		}
	}()
	return durable.Place(s.blobName(hash), 0o600, func(f *os.File) error {
		sum := sha256.New()
		n, err := io.Copy(f, io.TeeReader(cutOff{body}, sum))
		if err != nil {
			return err
		}
		if got := verify.Hash(sum.Sum(nil)); got != hash {
			return malformed(fmt.Sprintf("%d bytes with SHA-256 %s came under the name %s", n, got, hash))
		}
		s.blobs.RLock()
		locked = true
		return nil
	})
}

// cutOff gives read errors of the caller's connection as the caller's, so that they are not taken for the disk's.
type cutOff struct{ r io.Reader }

// Read implements io.Reader.
func (c cutOff) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err != nil && err != io.EOF {
		err = cutShort(err)
	}
	return n, err
}

// getBlob gives a ciphertext to its owner, and to any member that names the owner: who knows the hash has it from an entry that it
// may open, and without the key the bytes say nothing. They are checked before the first one is sent.
func (k *Keeper) getBlob(r *http.Request, v *visit) error {
	s, err := k.ownerOf(r, v)
	if err != nil {
		return err
	}
	hash, ok := parseHash(r.PathValue("hash"))
	if !ok {
		return malformed("want the blob's SHA-256 in hexadecimal")
	}
	if !k.intact(s, hash) {
		return os.ErrNotExist
	}
	f, err := os.Open(s.blobName(hash))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	if r.Method == http.MethodGet {
		// The header is sent; a failure from here on shows to the caller as a body cut short, and by the hash.
		_, _ = io.Copy(v.w, f)
	}
	return nil
}

// missingBlobs tells which of the hashes in the body, 32 bytes each, are not held, in the same form. Contents are not read again: that
// is for getBlob and for whoever scrubs.
func (k *Keeper) missingBlobs(r *http.Request, v *visit) error {
	b, err := readBody(r, 32*maxMissing)
	if err != nil {
		return err
	}
	if len(b)%32 != 0 {
		return malformed("want hashes of 32 bytes each")
	}
	missing := []byte{}
	for ; len(b) > 0; b = b[32:] {
		_, err := os.Stat(v.blobName(verify.Hash(b)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if _, unread := v.unread.Load(verify.Hash(b)); unread || err != nil {
			missing = append(missing, b[:32]...)
		}
	}
	answerBytes(v.w, "application/octet-stream", missing)
	return nil
}
