package chain

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// nextDir is where, within the key directory, a validator key waits for the members to vote for it.
const nextDir = "next"

// StageValidator makes the validator key that shall replace the one in a key directory, and gives its public part for the member's new
// record. One that waits already is given again. The node, running or not, takes it up by itself at the first height that the ledger
// wants it for, and signs with the old one until then: no height is signed with both.
func StageValidator(dir string) (public verify.PublicKey, err error) {
	if _, _, err := loadKeys(dir); err != nil && !errors.Is(err, ErrNoSignState) {
		return public, err
	}
	next := filepath.Join(dir, nextDir)
	pv, err := loadNext(dir)
	if err == nil && pv == nil {
		if err := durable.MkdirAll(next, 0o700); err != nil {
			return public, fmt.Errorf("chain: keys: %w", err)
		}
		pv, err = makeSigner(next, ed25519.GenPrivKey(), 0)
		err = errors.Join(err, durable.SyncDir(dir))
	}
	if err != nil {
		return public, err
	}
	return publicOf(pv), nil
}

// loadNext reads the key that waits; nil when none does.
func loadNext(dir string) (*signer, error) {
	next := filepath.Join(dir, nextDir)
	if _, err := os.Lstat(filepath.Join(next, validatorKeyFile)); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return loadValidator(next)
}

// keyring signs with the validator key that the ledger wants for a height: the one in use or, once the members' vote for it has taken
// effect, the one that waited, which is then put in its place.
type keyring struct {
	dir     string
	guard   *guard
	current func() *state

	mu     sync.Mutex
	used   *signer
	next   *signer // nil while none waits
	looked int64   // first height of the epoch for which a key was looked for in vain
	failed error   // the exchange of keys was cut short: nothing is signed before a restart has ended it
}

var _ types.PrivValidator = (*keyring)(nil)

// at gives the key for a height.
func (k *keyring) at(height int64) (*signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	epoch := k.current().epochAt(height)
	if k.failed != nil || signs(epoch, publicOf(k.used)) {
		return k.used, k.failed
	}
	if k.next == nil && k.looked != epoch.Since { // it may have been made since the start
		k.looked = epoch.Since
		next, err := loadNext(k.dir)
		if err == nil && next != nil {
			err = k.guard.alsoHold(next)
		}
		if err != nil || next == nil {
			return k.used, err
		}
		k.next = next
	}
	if k.next == nil || !signs(epoch, publicOf(k.next)) {
		return k.used, nil // this node follows
	}
	if k.failed = takeUp(k.dir, k.next); k.failed != nil {
		return k.used, k.failed
	}
	used, err := loadValidator(k.dir)
	if err != nil {
		k.failed = err
		return k.used, err
	}
	k.used, k.next = used, nil
	return k.used, nil
}

// public is the key in use.
func (k *keyring) public() verify.PublicKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return publicOf(k.used)
}

// signs tells whether a key is one of an epoch's validators.
func signs(e *ledger.Epoch, key verify.PublicKey) bool {
	return slices.ContainsFunc(e.Validators, func(v verify.Validator) bool { return v.Key == key })
}

func publicOf(pv *signer) (public verify.PublicKey) {
	copy(public[:], pv.Key.PubKey.Bytes())
	return public
}

// GetPubKey implements types.PrivValidator. CometBFT asks after each block, before it signs for the next height.
func (k *keyring) GetPubKey() (crypto.PubKey, error) {
	pv, err := k.at(k.current().Height + 1)
	if err != nil {
		return nil, err
	}
	return pv.GetPubKey()
}

// SignVote implements types.PrivValidator.
func (k *keyring) SignVote(chain string, v *cmtproto.Vote) error {
	pv, err := k.at(v.Height)
	if err != nil {
		return err
	}
	return pv.SignVote(chain, v)
}

// SignProposal implements types.PrivValidator.
func (k *keyring) SignProposal(chain string, p *cmtproto.Proposal) error {
	pv, err := k.at(p.Height)
	if err != nil {
		return err
	}
	return pv.SignProposal(chain, p)
}

// openKeyring holds the key that waits, if one does, and takes it up where the ledger has gone over to it.
func openKeyring(dir string, pv *signer, g *guard, current func() *state) (*keyring, error) {
	k := &keyring{dir: dir, guard: g, current: current, used: pv}
	var err error
	if k.next, err = loadNext(dir); err != nil || k.next == nil {
		return k, err
	}
	if err := g.alsoHold(k.next); err != nil {
		return nil, err
	}
	_, err = k.at(current().Height + 1)
	return k, err
}

// takeUp puts the key that waited in the place of the one in use, which is kept aside and signs nothing more. Cut short, it leaves a
// directory without a key, or with a key and what it signed, never a key with the record of another: recoverKeys ends it.
func takeUp(dir string, next *signer) error {
	aside := filepath.Join(dir, "replaced-by-"+next.Key.Address.String())
	if err := durable.MkdirAll(aside, 0o700); err != nil {
		return fmt.Errorf("chain: keys: %w", err)
	}
	for _, name := range []string{validatorKeyFile, signStateFile} {
		if err := moved(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
			return err
		}
	}
	return placeNext(dir)
}

// placeNext moves the key that waited to where there is none.
func placeNext(dir string) error {
	next := filepath.Join(dir, nextDir)
	for _, name := range []string{signStateFile, validatorKeyFile} {
		if err := moved(filepath.Join(next, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := os.Remove(next); err != nil {
		return fmt.Errorf("chain: keys: %w", err)
	}
	return durable.SyncDir(dir)
}

// moved renames a file, if it is still there.
func moved(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("chain: keys: %w", err)
	}
	return errors.Join(durable.SyncDir(filepath.Dir(from)), durable.SyncDir(filepath.Dir(to)))
}

// recoverKeys ends a takeUp that was cut short: the old key is gone from its place, the new one not there yet. And it replaces a key whose
// record of what it signed is lost, for that one can never sign again.
func recoverKeys(dir string) error {
	_, err := os.Lstat(filepath.Join(dir, validatorKeyFile))
	_, stateErr := os.Lstat(filepath.Join(dir, signStateFile))
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(stateErr, os.ErrNotExist) {
		return nil
	}
	next, err := loadNextCut(dir)
	if err != nil || next == nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, nextDir, signStateFile)); err == nil { // then a state in dir is the old key's
		return takeUp(dir, next)
	}
	return placeNext(dir)
}

// loadNextCut reads the key that waits, whose record may have been moved already.
func loadNextCut(dir string) (*signer, error) {
	path := filepath.Join(dir, nextDir, validatorKeyFile)
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	key, err := readValidatorKey(path)
	if err != nil {
		return nil, err
	}
	return &signer{Key: *key}, nil
}

// alsoHold keeps a further key from being used by another process of this machine.
func (g *guard) alsoHold(pv *signer) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	l, err := net.Listen("unix", keyName(pv))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w (validator %s)", ErrInUse, pv.Key.Address)
	}
	if err != nil {
		return fmt.Errorf("chain: lease: %w", err)
	}
	g.more = append(g.more, l)
	return nil
}
