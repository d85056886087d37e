package chain

import (
	"errors"
	"sync/atomic"

	dbm "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// database is one of CometBFT's own. CometBFT closes them while goroutines of its gossip still run, and these panic, in
// goroutines where nobody can recover, when a read fails (store.BlockStore, consensus/reactor.go). After Close a read
// here finds nothing instead.
type database struct {
	dbm.DB
	closed atomic.Bool
}

// Get implements dbm.DB.
func (d *database) Get(key []byte) ([]byte, error) {
	v, err := d.DB.Get(key)
	if err != nil && d.closed.Load() {
		return nil, nil
	}
	return v, err
}

// Has implements dbm.DB.
func (d *database) Has(key []byte) (bool, error) {
	ok, err := d.DB.Has(key)
	if err != nil && d.closed.Load() {
		return false, nil
	}
	return ok, err
}

// NewBatch implements dbm.DB. A start from a snapshot that is stopped goes on in a goroutine of CometBFT's; what it writes then goes nowhere,
// as after a crash.
func (d *database) NewBatch() dbm.Batch { return &batch{d.DB.NewBatch(), d} }

// Set implements dbm.DB.
func (d *database) Set(key, value []byte) error { return d.unlessClosed(d.DB.Set(key, value)) }

// SetSync implements dbm.DB.
func (d *database) SetSync(key, value []byte) error { return d.unlessClosed(d.DB.SetSync(key, value)) }

func (d *database) unlessClosed(err error) error {
	if d.closed.Load() {
		return nil
	}
	return err
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

// openDB opens a database of CometBFT's with caches that suit a node of 100 MiB.
func openDB(ctx *cmtcfg.DBContext) (dbm.DB, error) {
	db, err := dbm.NewGoLevelDBWithOpts(ctx.ID, ctx.Config.DBDir(), &opt.Options{
		BlockCacheCapacity:     2 << 20,
		WriteBuffer:            1 << 20,
		OpenFilesCacheCapacity: 64,
	})
	if err != nil {
		return nil, err
	}
	return &database{DB: db}, nil
}

// databases remembers what was opened for a node that in the end could not be made.
type databases []dbm.DB

func (d *databases) open(ctx *cmtcfg.DBContext) (dbm.DB, error) {
	db, err := openDB(ctx)
	if err == nil {
		*d = append(*d, db)
	}
	return db, err
}

func (d *databases) close() error {
	var errs []error
	for _, db := range *d {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}
