package custody

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// book is a custodian's memory of what it vouched for, of all owners: tags, the last batch signed, alarms, and the pages of key
// stores. All of it is durable before it is acted upon.
type book struct {
	db     *pebble.DB
	cache  *pebble.Cache
	dir    string
	alarms sync.Mutex // held while an alarm is counted
	*bookFaults
}

// The first byte of a key; the owner follows.
const (
	keyAlarm = 'a'
	keyLost  = 'l' // → lost: what of this owner a book before this one knew
	keyPage  = 'p' // ‖ u64be number → u64be version ‖ sealed bytes
	keyTally = 's'
	keyTag   = 't' // ‖ tag → place
	keyVoid  = 'w' // ‖ u64be number ‖ leaf of an entry that was withdrawn

	keyBegun = 'b' // without an owner: the book is as old as what is held, or says what was lost
)

// The book's share of memory is small: tags are random, so a cache of blocks would not help them, and Bloom filters, which
// do, are cached first.
const (
	bookCache    = 8 << 20
	bookMemTable = 4 << 20
)

// openBook opens or begins a book. Errors: *BookDamage, those of the disk.
func openBook(dir string, faults *bookFaults) (_ *book, err error) {
	defer func() {
		if r := recover(); r != nil { // Pebble's way to say that files contradict one another
			err = bookDamage(dir, fmt.Errorf("%v", r))
		}
	}()
	if faults.condemned(dir) {
		return nil, &BookDamage{File: dir, Reason: "it was found damaged while the node ran"}
	}
	cache := pebble.NewCache(bookCache)
	opts := bookOptions(dir, faults)
	opts.Cache = cache
	db, err := pebble.Open(dir, opts)
	if err != nil {
		cache.Unref()
		return nil, bookError(dir, err)
	}
	return &book{db: db, cache: cache, dir: dir, bookFaults: faults}, nil
}

func bookOptions(dir string, faults *bookFaults) *pebble.Options {
	opts := &pebble.Options{
		MemTableSize:                bookMemTable,
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                128,
		FormatMajorVersion:          pebble.FormatNewest, // above FormatWALSyncChunks: a torn tail is told from damage
		Logger:                      faults,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		EventListener: &pebble.EventListener{
			// Damage is returned by the call that meets it. Pebble's own way is to end the process.
			DataCorruption: func(i pebble.DataCorruptionInfo) { faults.met(dir, i.Details) },
			BackgroundError: func(err error) {
				if pebble.IsCorruptionError(err) {
					faults.met(dir, err)
				}
			},
		},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return opts
}

func (b *book) close() error {
	err := b.db.Close()
	b.cache.Unref()
	return err
}

func bookKey(kind byte, owner verify.OrgID) []byte {
	return append(append(make([]byte, 0, 1+len(owner)+24), kind), owner[:]...)
}

// place is where the entry with a tag is: its number, and the record that holds it.
type place struct {
	number uint64
	at     journal.Cursor
}

func (p place) encode() []byte {
	b := binary.AppendUvarint(nil, p.number)
	b = binary.AppendUvarint(b, uint64(p.at.Segment))
	b = binary.AppendUvarint(b, uint64(p.at.Offset))
	return binary.AppendUvarint(b, p.number-p.at.Entry)
}

func decodePlace(b []byte) (p place, err error) {
	var fields [4]uint64
	for i := range fields {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return p, errors.New("custody: malformed place in the book")
		}
		fields[i], b = v, b[n:]
	}
	at := journal.Cursor{Segment: uint32(fields[1]), Offset: int64(fields[2]), Entry: fields[0] - fields[3]}
	return place{number: fields[0], at: at}, nil
}

// place finds the entry with a tag among those vouched for.
func (b *book) place(owner verify.OrgID, tag verify.Tag) (p place, found bool, err error) {
	value, closer, err := b.db.Get(append(bookKey(keyTag, owner), tag[:]...))
	if errors.Is(err, pebble.ErrNotFound) {
		return p, false, nil
	}
	if err != nil {
		return p, false, b.failure("read", err)
	}
	p, err = decodePlace(value)
	return p, err == nil, errors.Join(err, closer.Close())
}
