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
//	content[32]* ‖ sealed
//
// The vault pads what is sealed, so that its length does not tell what it records. r is the record that it goes into. The salt of the commitment follows from the key, as
// the tag does: it need not be stored, and a salt that a receipt shows tells nothing of any other.
func (s *Store) sealEntry(key *vault.Key, e *verify.Entry, blobs []verify.Hash, r *journal.Record) (journal.Entry, error) {
	_, chart, _, ok := s.vault.Slot(key.Slot())
	if !ok {
		return journal.Entry{}, errErased
	}
	body := e.Encode()
	k := known{s.Org, chart, key.Slot(), e.Number, r.Time, besideOf(e.Targets, blobs)}
	sealed, commitment, err := key.SealEntry(e.Number, k.store(e, body))
	if err != nil {
		return journal.Entry{}, err
	}
	salt, err := key.Salt(e.Number)
	if err != nil {
		return journal.Entry{}, err
	}
	tag := key.Tag(e.Number)
	guide, err := s.vault.Guide(tag, key.Slot(), e.Number)
	if err != nil {
		return journal.Entry{}, err
	}
	return journal.Entry{
		Tag:      tag,
		Bind:     verify.Bind(commitment, verify.Commit(&salt, body)),
		Envelope: journal.Envelope(blobs, append(k.commitments, sealed...)),
		Guide:    guide,
	}, nil
}

// opened is an entry in the clear with all that its leaf is made of.
type opened struct {
	entry *verify.Entry
	body  []byte
	salt  [32]byte
	key   verify.Hash // commitment to the key it was sealed under
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

// openEntry opens entry number `at` of this node's journal, which r has, and checks that it is the one its tag names.
func (s *Store) openEntry(r *journal.Record, at uint64) (*opened, error) {
	o := &opened{from: &r.Entries[at-r.First], at: at}
	slot, number := s.vault.OpenGuide(o.from.Tag, o.from.Guide)
	key, chart, _, ok := s.vault.Slot(slot)
	if !ok {
		return nil, s.noKey(slot, errErased)
	}
	if key.Tag(number) != o.from.Tag {
		return nil, errEntry
	}
	blobs, sealed, err := o.from.Open()
	if err != nil {
		return nil, err
	}
	n := besideSize * len(blobs)
	if len(sealed) < n {
		return nil, errEntry
	}
	k := known{s.Org, chart, slot, number, r.Time, beside{blobs, sealed[:n]}}
	var stored []byte
	if stored, o.key, err = key.OpenEntry(number, sealed[n:]); err != nil {
		return nil, err
	}
	if o.entry, err = k.restore(stored); err != nil {
		return nil, err
	}
	if o.salt, err = key.Salt(number); err != nil {
		return nil, err
	}
	// Only now is it known that the entry was sealed to this key, and says what its leaf stands for.
	if o.body = o.entry.Encode(); verify.Bind(o.key, verify.Commit(&o.salt, o.body)) != o.from.Bind {
		return nil, errEntry
	}
	if o.entry.Number != number {
		return nil, errEntry
	}
	return o, nil
}
