package record

import (
	"crypto/rand"
	"errors"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// sealEntry seals an entry under its chart's log key:
//
//	salt[32] ‖ entry (CBOR)
//
// The vault pads it, so that its length does not tell what it records.
func (s *Store) sealEntry(key *vault.Key, e *verify.Entry, blobs []verify.Hash) (journal.Entry, error) {
	body := e.Encode()
	plain := make([]byte, 32, 32+len(body))
	if _, err := rand.Read(plain); err != nil {
		return journal.Entry{}, err
	}
	salt := [32]byte(plain)
	plain = append(plain, body...)
	sealed, commitment, err := key.SealEntry(e.Number, plain)
	if err != nil {
		return journal.Entry{}, err
	}
	return journal.Entry{
		Tag:      key.Tag(e.Number),
		Key:      commitment,
		Commit:   verify.Commit(&salt, body),
		Envelope: journal.Envelope(blobs, sealed),
		Guide:    s.vault.Guide(key.Slot(), e.Number),
	}, nil
}

// opened is an entry in the clear with all that its leaf is made of.
type opened struct {
	entry *verify.Entry
	body  []byte
	salt  [32]byte
	from  *journal.Entry
	at    uint64 // journal number
}

var (
	errEntry  = errors.New("entry does not open: its journal record is damaged or not this node's")
	errErased = errors.New("the key of the entry's chart was erased")
)

// openEntry opens an entry of this node's journal and checks that it is the one its tag names.
func (s *Store) openEntry(from *journal.Entry, at uint64) (*opened, error) {
	slot, number := s.vault.OpenGuide(from.Guide)
	key, _, _, ok := s.vault.Slot(slot)
	if !ok {
		return nil, errErased
	}
	if key.Tag(number) != from.Tag {
		return nil, errEntry
	}
	_, sealed, err := from.Open()
	if err != nil {
		return nil, err
	}
	plain, err := key.OpenEntry(number, sealed, from.Key)
	if err != nil {
		return nil, err
	}
	o := &opened{from: from, at: at}
	if len(plain) < len(o.salt) {
		return nil, errEntry
	}
	o.body = plain[copy(o.salt[:], plain):]
	if verify.Commit(&o.salt, o.body) != from.Commit {
		return nil, errEntry
	}
	if o.entry, err = verify.DecodeEntry(o.body); err != nil {
		return nil, err
	}
	if o.entry.Number != number {
		return nil, errEntry
	}
	return o, nil
}
