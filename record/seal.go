package record

import (
	"errors"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// sealEntry seals the stored form of an entry under its chart's log key. In the envelope the commitments to the content it brings stand before
// the seal:
//
//	(source[32] ‖ served[32])* ‖ sealed
//
// The vault pads what is sealed, so that its length does not tell what it records. The salt of the commitment follows from the key, as
// the tag does: it need not be stored, and a salt that a receipt shows tells nothing of any other.
func (s *Store) sealEntry(key *vault.Key, e *verify.Entry, blobs []verify.Hash) (journal.Entry, error) {
	body := e.Encode()
	outside := besideOf(e.Targets, blobs)
	sealed, commitment, err := key.SealEntry(e.Number, outside.store(e, body))
	if err != nil {
		return journal.Entry{}, err
	}
	salt, err := key.Salt(e.Number)
	if err != nil {
		return journal.Entry{}, err
	}
	return journal.Entry{
		Tag:      key.Tag(e.Number),
		Key:      commitment,
		Commit:   verify.Commit(&salt, body),
		Envelope: journal.Envelope(blobs, append(outside.commitments, sealed...)),
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
	errNoKey  = errors.New("its key is missing from the key store, and no erasure explains that")
)

// noKey tells why there is no key of a number: it was erased, for which the caller has an error of its own, or it was lost, which is damage.
func (s *Store) noKey(slot uint64, erased error) error {
	if s.vault.Missing(slot) {
		return errNoKey
	}
	return erased
}

// openEntry opens an entry of this node's journal and checks that it is the one its tag names.
func (s *Store) openEntry(from *journal.Entry, at uint64) (*opened, error) {
	slot, number := s.vault.OpenGuide(from.Guide)
	key, _, _, ok := s.vault.Slot(slot)
	if !ok {
		return nil, s.noKey(slot, errErased)
	}
	if key.Tag(number) != from.Tag {
		return nil, errEntry
	}
	blobs, sealed, err := from.Open()
	if err != nil {
		return nil, err
	}
	n := besideSize * len(blobs)
	if len(sealed) < n {
		return nil, errEntry
	}
	stored, err := key.OpenEntry(number, sealed[n:], from.Key)
	if err != nil {
		return nil, err
	}
	o := &opened{from: from, at: at}
	outside := beside{blobs, sealed[:n]}
	if o.entry, err = outside.restore(stored, s.Org, number); err != nil {
		return nil, err
	}
	if o.salt, err = key.Salt(number); err != nil {
		return nil, err
	}
	if o.body = o.entry.Encode(); verify.Commit(&o.salt, o.body) != from.Commit {
		return nil, errEntry
	}
	if o.entry.Number != number {
		return nil, errEntry
	}
	return o, nil
}
