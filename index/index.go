package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/journal"
)

// KeySize is the length of an index key, in bytes (AES-256).
const KeySize = 32

// ErrNotFound is returned for what the index does not know.
var ErrNotFound = errors.New("index: not found")

// ErrDamaged is returned, wrapped, where the files are not what was written. Remove them and let the index be made anew.
var ErrDamaged = errors.New("index: damaged")

// ErrAway is returned, wrapped, where the rows are kept by a server that cannot be reached at the moment. What failed with it was not done, or can be
// done again.
var ErrAway = errors.New("index: its database cannot be reached")

// Index is open on what keeps its rows. Safe for concurrent use.
type Index struct {
	write   sync.Mutex // held by the one who changes something
	rows    rows.Store
	dir     string            // of an embedded one
	blind   bool              // who keeps the rows must not read names in keys
	secret  [32]byte          // of the marks
	run     records           // that the next record may continue; of the writer
	counts  map[uint32]uint64 // see famCount; of the writer
	reached atomic.Uint64     // up to which entry batches were applied
	names   names
	posts   posts // of the writer
}

// Open opens or creates the embedded index in dir under a key of KeySize bytes. Errors: ErrDamaged for an index that is damaged, was condemned,
// or was written under another key (the caller may Remove it, and rebuild); those of the disk.
func Open(dir string, key []byte) (*Index, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("index: key of %d bytes, want %d", len(key), KeySize)
	}
	store, err := openEmbedded(dir, key)
	if err != nil {
		return nil, err
	}
	return begin(&Index{rows: store, dir: dir}, key)
}

// On opens the index that a store holds, whose operator must not read it: the store seals values, and names in keys are hashed. The store is closed
// with the index, also where this gives an error.
func On(store rows.Store, key []byte) (*Index, error) {
	if len(key) != KeySize {
		return nil, errors.Join(fmt.Errorf("index: key of %d bytes, want %d", len(key), KeySize), store.Close())
	}
	return begin(&Index{rows: store, blind: true}, key)
}

func (x *Index) marker() marker { return marker{secret: &x.secret, ordered: !x.blind} }

// begin reads what a writer goes on from.
func begin(x *Index, key []byte) (*Index, error) {
	x.secret = sha256.Sum256(append([]byte("sijil/index/mark/2"), key...))
	x.posts.marker = x.marker()
	var err error
	if x.run, err = x.lastRecords(); err == nil {
		err = x.loadNames()
	}
	if err == nil {
		err = x.loadCounts()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), x.Close())
	}
	return x, nil
}

func (x *Index) loadNames() error {
	all := rows.Range{From: []byte{famName}, To: []byte{famName + 1}}
	return x.rows.Scan(context.Background(), []rows.Range{all}, func(_ int, key, value []byte) (bool, error) {
		if len(key) != 5 || !x.names.set(binary.BigEndian.Uint32(key[1:]), string(value)) {
			return false, damaged("name")
		}
		return true, nil
	})
}

func (x *Index) loadCounts() error {
	x.counts = make(map[uint32]uint64)
	all := rows.Range{From: []byte{famCount}, To: []byte{famCount + 1}}
	return x.rows.Scan(context.Background(), []rows.Range{all}, func(_ int, key, value []byte) (bool, error) {
		n, ok := decodeCount(value)
		if len(key) != 5 || !ok {
			return false, damaged("count")
		}
		x.counts[binary.BigEndian.Uint32(key[1:])] = n
		return true, nil
	})
}

func decodeCount(b []byte) (uint64, bool) {
	n, w := binary.Uvarint(b)
	return n, w > 0
}

// Close flushes and closes the index, so that the next start need not follow the journal again.
func (x *Index) Close() error { return x.rows.Close() }

// Position is the cursor up to which the journal is in the index.
func (x *Index) Position() (journal.Cursor, error) {
	value, err := x.rows.Get(context.Background(), []byte{famPosition})
	if err != nil || value == nil {
		return journal.Cursor{}, err
	}
	var c journal.Cursor
	return c, c.UnmarshalBinary(value)
}

// read calls fn with the value of a row. Where somebody else keeps the rows, they are not from before the last batch that was acknowledged: what follows from
// one, such as the next number of a chart or version, would be given twice.
func (x *Index) read(key []byte, fn func(value []byte) error) error {
	keys := [][]byte{key}
	if x.blind {
		keys = [][]byte{{famPosition}, key}
	}
	reached := x.reached.Load()
	return x.rows.Gets(context.Background(), keys, func(i int, value []byte) error {
		if i == len(keys)-1 {
			return fn(value)
		}
		var at journal.Cursor
		if value != nil {
			if err := at.UnmarshalBinary(value); err != nil {
				return err
			}
		}
		if at.Entry < reached {
			return errBack
		}
		return nil
	})
}

// Current gives the newest version of a resource, a deletion included.
func (x *Index) Current(typ, id string) (Version, error) {
	return x.version(id, x.key(famCurrent, typ, id))
}

// Version gives one version of a resource.
func (x *Index) Version(typ, id string, number uint64) (Version, error) {
	v, err := x.Current(typ, id)
	if err != nil || v.Number == number {
		return v, err
	}
	return x.version(id, x.versionKey(typ, id, number))
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
	older := rows.Range{From: x.versionKey(typ, id, before-1), To: after(append(x.key(famVersion, typ, id), 0)), Limit: limit}
	err = x.rows.Scan(context.Background(), []rows.Range{older}, func(_ int, _, value []byte) (bool, error) {
		v, ok := decodeVersion(id, value)
		if !ok {
			return false, damaged("version")
		}
		out = append(out, v)
		return len(out) < limit, nil
	})
	return out, err
}

func (x *Index) version(id string, key []byte) (v Version, err error) {
	err = x.read(key, func(value []byte) error {
		if value == nil {
			return ErrNotFound
		}
		ok := false
		if v, ok = decodeVersion(id, value); !ok {
			return damaged("version")
		}
		return nil
	})
	return v, err
}

func damaged(what string) error { return fmt.Errorf("%w: %s", ErrDamaged, what) }
