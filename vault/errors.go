package vault

import (
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// Sentinel errors, each with the methods that return it.
var (
	// ErrNotFound is returned by Blobs.Get and Vault.Secret for what is not there.
	ErrNotFound = errors.New("vault: not found")

	// ErrSealed is returned by OpenEntry, OpenBlob and the root keys when the bytes do not open: another key, another
	// place, other associated data, or altered bytes. Which of them is not told, since nobody could know.
	ErrSealed = errors.New("vault: does not open with this key for this place")

	// ErrErased is returned by every operation of a Key whose chart was erased.
	ErrErased = errors.New("vault: the key was erased")

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("vault: closed")

	// ErrReadOnly is returned by everything that writes to the key store after a write failed; the cause is joined to it.
	ErrReadOnly = errors.New("vault: an earlier write to the key store failed, so it takes no more until the node is restarted; reading goes on")

	// ErrExists is returned by Create, RestoreFromEscrow and CreatePassphraseRoot where there is something already.
	ErrExists = errors.New("vault: already there; nothing was changed")

	// ErrNoVault is returned by Open for a directory without a key store.
	ErrNoVault = errors.New("vault: no key store here")

	// ErrLocked is returned by Open while another process has the key store open.
	ErrLocked = errors.New("vault: the key store is in use by another process")

	// ErrLimit is returned for what exceeds one of the package's limits.
	ErrLimit = errors.New("vault: limit exceeded")

	// ErrCompartment is returned by Key and Keys for a compartment that does not exist or does not belong to such a
	// chart.
	ErrCompartment = errors.New("vault: no such compartment for this chart")

	// ErrPassphrase is returned by OpenPassphraseRoot when the passphrase is not the file's.
	ErrPassphrase = errors.New("vault: wrong passphrase, or the root key file was altered")

	// ErrNoEscrow is returned by EscrowPages when no escrow key was configured.
	ErrNoEscrow = errors.New("vault: no escrow key is configured, so no copy of the key store can be given to custodians")

	// ErrEscrow is returned by RestoreFromEscrow when the pages and the private key do not make up a key store.
	ErrEscrow = errors.New("vault: these escrow pages do not restore a key store")
)

// ErrDamaged is the error of Blobs.Get for a blob whose bytes no longer have the SHA-256 they are filed under. Fetch
// the blob from a custodian and Put it again: that replaces the file.
type ErrDamaged struct {
	Hash verify.Hash
	Path string // of the file, or its name in another kind of store
}

func (e ErrDamaged) Error() string {
	return fmt.Sprintf("vault: blob %s is damaged: the content of %s has another hash", e.Hash, e.Path)
}

// ErrDamagedPage is the error of Open for a part of the key store that cannot be read. Restore the store from the
// custodians' pages ([RestoreFromEscrow]), or the named file from a copy of the disk.
type ErrDamagedPage struct {
	Path   string
	Offset int64  // of the damaged part within the file, in bytes
	Why    string // short, without any content
}

func (e ErrDamagedPage) Error() string {
	return fmt.Sprintf("vault: key store damaged: %s at byte %d: %s; restore it from the custodians' copies", e.Path, e.Offset, e.Why)
}
