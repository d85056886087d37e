package subscription

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// book is what is remembered of Subscriptions over a restart: how far the record was followed, what of each Subscription was found and told, and
// the secrets. It names no patient and no resource: an event is the number of a journal entry. It can be removed while the node is stopped; every Subscription
// then ends in error, so that its owner knows that events may be missing.
type book struct {
	db    *pebble.DB
	cache *pebble.Cache
	seal  cipher.AEAD
}

// The first byte of a key; the Subscription's id follows.
const (
	keyPosition = 'p' // alone → journal entry, u64be: all before it was looked at
	keyTally    = 't' // → tally
	keyTold     = 'd' // → number of the last event that was told, u64be
	keyEvent    = 'e' // ‖ 0 ‖ u64be number → event
	keySecret   = 'k' // → sealed secret
)

const (
	bookCache    = 1 << 20
	bookMemTable = 1 << 20
)

// openWhole opens the book. One that does not open is put aside and begun anew: that subscribers have to begin again must not keep a node from starting.
func openWhole(dir string, key []byte, log *slog.Logger) (*book, error) {
	b, err := openBook(dir, key, log)
	if err == nil {
		return b, nil
	}
	aside := fmt.Sprintf("%s.damaged-%d", dir, time.Now().Unix())
	log.Error("the book of subscriptions does not open; it is put aside, and every subscription ends in error", "aside", aside, "error", err)
	if renamed := os.Rename(dir, aside); renamed != nil {
		return nil, errors.Join(err, renamed)
	}
	return openBook(dir, key, log)
}

func openBook(dir string, key []byte, log *slog.Logger) (_ *book, err error) {
	defer func() {
		if r := recover(); r != nil { // Pebble's way to say that files contradict one another
			err = fmt.Errorf("subscription: %s is damaged: %v", dir, r)
		}
	}()
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("subscription: %w", err)
	}
	b := &book{cache: pebble.NewCache(bookCache)}
	if b.seal, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("subscription: %w", err)
	}
	b.db, err = pebble.Open(dir, &pebble.Options{
		Cache: b.cache, MemTableSize: bookMemTable, MemTableStopWritesThreshold: 4, MaxOpenFiles: 32, Logger: quiet{log},
		FormatMajorVersion:         pebble.FormatNewest, // above FormatWALSyncChunks: a torn tail is told from damage
		CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
		EventListener: &pebble.EventListener{DataCorruption: func(i pebble.DataCorruptionInfo) { // the default ends the process
			log.Error("the book of subscriptions is damaged; stop the node, remove its directory and start again", "dir", dir, "error", i.Details)
		}},
	})
	if err != nil {
		b.cache.Unref()
		return nil, fmt.Errorf("subscription: %w", err)
	}
	return b, nil
}

// quiet keeps what Pebble says of itself out of the node's log, but for errors.
type quiet struct{ log *slog.Logger }

func (quiet) Infof(string, ...any) {}
func (q quiet) Errorf(format string, args ...any) {
	q.log.Warn("subscriptions' book", "says", fmt.Sprintf(format, args...))
}
func (q quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (b *book) close() error {
	err := b.db.Close()
	b.cache.Unref()
	return err
}

// event is one thing that a Subscription is told of.
type event struct {
	number uint64 // from 1, in the Subscription
	entry  uint64 // of the journal, that brought it
	at     time.Time
}

// tally counts the events of a Subscription.
type tally struct {
	From  uint64 `json:"from"`  // the journal entry that it begins behind
	Count uint64 `json:"count"` // events so far
	First uint64 `json:"first"` // the oldest that is kept
}

func bookKey(kind byte, id string) []byte { return append([]byte{kind}, id...) }

func eventKey(id string, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(bookKey(keyEvent, id), 0), number)
}

// get reads a value; nil where there is none.
func (b *book) get(key []byte) ([]byte, error) {
	v, closer, err := b.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("subscription: %w", err)
	}
	out := append([]byte{}, v...)
	return out, closer.Close()
}

func (b *book) number(key []byte) (n uint64, ok bool, err error) {
	v, err := b.get(key)
	if err != nil || len(v) != 8 {
		return 0, false, err
	}
	return binary.BigEndian.Uint64(v), true, nil
}

func (b *book) position() (uint64, bool, error) { return b.number([]byte{keyPosition}) }

