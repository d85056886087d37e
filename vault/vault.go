package vault

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// Options of a Vault. The zero value is good.
type Options struct {
	// Escrow is the public key, from NewEscrowKey, to which EscrowPages seals the top secret; none means no escrow. After
	// changing it, give the custodians everything again, from edition 0.
	Escrow []byte
	// CachedKeys bounds the keys kept with their derived keys, about 2 kB each; 0 means 4096.
	CachedKeys int
	// Behind opens a store too that lacks changes which were acknowledged. It is read only, and gives custodians nothing, until Mend.
	Behind bool
	// Still opens a store that nobody has open to look at it: nothing is written, on a medium that cannot be written to either.
	Still bool

	disk    disk                                                 // nil for the real one
	logTurn int64                                                // 0 for the constant
	genuine func(secret func(name string) ([]byte, error)) error // of RestoreFromEscrow
}

const defaultCachedKeys = 4096

// Recovery tells what Open found and put right: the traces of a crash, none of which concerns anything that was
// acknowledged.
type Recovery struct {
	TornLog           int64 // bytes at the end of the log of a change that was being written
	UnfinishedErasure bool  // an erasure had begun and was undone; its chart is still there

	// Mark is what is wrong with the mark of what was acknowledged, which no crash explains; "" for nothing. Whether keys are missing is then
	// for those to say who know what was sealed under them. Open makes the mark anew.
	Mark string
}

// Vault is an organisation's key store. All methods may be called from several goroutines.
type Vault struct {
	disk   disk
	root   RootKey
	turn   int64 // bytes of log after which the pages go to their places
	escrow []byte
	id     [16]byte
	lock   io.Closer
	found  Recovery
	guide  cipher.Block
	accept bool // Options.Behind
	still  bool // Options.Still

	// write is held through every change, from the plan to its publication. Who holds it may read what mu guards
	// without mu.
	write sync.Mutex
	store *store
	top   *topFile

	// mu guards the state below. It changes only under write and mu together, once durable; so nothing ever shows that
	// a crash could undo.
	mu             sync.RWMutex
	table          *table
	tree           tree
	secrets        map[string][]byte
	secretsEdition uint64
	topEdition     uint64
	edition, epoch uint64 // the highest edition in use; erasures so far
	order          order  // of the pages, by edition
	failed         error  // what made the vault read-only
	closed         bool
	open           *creation // gathers wants until its first caller gets write; guarded by mu alone

	erasures atomic.Uint64 // grows with each erasure and at Close; see Key.alive
	cache    keyCache
}

func newVault(root RootKey, opt Options) *Vault {
	v := &Vault{
		disk:    opt.disk,
		root:    root,
		turn:    opt.logTurn,
		escrow:  opt.Escrow,
		accept:  opt.Behind,
		still:   opt.Still,
		table:   newTable(),
		tree:    tree{nodes: make(map[pageID]*node)},
		secrets: make(map[string][]byte),
	}
	if v.disk == nil {
		v.disk = osDisk{}
	}
	if v.still {
		v.disk = stillDisk{v.disk}
	}
	if v.turn == 0 {
		v.turn = logTurn
	}
	bound := opt.CachedKeys
	if bound <= 0 {
		bound = defaultCachedKeys
	}
	v.cache.init(bound)
	v.erasures.Store(1)
	return v
}

// Open opens the key store in dir and puts right what a crash left (see Recovery). It returns ErrNoVault where there is
// none, ErrLocked while another process has it open, an error that wraps ErrSealed for the wrong root key, and
// ErrDamagedPage, one for each of the first damaged pages, joined, for a damaged store; then it has changed nothing.
func Open(dir string, root RootKey, opt Options) (*Vault, error) {
	v := newVault(root, opt)
	if err := v.start(dir); err != nil {
		return nil, fmt.Errorf("open key store in %s: %w", dir, err)
	}
	return v, nil
}

