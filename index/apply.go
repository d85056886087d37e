package index

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Update is a new version of a resource with the terms it is found by; a deletion has none.
type Update struct {
	Type, ID string
	Version  Version
	Terms    []Term
}

// Counted is an entry's place in its chart.
type Counted struct {
	Chart  string
	Number uint64
	Leaf   verify.Hash
	Entry  uint64 // journal number
}

// Batch is what a run of journal records adds to the index.
type Batch struct {
	Records  []journal.Cursor // of each record
	Entries  []Counted
	Updates  []Update
	Position journal.Cursor // where to follow on
}

// Apply adds a batch as one. Applying records again that are already in changes nothing; a version older than the current one
// changes neither the current one nor its terms.
func (x *Index) Apply(b *Batch) error {
	w := x.db.NewIndexedBatch()
	defer w.Close()
	for _, c := range b.Records {
		value := binary.AppendUvarint(nil, uint64(c.Segment))
		if err := w.Set(recordKey(c.Entry), binary.AppendUvarint(value, uint64(c.Offset)), nil); err != nil {
			return err
		}
	}
	for i := range b.Entries {
		if err := count(w, &b.Entries[i]); err != nil {
			return err
		}
	}
	for i := range b.Updates {
		if err := put(w, &b.Updates[i]); err != nil {
			return err
		}
	}
	position, err := b.Position.MarshalBinary()
	if err != nil {
		return err
	}
	if err := w.Set([]byte{famPosition}, position, nil); err != nil {
		return err
	}
	return w.Commit(pebble.NoSync)
}

func count(w *pebble.Batch, e *Counted) error {
	if err := w.Set(entryKey(e.Chart, e.Number), binary.AppendUvarint(nil, e.Entry), nil); err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint64(make([]byte, 0, 40), e.Number+1)
	return w.Set(keyOf(famChart, e.Chart), append(head, e.Leaf[:]...), nil)
}

// put writes the version and exchanges the resource's terms. The keys of the terms are kept beside the resource, so that
// the next version can take them away without opening the old content.
func put(w *pebble.Batch, u *Update) error {
	value := u.Version.encode()
	if err := w.Set(versionKey(u.Type, u.ID, u.Version.Number), value, nil); err != nil {
		return err
	}
	newer, err := currentIsNewer(w, u)
	if err != nil || newer {
		return err
	}
	if err := w.Set(keyOf(famCurrent, u.Type, u.ID), value, nil); err != nil {
		return err
	}
	termsKey := keyOf(famTerms, u.Type, u.ID)
	if u.Version.Number > 1 {
		if err := dropTerms(w, termsKey); err != nil {
			return err
		}
	}
	if u.Version.Deleted {
		return w.Delete(termsKey, nil)
	}
	var kept []byte
	for _, t := range u.Terms {
		for _, form := range forms(t) {
			key := termKey(u.Type, u.ID, form)
			kept = append(binary.AppendUvarint(kept, uint64(len(key))), key...)
			if err := w.Set(key, nil, nil); err != nil {
				return err
			}
		}
	}
	return w.Set(termsKey, kept, nil)
}

// currentIsNewer tells whether the resource has a later version than the update's already.
func currentIsNewer(w *pebble.Batch, u *Update) (bool, error) {
	value, closer, err := w.Get(keyOf(famCurrent, u.Type, u.ID))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v, ok := decodeVersion(value)
	if err := closer.Close(); err != nil {
		return false, err
	}
	if !ok {
		return false, damaged("version")
	}
	return v.Number > u.Version.Number, nil
}

func dropTerms(w *pebble.Batch, termsKey []byte) error {
	value, closer, err := w.Get(termsKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	kept := append([]byte(nil), value...)
	if err := closer.Close(); err != nil {
		return err
	}
	for len(kept) > 0 {
		n, s := binary.Uvarint(kept)
		if s <= 0 || n > uint64(len(kept)-s) {
			return damaged("terms")
		}
		if err := w.Delete(kept[s:s+int(n)], nil); err != nil {
			return err
		}
		kept = kept[s+int(n):]
	}
	return nil
}