func (b *book) tally(id string) (t tally, ok bool, err error) {
	v, err := b.get(bookKey(keyTally, id))
	if v == nil || err != nil {
		return t, false, err
	}
	return t, true, json.Unmarshal(v, &t)
}

// told gives the last event that was told.
func (b *book) told(id string) (uint64, error) {
	n, _, err := b.number(bookKey(keyTold, id))
	return n, err
}

// tell notes that events up to a number were told. It is not forced to the disk: an event may be told again.
func (b *book) tell(id string, number uint64) error {
	return b.db.Set(bookKey(keyTold, id), binary.BigEndian.AppendUint64(nil, number), pebble.NoSync)
}

// events gives at most limit events from a number on.
func (b *book) events(id string, from uint64, limit int) (list []event, err error) {
	it, err := b.db.NewIter(&pebble.IterOptions{LowerBound: eventKey(id, from), UpperBound: append(bookKey(keyEvent, id), 1)})
	if err != nil {
		return nil, fmt.Errorf("subscription: %w", err)
	}
	for ok := it.First(); ok && len(list) < limit; ok = it.Next() {
		k, v := it.Key(), it.Value()
		if len(v) != 16 {
			return nil, errors.Join(errors.New("subscription: an event of the book is damaged"), it.Close())
		}
		list = append(list, event{
			number: binary.BigEndian.Uint64(k[len(k)-8:]), entry: binary.BigEndian.Uint64(v), at: time.UnixMilli(int64(binary.BigEndian.Uint64(v[8:]))).UTC(),
		})
	}
	return list, it.Close()
}

// batch is one step of following: what it found, and how far it came.
type batch struct {
	*pebble.Batch
	grown map[*line]tally
}

func (b *book) batch() *batch { return &batch{b.db.NewBatch(), map[*line]tally{}} }

// add notes an event, and forgets the oldest where there are more than are kept.
func (t *batch) add(l *line, entry uint64, at time.Time, keep int) error {
	c, ok := t.grown[l]
	if !ok {
		c = l.counted()
	}
	c.Count++
	v := binary.BigEndian.AppendUint64(nil, entry)
	err := t.Set(eventKey(l.id, c.Count), binary.BigEndian.AppendUint64(v, uint64(at.UnixMilli())), nil)
	for ; err == nil && c.Count-c.First >= uint64(keep); c.First++ {
		err = t.Delete(eventKey(l.id, c.First), nil)
	}
	t.grown[l] = c
	return err
}

// commit makes the step durable, if there is anything in it that a second look would not find again.
func (t *batch) commit(position uint64) error {
	for l, c := range t.grown {
		v, err := json.Marshal(c)
		if err == nil {
			err = t.Set(bookKey(keyTally, l.id), v, nil)
		}
		if err != nil {
			return err
		}
	}
	if err := t.Set([]byte{keyPosition}, binary.BigEndian.AppendUint64(nil, position), nil); err != nil {
		return err
	}
	how := pebble.NoSync
	if len(t.grown) > 0 {
		how = pebble.Sync
	}
	return t.Commit(how)
}

// begin notes a Subscription that was not known.
func (b *book) begin(id string, t tally) error {
	v, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return b.db.Set(bookKey(keyTally, id), v, pebble.Sync)
}

// forget removes all of a Subscription.
func (b *book) forget(id string) error {
	t := b.db.NewBatch()
	var err error
	for _, kind := range []byte{keyTally, keyTold, keySecret} {
		err = errors.Join(err, t.Delete(bookKey(kind, id), nil))
	}
	err = errors.Join(err, t.DeleteRange(append(bookKey(keyEvent, id), 0), append(bookKey(keyEvent, id), 1), nil))
	return errors.Join(err, t.Commit(pebble.Sync))
}

// secret opens that of a Subscription; nil where there is none.
func (b *book) secret(id string) ([]byte, error) {
	v, err := b.get(bookKey(keySecret, id))
	if v == nil || err != nil {
		return nil, err
	}
	s, err := b.seal.Open(nil, nil, v, []byte(id))
	if err != nil {
		return nil, errors.New("subscription: a secret of the book does not open")
	}
	return s, nil
}

func (b *book) setSecret(id string, secret []byte) error {
	return b.db.Set(bookKey(keySecret, id), b.seal.Seal(nil, nil, secret, []byte(id)), pebble.Sync)
}
