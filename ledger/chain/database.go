package chain

import (
	"errors"
	"path/filepath"
	"sync/atomic"

	dbm "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"
	ldberrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"github.com/sijil-health/sijil/ledger"
)

// database is one of CometBFT's own. CometBFT closes them while goroutines of its gossip still run, and these panic, in
// goroutines where nobody can recover, when a read fails (store.BlockStore, consensus/reactor.go). After Close a read
// here finds nothing instead; what fails before is for wounds.
type database struct {
	dbm.DB
	dir    string
	wounds *wounds // nil where nothing runs
	closed atomic.Bool
}

// Get implements dbm.DB.
func (d *database) Get(key []byte) ([]byte, error) {
	v, err := d.DB.Get(key)
	if err != nil && d.nothing(err) {
		return nil, nil
	}
	return v, d.named(err)
}

// Has implements dbm.DB.
func (d *database) Has(key []byte) (bool, error) {
	ok, err := d.DB.Has(key)
	if err != nil && d.nothing(err) {
		return false, nil
	}
	return ok, d.named(err)
}

// nothing tells whether a read that failed is to find nothing: after Close, and in gossip, which then goes on with the next block.
func (d *database) nothing(err error) bool {
	if d.closed.Load() {
		return true
	}
	if d.wounds != nil && in(gossiping...) {
		d.wounds.met(d.damage(err))
		return true
	}
	d.wounds.survive(d.damage(err))
	return false
}

// damage names the file that an error is about.
func (d *database) damage(err error) *ledger.Damage {
	return &ledger.Damage{What: blocksName, File: leveldbFile(d.dir, err), Detail: err.Error()}
}

// named gives an error that tells of damage the file's name.
func (d *database) named(err error) error {
	if ldberrors.IsCorrupted(err) {
		return d.damage(err)
	}
	return err
}

// NewBatch implements dbm.DB. A start from a snapshot that is stopped goes on in a goroutine of CometBFT's; what it writes then goes nowhere,
// as after a crash.
func (d *database) NewBatch() dbm.Batch { return &batch{d.DB.NewBatch(), d} }

// Set implements dbm.DB.
func (d *database) Set(key, value []byte) error { return d.unlessClosed(d.DB.Set(key, value)) }

// SetSync implements dbm.DB.
func (d *database) SetSync(key, value []byte) error { return d.unlessClosed(d.DB.SetSync(key, value)) }

func (d *database) unlessClosed(err error) error {
	if err == nil || d.closed.Load() {
		return nil
	}
	d.wounds.survive(d.damage(err))
	return d.named(err)
}

// batch is a dbm.Batch of a database that may be closed meanwhile.
type batch struct {
	dbm.Batch
	d *database
}

// Write implements dbm.Batch.
func (b *batch) Write() error { return b.d.unlessClosed(b.Batch.Write()) }

// WriteSync implements dbm.Batch.
func (b *batch) WriteSync() error { return b.d.unlessClosed(b.Batch.WriteSync()) }

// Close implements dbm.DB.
func (d *database) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	return d.DB.Close()
}

// openDB opens a database of CometBFT's with caches that suit a node of 100 MiB. Errors: *ledger.Damage, those of the disk.
func openDB(ctx *cmtcfg.DBContext) (*database, error) {
	d := &database{dir: filepath.Join(ctx.Config.DBDir(), ctx.ID+".db")}
	if err := checkJournals(d.dir); err != nil {
		return nil, err
	}
	db, err := dbm.NewGoLevelDBWithOpts(ctx.ID, ctx.Config.DBDir(), &opt.Options{
		BlockCacheCapacity:     2 << 20,
		WriteBuffer:            1 << 20,
		OpenFilesCacheCapacity: 64,
	})
	if err != nil && !ofDisk(err) {
		return nil, d.damage(err)
	}
	d.DB = db
	return d, err
}

// databases are those of one node.
type databases struct {
	wounds *wounds
	opened []*database
}

func (d *databases) open(ctx *cmtcfg.DBContext) (dbm.DB, error) {
	db, err := openDB(ctx)
	if err != nil {
		return nil, err
	}
	db.wounds = d.wounds
	d.opened = append(d.opened, db)
	return db, nil
}

func (d *databases) close() error {
	var errs []error
	for _, db := range d.opened {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}
