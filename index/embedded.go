package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sijil-health/sijil/index/rows"
)

// cacheSize bounds, in bytes, the blocks kept in memory and the memtables together: with less, the memtables of a busy node leave no room
// for the blocks with the filters, and each lookup reads and decrypts them again (a sixth of a create).
const cacheSize = 32 << 20

// pressed is how many bytes of rows are pressed and read together in the last level, where most of them lie.
const pressed = 16 << 10

// embedded keeps rows in Pebble on an encrypting file system.
type embedded struct {
	pebbleReader
	db    *pebble.DB
	cache *pebble.Cache
}

// openEmbedded opens or creates the rows in dir under a key of KeySize bytes.
func openEmbedded(dir string, key []byte) (*embedded, error) {
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
		MemTableSize:                8 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       24,
		MaxOpenFiles:                256,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      quiet{},
		Merger:                      &pebble.Merger{Name: "sijil.index.1", Merge: mergeRows},
		// Damage is returned by the call that meets it. Pebble's own way is to end the process.
		EventListener: &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = filter{bloom.FilterPolicy(10)}
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.FastestCompression }
	}
	last := &opts.Levels[len(opts.Levels)-1]
	last.BlockSize, last.Compression = pressed, func() *sstable.CompressionProfile { return sstable.BalancedCompression }
	opts.CompactionConcurrencyRange = func() (int, int) { return 1, 1 }
	db, err := pebble.Open(dir, opts)
	if err != nil {
		cache.Unref()
		return nil, fmt.Errorf("open index %s: %w", dir, classify(err))
	}
	return &embedded{pebbleReader: pebbleReader{db}, db: db, cache: cache}, nil
}

// Close flushes and closes, so that the next start need not follow the journal again.
func (e *embedded) Close() error {
	err := errors.Join(e.db.Flush(), e.db.Close())
	e.cache.Unref()
	return err
}

func (e *embedded) Snapshot(context.Context) (rows.Snapshot, error) {
	s := e.db.NewSnapshot()
	return &pebbleSnapshot{pebbleReader{s}, s}, nil
}

func (e *embedded) Apply(_ context.Context, b *rows.Batch) error {
	w := e.db.NewBatch()
	defer w.Close()
	for i := range b.Ops {
		var err error
		switch op := &b.Ops[i]; op.Kind {
		case rows.Set:
			err = w.Set(op.Key, op.Value, nil)
		case rows.Delete:
			err = w.Delete(op.Key, nil)
		case rows.Merge:
			err = w.Merge(op.Key, op.Value, nil)
		}
		if err != nil {
			return classify(err)
		}
	}
	if err := w.Commit(pebble.NoSync); err != nil {
		return classify(err)
	}
	return nil
}

func (e *embedded) Check(ctx context.Context) error {
	it, err := e.db.NewIterWithContext(ctx, nil)
	if err != nil {
		return classify(err)
	}
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		if _, err := it.ValueAndErr(); err != nil {
			return errors.Join(classify(err), it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return classify(err)
	}
	return ctx.Err()
}

// pebbleReader reads from a database or a snapshot of it.
type pebbleReader struct{ r pebble.Reader }

func (p pebbleReader) Get(_ context.Context, key []byte) ([]byte, error) {
	value, closer, err := p.r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, classify(err)
	}
	return append(make([]byte, 0, len(value)), value...), closer.Close()
}

func (p pebbleReader) Gets(ctx context.Context, keys [][]byte, fn func(i int, value []byte) error) error {
	if len(keys) >= manyKeys {
		return p.walk(keys, fn)
	}
	for i, key := range keys {
		value, closer, err := p.r.Get(key)
		switch {
		case errors.Is(err, pebble.ErrNotFound):
			err = fn(i, nil)
		case err != nil:
			err = classify(err)
		default:
			err = fn(i, value)
			if closing := closer.Close(); err == nil {
				err = closing
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// manyKeys are so many that one iterator that goes from each to the next, as they mostly rise, is faster than looking up each.
const manyKeys = 4

func (p pebbleReader) walk(keys [][]byte, fn func(i int, value []byte) error) error {
	it, err := p.r.NewIter(nil)
	if err != nil {
		return classify(err)
	}
	for i, key := range keys {
		var value []byte
		if it.SeekGE(key) && bytes.Equal(it.Key(), key) {
			value, err = it.ValueAndErr()
		}
		if err = errors.Join(err, it.Error()); err != nil {
			return errors.Join(classify(err), it.Close())
		}
		if err := fn(i, value); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return classify(err)
	}
	return nil
}

func (p pebbleReader) Scan(_ context.Context, ranges []rows.Range, fn func(i int, key, value []byte) (bool, error)) error {
	if len(ranges) == 0 {
		return nil
	}
	opts := &pebble.IterOptions{}
	if len(ranges) == 1 {
		opts.LowerBound, opts.UpperBound = ranges[0].From, ranges[0].To
	}
	it, err := p.r.NewIter(opts)
	if err != nil {
		return classify(err)
	}
	more := true
	for i := range ranges {
		if more, err = scanRange(it, &ranges[i], func(key, value []byte) (bool, error) { return fn(i, key, value) }); err != nil || !more {
			break
		}
	}
	if broken := errors.Join(it.Error(), it.Close()); err == nil && broken != nil {
		err = classify(broken)
	}
	return err
}

func scanRange(it *pebble.Iterator, r *rows.Range, fn func(key, value []byte) (bool, error)) (more bool, err error) {
	step, ok := it.Next, false
	switch {
	case !r.Reverse:
		ok = it.SeekGE(r.From)
	case r.To == nil:
		step, ok = it.Prev, it.Last()
	default:
		step, ok = it.Prev, it.SeekLT(r.To)
	}
	for n := 0; ok && (r.Limit == 0 || n < r.Limit); n++ {
		key := it.Key()
		if bytes.Compare(key, r.From) < 0 || r.To != nil && bytes.Compare(key, r.To) >= 0 {
			break
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return false, classify(err)
		}
		if more, err := fn(key, value); err != nil || !more {
			return false, err
		}
		ok = step()
	}
	return true, nil
}

type pebbleSnapshot struct {
	pebbleReader
	s *pebble.Snapshot
}

func (p *pebbleSnapshot) Close() error { return p.s.Close() }

// pebbleMerger is a merger in Pebble's terms. The row that it gives is its own until Pebble closes it.
type pebbleMerger struct {
	family [1]byte
	merger
	row []byte
}

var mergers = sync.Pool{New: func() any { return new(pebbleMerger) }}

func mergeRows(key, value []byte) (pebble.ValueMerger, error) {
	m := mergers.Get().(*pebbleMerger)
	m.reset()
	copy(m.family[:], key)
	return m, m.add(m.family[:], value)
}

func (m *pebbleMerger) MergeNewer(value []byte) error { return m.add(m.family[:], value) }
func (m *pebbleMerger) MergeOlder(value []byte) error { return m.add(m.family[:], value) }
func (m *pebbleMerger) Finish(bool) ([]byte, io.Closer, error) {
	m.row = m.encode(m.row[:0])
	return m.row, m, nil
}

func (m *pebbleMerger) Close() error {
	mergers.Put(m)
	return nil
}

// quiet keeps Pebble's informational lines, which would name keys of the index, out of the log.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("index: "+format, args...))
}

var _ rows.Store = (*embedded)(nil)
