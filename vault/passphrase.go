package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/crypto/argon2"
)

// argonParams are the costs of Argon2id (RFC 9106, section 3.1).
type argonParams struct {
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory_kib"`
	Threads uint8  `json:"threads"`
}

// strongParams are RFC 9106's second recommended option: 64 MiB, for machines with little memory.
var strongParams = argonParams{Time: 3, Memory: 64 << 10, Threads: 4}

// check bounds what a file may ask for, so that an altered one cannot take a small machine's memory or hang its start.
func (p argonParams) check() error {
	if p.Time < 1 || p.Time > 16 || p.Threads < 1 || p.Threads > 16 || p.Memory < 8*uint32(p.Threads) || p.Memory > 64<<10 {
		return errors.New("Argon2id costs are out of bounds")
	}
	return nil
}

const (
	passphraseFormat = "sijil/root/passphrase/1"
	passphraseName   = "passphrase"
	maxRootFile      = 4 << 10
)

// passphraseFile is the root key file. The key itself is random; the passphrase only opens it.
type passphraseFile struct {
	Format  string      `json:"format"`
	Argon   argonParams `json:"argon2id"`
	Salt    []byte      `json:"salt"`    // 16 bytes
	Wrapped []byte      `json:"wrapped"` // AES-256-GCM under the passphrase's key: nonce ‖ 32 bytes ‖ tag
}

// CreatePassphraseRoot draws a root key and writes it to path, readable by its owner only, sealed under the passphrase
// (MinPassword to MaxPassword bytes) by way of Argon2id: 3 passes over 64 MiB, which are given back to the system
// afterwards. It returns ErrExists rather than replace a file: everything sealed under the old key would be lost.
func CreatePassphraseRoot(path string, passphrase []byte) (RootKey, error) {
	return createPassphraseRoot(osDisk{}, path, passphrase, strongParams)
}

func createPassphraseRoot(d disk, path string, passphrase []byte, p argonParams) (RootKey, error) {
	if len(passphrase) < MinPassword || len(passphrase) > MaxPassword {
		return nil, fmt.Errorf("%w: a passphrase takes %d to %d bytes", ErrLimit, MinPassword, MaxPassword)
	}
	if exists(d, path) {
		return nil, fmt.Errorf("root key file %s: %w", path, ErrExists)
	}
	key, salt := newKey(), newKey()
	f := passphraseFile{Format: passphraseFormat, Argon: p, Salt: salt[:16]}
	f.Wrapped = newGCM(f.stretch(passphrase)).Seal(nil, nil, key[:], f.aad())
	text, err := json.MarshalIndent(&f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("root key file: %w", err)
	}
	if err := writeWhole(d, path, append(text, '\n')); err != nil {
		return nil, fmt.Errorf("root key file: %w", err)
	}
	return NewKeyRoot(passphraseName, key[:])
}

// OpenPassphraseRoot opens what CreatePassphraseRoot wrote. It returns ErrPassphrase when the passphrase does not open
// it.
func OpenPassphraseRoot(path string, passphrase []byte) (RootKey, error) {
	return openPassphraseRoot(osDisk{}, path, passphrase)
}

func openPassphraseRoot(d disk, path string, passphrase []byte) (RootKey, error) {
	text, err := readWhole(d, path, maxRootFile)
	if err != nil {
		return nil, fmt.Errorf("root key file: %w", err)
	}
	f, err := parsePassphraseFile(text)
	if err != nil {
		return nil, fmt.Errorf("root key file %s: %w", path, err)
	}
	if len(passphrase) > MaxPassword {
		return nil, fmt.Errorf("root key file %s: %w", path, ErrPassphrase)
	}
	key, err := newGCM(f.stretch(passphrase)).Open(nil, nil, f.Wrapped, f.aad())
	if err != nil {
		return nil, fmt.Errorf("root key file %s: %w", path, ErrPassphrase)
	}
	return NewKeyRoot(passphraseName, key)
}

// parsePassphraseFile reads a root key file and bounds everything in it.
func parsePassphraseFile(text []byte) (*passphraseFile, error) {
	f := new(passphraseFile)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		return nil, fmt.Errorf("not a root key file: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("not a root key file: something follows it")
	}
	if f.Format != passphraseFormat {
		return nil, errors.New("not a root key file of this version")
	}
	if err := f.Argon.check(); err != nil {
		return nil, err
	}
	if len(f.Salt) != 16 || len(f.Wrapped) != 32+gcmOverhead {
		return nil, errors.New("root key file is damaged: a value has the wrong size")
	}
	return f, nil
}

// stretch turns the passphrase into a key and returns the memory that this took to the system.
func (f *passphraseFile) stretch(passphrase []byte) []byte {
	key := argon2.IDKey(passphrase, f.Salt, f.Argon.Time, f.Argon.Memory, f.Argon.Threads, 32)
	debug.FreeOSMemory()
	return key
}

func (f *passphraseFile) aad() []byte {
	return fmt.Appendf(nil, "%s\x00%d,%d,%d", f.Format, f.Argon.Time, f.Argon.Memory, f.Argon.Threads)
}

// writeWhole writes a file that is there completely or not at all, and durable when it returns.
func writeWhole(d disk, path string, b []byte) error {
	temp := path + ".new"
	f, err := d.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.Rename(temp, path)
	}
	if err == nil {
		err = d.SyncDir(filepath.Dir(path))
	}
	return err
}

// readWhole reads a file of at most limit bytes.
func readWhole(d disk, path string, limit int64) ([]byte, error) {
	f, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s: %d bytes, at most %d: %w", path, size, limit, ErrLimit)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !(errors.Is(err, io.EOF)) {
		return nil, err
	}
	return b, nil
}

func exists(d disk, path string) bool {
	f, err := d.Open(path)
	if err == nil {
		f.Close()
	}
	return !errors.Is(err, fs.ErrNotExist)
}