func (v *Vault) start(dir string) (err error) {
	if !exists(v.disk, filepath.Join(dir, topName)) {
		return ErrNoVault
	}
	if v.lock, err = v.disk.Lock(filepath.Join(dir, lockName)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.release())
		}
	}()
	var r *topRecord
	if v.top, r, err = openTop(v.disk, filepath.Join(dir, topName)); err != nil {
		return err
	}
	v.id, v.epoch = r.vault, r.epoch
	v.setTopEdition(r.edition)
	if v.tree.top, err = r.unwrap(v.root); err != nil {
		return err
	}
	if v.store, v.found, err = openStore(v.disk, dir, r, v.accept); err != nil {
		return err
	}
	if err = v.load(); err != nil {
		return err
	}
	v.order.loaded()
	if v.failed = v.lacking(); v.failed != nil {
		v.store.behind = v.failed
		if v.accept {
			return nil
		}
		return v.failed
	}
	if v.still {
		v.failed = errStill
		return nil
	}
	if err = v.top.settle(r); err != nil {
		return err
	}
	if v.store.size > 0 {
		return v.store.settle(v.edition)
	}
	if err = v.store.settleMark(v.edition); err != nil {
		return err
	}
	return v.store.removeOldLogs()
}

// lacking tells what the store that was read lacks of what was acknowledged.
func (v *Vault) lacking() error {
	if s := v.store; s.behind == nil && v.edition < s.acked.edition {
		return ErrDamagedPage{Path: s.path(pagesName(0)), Why: "pages are older than those that were acknowledged"}
	}
	return v.store.behind
}

// Behind tells what the store lacks of what was acknowledged, nil for nothing; see Options.Behind and Mend.
func (v *Vault) Behind() error {
	v.write.Lock()
	defer v.write.Unlock()
	return v.store.behind
}

// Recovery tells what Open found and put right.
func (v *Vault) Recovery() Recovery { return v.found }

// Close brings the pages to their places and releases the directory. Keys in hand return ErrClosed from then on.
func (v *Vault) Close() error {
	v.write.Lock()
	defer v.write.Unlock()
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return nil
	}
	v.closed = true
	failed := v.failed
	v.cache.init(1)
	v.table, v.tree, v.secrets, v.order = newTable(), tree{}, nil, order{}
	v.mu.Unlock()
	v.erasures.Add(1)
	var err error
	if failed == nil && v.store.size > 0 {
		err = v.store.settle(v.edition)
	}
	return errors.Join(err, v.release())
}

func (v *Vault) release() error {
	var errs []error
	if v.store != nil {
		errs = append(errs, v.store.close())
	}
	if v.top != nil {
		errs = append(errs, v.top.f.Close())
	}
	return errors.Join(append(errs, v.lock.Close())...)
}

// writable tells why nothing can be written now. The caller holds write.
func (v *Vault) writable() error {
	if v.closed {
		return ErrClosed
	}
	if v.failed != nil {
		return errors.Join(ErrReadOnly, v.failed)
	}
	return nil
}

// commit makes a plan durable and then visible. The caller holds write.
func (v *Vault) commit(p *plan) error {
	if err := v.writable(); err != nil {
		return err
	}
	if len(p.dirty) > maxGroup {
		return fmt.Errorf("%w: %d pages in one change, at most %d", ErrLimit, len(p.dirty), maxGroup)
	}
	epoch := v.epoch
	if p.erases {
		epoch++
	}
	frames := p.pages(epoch)
	topEdition, top := uint64(0), (*topRecord)(nil)
	if p.erases {
		// The root key is asked first: when it cannot be reached, nothing has happened yet.
		var err error
		topEdition = v.edition + uint64(len(frames)) + 1
		if top, err = wrapTop(v.root, v.id, epoch, topEdition, p.tree.top); err != nil {
			return err
		}
	}
	err := v.store.append(epoch, frames)
	if err == nil && top != nil {
		err = v.top.replace(top)
	}
	if err == nil {
		err = v.store.acknowledge(max(v.edition+uint64(len(frames)), topEdition))
	}
	if err != nil {
		v.fail(err)
		return errors.Join(ErrReadOnly, err)
	}
	v.mu.Lock()
	p.publish(frames, epoch)
	if top != nil {
		v.setTopEdition(topEdition)
	}
	v.mu.Unlock()
	if v.store.size >= v.turn {
		if err := v.store.settle(v.edition); err != nil {
			v.fail(err) // the change itself is durable and stands
		}
	}
	return nil
}

// fail makes the vault read-only. The caller holds write.
func (v *Vault) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failed = err
}
