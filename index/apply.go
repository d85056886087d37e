package index

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Update is a new version of a resource with the terms it is found by; a deletion has none.
type Update struct {
	Type, ID string
	Version  Version
	Terms    []Term
	Unread   bool // its content could not be read, so that its terms are not known; see Unread
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
	x.write.Lock()
	defer x.write.Unlock()
	w := x.db.NewIndexedBatch()
	defer w.Close()
	run, err := x.addRecords(w, b.Records)
	if err != nil {
		return err
	}
	if err := count(w, b.Entries); err != nil {
		return err
	}
	reached, err := x.Position()
	if err != nil {
		return err
	}
	again := len(b.Records) == 0 || b.Records[0].Entry < reached.Entry
	for i := range b.Updates {
		// A first version replaces nothing, and so needs not be looked for, unless it may be in already.
		if u := &b.Updates[i]; u.Version.Number == 1 && !again {
			err = x.install(w, u, u.Version.Entry)
		} else {
			err = x.put(w, u)
		}
		if err := errors.Join(err, change(w, &b.Updates[i])); err != nil {
			return err
		}
	}
	if b.Position.Entry > reached.Entry {
		position, err := b.Position.MarshalBinary()
		if err != nil {
			return err
		}
		if err := w.Set([]byte{famPosition}, position, nil); err != nil {
			return err
		}
	}
	if err := w.Commit(pebble.NoSync); err != nil {
		return err
	}
	x.run = run
	return nil
}

// put makes a version the current one, files the one before under its number, and exchanges what the resource is found by.
func (x *Index) put(w *pebble.Batch, u *Update) error {
	current := keyOf(famCurrent, u.Type, u.ID)
	old, err := fetch(w, current)
	if err != nil || old == nil {
		return errors.Join(err, x.install(w, u, u.Version.Entry))
	}
	was, ok := decodeVersion(u.ID, old)
	if !ok {
		return damaged("version")
	}
	if was.Number > u.Version.Number { // seen before
		v := u.Version
		v.Row = was.Row
		return w.Set(versionKey(u.Type, u.ID, v.Number), v.encode(u.ID), nil)
	}
	if was.Number < u.Version.Number {
		if err := w.Set(versionKey(u.Type, u.ID, was.Number), old, nil); err != nil {
			return err
		}
	}
	if err := errors.Join(drop(w, u.Type, was.Row), w.Delete(keyOf(famUnread, u.Type, u.ID), nil)); err != nil {
		return err
	}
	return x.install(w, u, was.Row)
}

// install makes a version the current one of a resource that nothing finds.
func (x *Index) install(w *pebble.Batch, u *Update, row uint64) error {
	v := u.Version
	v.Row = row
	if err := w.Set(keyOf(famCurrent, u.Type, u.ID), v.encode(u.ID), nil); err != nil || v.Deleted {
		return err
	}
	o := x.objectOf(u)
	for m := range slices.Chunk(o.marks, len(mark{})) {
		if err := w.Set(termKey(mark(m), row), nil, nil); err != nil {
			return err
		}
	}
	if u.Unread {
		if err := w.Set(keyOf(famUnread, u.Type, u.ID), nil, nil); err != nil {
			return err
		}
	}
	return w.Set(objectKey(u.Type, row), o.encode(), nil)
}

// drop takes away what a resource is found by.
func drop(w *pebble.Batch, typ string, row uint64) error {
	key := objectKey(typ, row)
	kept, err := fetch(w, key)
	if err != nil || kept == nil {
		return err
	}
	o, ok := decodeObject(kept)
	if !ok {
		return damaged("terms")
	}
	for m := range slices.Chunk(o.marks, len(mark{})) {
		if err := w.Delete(termKey(mark(m), row), nil); err != nil {
			return err
		}
	}
	return w.Delete(key, nil)
}

// fetch copies a row; nil when there is none.
func fetch(r pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, classify(err)
	}
	return append(make([]byte, 0, len(value)), value...), closer.Close()
}
