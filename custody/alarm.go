package custody

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/sijil-health/sijil/verify"
)

// Alarm is something an owner did, or a disk, that only a fault or a fraud explains. It stays until the custodian's disk is gone.
type Alarm struct {
	Owner  verify.OrgID `json:"owner" cbor:"-"`
	Code   string       `json:"code" cbor:"-"`            // conflict, skipped, repeated, tag-reuse, root, vouched, damage
	Entry  uint64       `json:"entry" cbor:"-"`           // number of the first entry concerned, in the owner's journal
	Detail string       `json:"detail" cbor:"1,keyasint"` // a sentence
	First  int64        `json:"first" cbor:"2,keyasint"`  // Unix milliseconds
	Last   int64        `json:"last" cbor:"3,keyasint"`   // Unix milliseconds
	Count  uint64       `json:"count" cbor:"4,keyasint"`
}

// maxAlarms bounds the different alarms kept of one owner: an owner must not fill the disk with its own misdeeds.
const maxAlarms = 1024

// raise records an alarm durably. The same one again only counts up.
func (b *book) raise(owner verify.OrgID, code string, entry uint64, detail string) error {
	b.alarms.Lock()
	defer b.alarms.Unlock()
	key := alarmKey(owner, code, entry)
	now := time.Now().UnixMilli()
	a := Alarm{Detail: detail, First: now}
	found, err := b.get(key, &a)
	if err != nil {
		return err
	}
	if !found {
		known, err := b.alarmsOf(owner)
		if err != nil || len(known) >= maxAlarms {
			return err
		}
	}
	a.Last = now
	a.Count++
	if err := b.writable(); err != nil {
		return err
	}
	return b.failure("write", b.db.Set(key, must(wireEnc.Marshal(a)), pebble.Sync))
}

// alarmsOf lists the alarms of one owner.
func (b *book) alarmsOf(owner verify.OrgID) ([]Alarm, error) {
	var all []Alarm
	prefix := bookKey(keyAlarm, owner)
	err := b.each(prefix, func(key, value []byte) error {
		rest := key[len(prefix):]
		if len(rest) < 8 {
			return fmt.Errorf("custody: malformed alarm key")
		}
		a := Alarm{Owner: owner, Code: string(rest[:len(rest)-8]), Entry: binary.BigEndian.Uint64(rest[len(rest)-8:])}
		if err := wireDec.Unmarshal(value, &a); err != nil {
			return err
		}
		all = append(all, a)
		return nil
	})
	return all, err
}

func alarmKey(owner verify.OrgID, code string, entry uint64) []byte {
	return binary.BigEndian.AppendUint64(append(bookKey(keyAlarm, owner), code...), entry)
}

// get reads a CBOR value.
func (b *book) get(key []byte, into any) (found bool, err error) {
	value, closer, err := b.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, b.failure("read", err)
	}
	err = wireDec.Unmarshal(value, into)
	return true, errors.Join(err, closer.Close())
}

// each walks the keys with a prefix in order. Key and value are valid until fn returns.
func (b *book) each(prefix []byte, fn func(key, value []byte) error) error {
	return b.between(prefix, after(prefix), fn)
}

// between walks the keys from low on and below high.
func (b *book) between(low, high []byte, fn func(key, value []byte) error) (err error) {
	it, err := b.db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return b.failure("read", err)
	}
	defer func() { // an iterator that met damage says so once more when it is closed
		if closing := it.Close(); err == nil {
			err = b.failure("read", closing)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return b.failure("read", err)
		}
		if err := fn(it.Key(), value); err != nil {
			return err
		}
	}
	return b.failure("read", it.Error())
}

// after is the least key greater than all that begin with prefix, none of which is all 0xff.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}
