package chain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// Rows of the state machine's store. Numbers in keys are big-endian, so that keys are in the order of what they number.
//
//	B height      → record            history; left out for a plain block
//	A index       → anchor            history, as tail encodes it
//	O org seq     → index of the anchor, for the first of the organisation in a segment of the log
//	H org         → head              last anchor of the organisation
//	N level index → hash              inner node of the global log
//	M height      →                   the record of this height changes the membership, an epoch or the evidence
//	K number      → chunk             first height of a chunk of history, for snapshots
//	C             → core              where the state stands
//	R             →                   a restored snapshot is not yet followed by a block; at start the store is wiped
//	S             → height of the snapshot that this node began from; not part of the state
//	L epoch       → light block       of the height before the epoch; of this node only, not part of the state
const (
	rowBlock   = 'B'
	rowAnchor  = 'A'
	rowOrder   = 'O'
	rowHead    = 'H'
	rowNode    = 'N'
	rowMember  = 'M'
	rowChunk   = 'K'
	rowCore    = 'C'
	rowRestore = 'R'
	rowBegun   = 'S'
	rowLight   = 'L'
)

// core is where the state stands; the rest of it is loaded by what it says.
type core struct {
	Height  int64       `cbor:"1,keyasint"`
	Digest  verify.Hash `cbor:"2,keyasint"`
	AppHash verify.Hash `cbor:"3,keyasint"`
	Sealed  uint64      `cbor:"4,keyasint"` // size of the log that AppHash covers
	Seals   []int64     `cbor:"5,keyasint"` // the last heights at which AppHash moved, at most maxSeals, rising
	Chunks  uint32      `cbor:"6,keyasint"` // begun, the one being filled included
	Filled  uint64      `cbor:"7,keyasint"` // bytes in that one
}

// store is the state machine's Pebble database. Reads are safe at any time; only Commit and a restore write.
type store struct {
	db   *pebble.DB
	dir  string
	full uint64 // when a chunk of history is full, in bytes: chunkSize, but for tests

	segments segments

	// open is held for reading while a read runs, for writing by close. CometBFT's gossip may still ask after consensus
	// ended, and Pebble panics when it is read closed.
	open   sync.RWMutex
	closed bool
}

// openStore opens the database for writing and looks at what a start needs of it. Errors: ErrWedged with a *ledger.Damage for one that is
// damaged.
func openStore(dir string, log pebble.Logger) (*store, error) {
	s, err := openPebble(dir, log, false)
	if err == nil {
		if _, err = s.load(); isDamage(err) {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrWedged, err), s.close())
		}
		return s, nil
	}
	if isDamage(err) {
		err = fmt.Errorf("%w: %w", ErrWedged, err)
	}
	return nil, err
}

// openPebble opens the database with caches that leave the node's memory to CometBFT. Still, it writes nothing at all. Errors: a
// *ledger.Damage, those of the disk.
func openPebble(dir string, log pebble.Logger, still bool) (_ *store, err error) {
	defer func() {
		if r := recover(); r != nil { // Pebble's way to say that files contradict one another
			err = stateDamage(dir, fmt.Errorf("%v", r))
		}
	}()
	cache := pebble.NewCache(4 << 20)
	defer cache.Unref()
	opts := &pebble.Options{
		Cache:                       cache,
		MemTableSize:                2 << 20,
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                128,
		Logger:                      log,
		// Older formats cannot tell a torn tail of the log from a damaged one.
		FormatMajorVersion: pebble.FormatNewest,
		// Damage is returned by the call that meets it. Pebble's own way is to end the process.
		EventListener: &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}},
	}
	for i := range opts.Levels { // most of a row is hashes and signatures: what can be pressed is the list of the blocks
		opts.Levels[i].BlockSize = 16 << 10
	}
	if still {
		opts.ReadOnly, opts.FS = true, unlocked{vfs.Default}
	}
	db, err := pebble.Open(dir, opts)
	if err != nil && ofDisk(err) {
		return nil, fmt.Errorf("chain: open the state in %s: %w", dir, err)
	}
	if err != nil {
		return nil, stateDamage(dir, err)
	}
	return &store{db: db, dir: dir, full: chunkSize}, nil
}

func (s *store) close() error {
	s.open.Lock()
	defer s.open.Unlock()
	s.closed = true
	return s.db.Close()
}

// enter keeps the database open until leave is called.
func (s *store) enter() (leave func(), err error) {
	s.open.RLock()
	if s.closed {
		s.open.RUnlock()
		return nil, ledger.ErrClosed
	}
	return s.open.RUnlock, nil
}

func key(row byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{row}, n)
}

func orderKey(org verify.OrgID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{rowOrder}, org[:]...), seq)
}

func headKey(org verify.OrgID) []byte { return append([]byte{rowHead}, org[:]...) }

func nodeKey(level uint8, index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{rowNode, level}, index)
}

// get copies a row's value; ledger.ErrNotFound when there is none.
func (s *store) get(k []byte) ([]byte, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.lookup(k)
}

// lookup is get for who has entered.
func (s *store) lookup(k []byte) ([]byte, error) {
	v, closer, err := s.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ledger.ErrNotFound
	}
	if err != nil {
		return nil, s.failed(err)
	}
	b := append(make([]byte, 0, len(v)), v...)
	return b, closer.Close()
}

func getAs[T any](s *store, k []byte) (*T, error) {
	b, err := s.get(k)
	if err != nil {
		return nil, err
	}
	return rowAs[T](k, b)
}

func rowAs[T any](k, b []byte) (*T, error) {
	v, err := unmarshal[T](b)
	if err != nil {
		return nil, fmt.Errorf("chain: row %x of the state is damaged: %w", k, err)
	}
	return v, nil
}

// each calls fn for the rows from one key on, below another, in order, until fn fails. fn must not read the store while
// the store may be closed: it would wait for the close that waits for it.
func (s *store) each(from, below []byte, fn func(k, v []byte) error) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: below})
	if err != nil {
		return s.failed(err)
	}
	for it.First(); it.Valid(); it.Next() {
		if err := fn(it.Key(), it.Value()); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return s.failed(it.Close())
}

// memberHeight finds the last height up to `height` whose record changes the membership, an epoch or the evidence and
// for which ok holds; 0 when there is none.
func (s *store) memberHeight(height int64, ok func(*record) bool) (int64, *record, error) {
	leave, err := s.enter()
	if err != nil {
		return 0, nil, err
	}
	defer leave()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{rowMember}, UpperBound: []byte{rowMember + 1}})
	if err != nil {
		return 0, nil, s.failed(err)
	}
	defer it.Close() //nolint:errcheck // read only; what it read is judged below
	for it.SeekLT(key(rowMember, uint64(height)+1)); it.Valid(); it.Prev() {
		h := int64(binary.BigEndian.Uint64(it.Key()[1:]))
		b, err := s.lookup(key(rowBlock, uint64(h)))
		if err != nil {
			return 0, nil, err
		}
		rec, err := rowAs[record](it.Key(), b)
		if err != nil {
			return 0, nil, err
		}
		if ok(rec) {
			return h, rec, nil
		}
	}
	return 0, nil, s.failed(it.Error())
}
