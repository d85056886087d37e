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
	alarms sync.Mutex // held while an alarm is counted
}

// The first byte of a key; the owner follows.
const (
	keyAlarm = 'a'
	keyPage  = 'p' // ‖ u64be number → u64be version ‖ sealed bytes
	keyTally = 's'
	keyTag   = 't' // ‖ tag → place
	keyVoid  = 'w' // ‖ u64be number ‖ leaf of an entry that was withdrawn
)

// The book's share of memory is small: tags are random, so a cache of blocks would not help them, and Bloom filters, which
// do, are cached first.
const (
	bookCache    = 8 << 20
	bookMemTable = 4 << 20
)

func openBook(dir string) (*book, error) {
	cache := pebble.NewCache(bookCache)
	opts := &pebble.Options{
		Cache:                       cache,
		MemTableSize:                bookMemTable,
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                128,
		FormatMajorVersion:          pebble.FormatNewest, // above FormatWALSyncChunks: a torn tail is told from damage
		Logger:                      quiet{},
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		cache.Unref()
		return nil, fmt.Errorf("custody: open %s: %w", dir, err)
	}
	return &book{db: db, cache: cache}, nil
}

func (b *book) close() error {
	err := b.db.Close()
	b.cache.Unref()
	return err
}

// quiet discards the store's own remarks; its errors are returned. A fatal one is damage nothing can go on with.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf("custody: book: "+format, a...)) }

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
		return p, false, fmt.Errorf("custody: read the book: %w", err)
	}
	p, err = decodePlace(value)
	return p, err == nil, errors.Join(err, closer.Close())
}
