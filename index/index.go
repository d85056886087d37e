package index

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sijil-health/sijil/journal"
)

// KeySize is the length of an index key, in bytes (AES-256).
const KeySize = 32

// cacheSize bounds, in bytes, the blocks kept in memory and the memtables together: with less, the memtables of a busy node leave no room
// for the blocks with the filters, and each lookup reads and decrypts them again (a sixth of a create).
const cacheSize = 32 << 20

// blockSize is how many bytes of rows are pressed and read together in the last level, where most of them lie.
const blockSize = 16 << 10

// ErrNotFound is returned for what the index does not know.
var ErrNotFound = errors.New("index: not found")

// ErrDamaged is returned, wrapped, where the files are not what was written. Remove them and let the index be made anew.
var ErrDamaged = errors.New("index: damaged")

// Index is open on one directory. Safe for concurrent use.
type Index struct {
	write  sync.Mutex // held by the one who changes something
	db     *pebble.DB
	cache  *pebble.Cache
	dir    string
	secret [32]byte // of the marks
	run    records  // that the next record may continue; of the writer
}

// Open opens or creates the index in dir under a key of KeySize bytes. Errors: ErrDamaged for an index that is damaged, was condemned,
// or was written under another key (the caller may Remove it, and rebuild); those of the disk.
func Open(dir string, key []byte) (*Index, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("index: key of %d bytes, want %d", len(key), KeySize)
	}
	dir = filepath.Clean(dir)
	if _, err := os.Stat(dir + condemned); err == nil {
		return nil, fmt.Errorf("%w: %s was found damaged before", ErrDamaged, dir)
	}
	fs, err := newSealedFS(vfs.Default, key)
	if err != nil {
		return nil, err
	}
	cache := pebble.NewCache(cacheSize)
	opts := &pebble.Options{
		FS:                          fs,
		Cache:                       cache,
		DisableWAL:                  true, // Position is written with what it vouches for; a crash only goes back some records
		MemTableSize:                4 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		MaxOpenFiles:                256,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      quiet{},
		// Damage is returned by the call that meets it. Pebble's own way is to end the process.
		EventListener: &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = filter{bloom.FilterPolicy(10)}
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.FastestCompression }
	}
	last := &opts.Levels[len(opts.Levels)-1]
	last.BlockSize, last.Compression = blockSize, func() *sstable.CompressionProfile { return sstable.ZstdCompression }
	opts.CompactionConcurrencyRange = func() (int, int) { return 1, 1 }
	db, err := pebble.Open(dir, opts)
	if err != nil {
		cache.Unref()
		return nil, fmt.Errorf("open index %s: %w", dir, classify(err))
	}
	x := &Index{db: db, cache: cache, dir: dir, secret: sha256.Sum256(append([]byte("sijil/index/mark/1"), key...))}
	if x.run, err = x.lastRecords(); err != nil {
		return nil, errors.Join(fmt.Errorf("open index %s: %w", dir, classify(err)), x.Close())
	}
	return x, nil
}

// Close flushes and closes the index, so that the next start need not follow the journal again.
func (x *Index) Close() error {
	err := errors.Join(x.db.Flush(), x.db.Close())
	x.cache.Unref()
	return err
}

// Position is the cursor up to which the journal is in the index.
func (x *Index) Position() (journal.Cursor, error) {
	value, err := x.get([]byte{famPosition})
	if errors.Is(err, ErrNotFound) {
		return journal.Cursor{}, nil
	}
	if err != nil {
		return journal.Cursor{}, err
	}
	var c journal.Cursor
	return c, errors.Join(c.UnmarshalBinary(value))
}

// Current gives the newest version of a resource, a deletion included.
func (x *Index) Current(typ, id string) (Version, error) {
	return x.version(id, keyOf(famCurrent, typ, id))
}

// Version gives one version of a resource.
func (x *Index) Version(typ, id string, number uint64) (Version, error) {
	v, err := x.Current(typ, id)
	if err != nil || v.Number == number {
		return v, err
	}
	return x.version(id, versionKey(typ, id, number))
}

// History gives at most limit versions of a resource, newest first, from the one before version `before` on (0: from the newest).
func (x *Index) History(typ, id string, before uint64, limit int) ([]Version, error) {
	now, err := x.Current(typ, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Version
	if before == 0 || now.Number < before {
		if out = append(out, now); limit <= 1 {
			return out, nil
		}
		before = now.Number
	}
	prefix := append(keyOf(famVersion, typ, id), 0)
	err = x.scan(versionKey(typ, id, before-1), after(prefix), func(_, value []byte) (bool, error) {
		v, ok := decodeVersion(id, value)
		if !ok {
			return false, damaged("version")
		}
		out = append(out, v)
		return len(out) < limit, nil
	})
	return out, err
}

func (x *Index) version(id string, key []byte) (Version, error) {
	value, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return Version{}, ErrNotFound
	}
	if err != nil {
		return Version{}, err
	}
	defer closer.Close()
	v, ok := decodeVersion(id, value)
	if !ok {
		return Version{}, damaged("version")
	}
	return v, nil
}

func (x *Index) get(key []byte) ([]byte, error) {
	value, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, classify(err)
	}
	defer closer.Close()
	return append([]byte(nil), value...), nil
}

// scan calls fn for each key in [lower, upper) until it says no.
func (x *Index) scan(lower, upper []byte, fn func(key, value []byte) (more bool, err error)) error {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		more, err := fn(it.Key(), it.Value())
		if err != nil {
			return errors.Join(err, it.Close())
		}
		if !more {
			break
		}
	}
	return it.Close()
}

func damaged(what string) error { return fmt.Errorf("%w: %s", ErrDamaged, what) }

// quiet keeps Pebble's informational lines, which would name keys of the index, out of the log.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("index: "+format, args...))
}
