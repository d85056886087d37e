package chain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	dbm "github.com/cometbft/cometbft-db"
	sm "github.com/cometbft/cometbft/state"
	ldberrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"github.com/sijil-health/sijil/ledger"
)

// What findings call the parts of an engine's directory.
const (
	stateName  = "the ledger's state"
	blocksName = "the engine's blocks"
	keyPart    = "a key of this node"
)

// unlocked is the file system without the lock that Pebble makes a file for: whoever only reads changes nothing, not even that.
type unlocked struct{ vfs.FS }

// Lock implements vfs.FS. The lease keeps the engine from running meanwhile.
func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Unwrap implements vfs.FS.
func (u unlocked) Unwrap() vfs.FS { return u.FS }

// ofDisk tells what the disk refuses from what it gives back wrong.
func ofDisk(err error) bool {
	for _, disk := range []error{
		fs.ErrPermission, fs.ErrClosed, syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT, syscall.EFBIG, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN,
		pebble.ErrClosed, ledger.ErrClosed, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, disk) {
			return true
		}
	}
	return false
}

func isDamage(err error) bool {
	var d *ledger.Damage
	return errors.As(err, &d)
}

// failed names the file when a read met damage.
func (s *store) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case pebble.IsCorruptionError(err):
		return stateDamage(s.dir, err)
	}
	return fmt.Errorf("chain: read the state: %w", err)
}

// pebbleFile is the name of one of Pebble's files in what it says of damage.
var pebbleFile = regexp.MustCompile(`(MANIFEST|OPTIONS)-\d{6}|\d{6}\.(sst|log|blob)|CURRENT|marker\.[\w.-]+`)

// stateDamage names the file of the state that an error is about, or its directory where the error does not tell.
func stateDamage(dir string, err error) *ledger.Damage {
	detail, _, _ := strings.Cut(err.Error(), "\n") // what follows is for Pebble
	d := &ledger.Damage{What: stateName, File: dir, Detail: detail}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil && info.Path != "" {
		d.File = info.Path
		if !filepath.IsAbs(d.File) && filepath.Dir(d.File) == "." {
			d.File = filepath.Join(dir, d.File)
		}
		return d
	}
	if name := pebbleFile.FindString(err.Error()); name != "" {
		d.File = filepath.Join(dir, name)
		return d
	}
	for _, kind := range []string{"OPTIONS-*", "MANIFEST-*"} { // their errors name no file
		files, globErr := filepath.Glob(filepath.Join(dir, kind))
		if globErr != nil || len(files) == 0 {
			continue
		}
		slices.Sort(files)
		last := files[len(files)-1]
		b, readErr := os.ReadFile(last)
		if readErr == nil && kind == "OPTIONS-*" && new(pebble.Options).Parse(string(b), nil) == nil {
			continue
		}
		d.File = last
		break
	}
	return d
}

// checkState reads every table of the state machine's store, and compares each block with its checksum.
func checkState(dir string) (found []ledger.Damage, err error) {
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return nil, err
	}
	for _, path := range tables {
		err := checkTable(path)
		if err != nil && ofDisk(err) && !errors.Is(err, syscall.EIO) {
			return found, err
		}
		if err != nil {
			found = append(found, ledger.Damage{What: stateName, File: path, Detail: err.Error()})
		}
	}
	return found, nil
}

func checkTable(path string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f, err := vfs.Default.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	opts := new(pebble.Options)
	opts.EnsureDefaults()
	r, err := sstable.NewReader(context.Background(), readable, opts.MakeReaderOptions())
	if err != nil {
		return err // it closed the file
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// cometDatabases are CometBFT's own.
var cometDatabases = []string{"blockstore", "state", "evidence"}

// checkComet reads CometBFT's databases whole, without writing, and gives the ledger that they are of; "" where they do not tell.
func checkComet(data string) (chain string, found []ledger.Damage, err error) {
	for _, id := range cometDatabases {
		dir := filepath.Join(data, id+".db")
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		name, err := checkDatabase(id, data)
		if name != "" {
			chain = name
		}
		if err == nil {
			continue
		}
		if ofDisk(err) && !errors.Is(err, syscall.EIO) {
			return chain, found, fmt.Errorf("chain: read %s: %w", dir, err)
		}
		found = append(found, ledger.Damage{What: blocksName, File: leveldbFile(dir, err), Detail: err.Error()})
	}
	return chain, found, nil
}

// leveldbFile names the file that an error is about, or its directory where the error does not tell.
func leveldbFile(dir string, err error) string {
	var c *ldberrors.ErrCorrupted
	if errors.As(err, &c) && !c.Fd.Zero() {
		return filepath.Join(dir, c.Fd.String())
	}
	if strings.Contains(err.Error(), "CURRENT") {
		return filepath.Join(dir, "CURRENT")
	}
	return dir
}

func checkDatabase(id, data string) (chain string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Join(err, fmt.Errorf("%v", r))
		}
	}()
	db, err := dbm.NewGoLevelDBWithOpts(id, data, &opt.Options{
		ReadOnly: true, Strict: opt.StrictAll, BlockCacheCapacity: 2 << 20, OpenFilesCacheCapacity: 64,
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	it, err := db.Iterator(nil, nil)
	if err != nil {
		return "", err
	}
	for ; it.Valid(); it.Next() {
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return "", err
	}
	if id == "state" {
		s, err := sm.NewStore(db, sm.StoreOptions{}).Load()
		return s.ChainID, err
	}
	return "", nil
}
