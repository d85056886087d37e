package index

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sijil-health/sijil/journal"
)

// Ref names a resource.
type Ref struct{ Type, ID string }

// Unread lists at most limit resources whose terms are not known because their content could not be read, in the order of their keys, from the
// one after `from` on. They are found by id and by their time alone. typ limits it to one type; "" is all.
func (x *Index) Unread(typ string, from Ref, limit int) (list []Ref, err error) {
	prefix := []byte{famUnread}
	if typ != "" {
		prefix = append(keyOf(famUnread, typ), 0)
	}
	lower := prefix
	if from != (Ref{}) {
		lower = append(keyOf(famUnread, from.Type, from.ID), 0)
	}
	err = x.scan(lower, after(prefix), func(key, _ []byte) (bool, error) {
		of, id, ok := bytes.Cut(key[1:], []byte{0})
		name, whole := unpack(id)
		if !ok || !whole {
			return false, damaged("resource that was not read")
		}
		list = append(list, Ref{Type: string(of), ID: name})
		return len(list) < limit, nil
	})
	return list, err
}

// Read adds the terms of a version that could not be read before. It does nothing when another version has become the current one meanwhile, or
// its terms are known.
func (x *Index) Read(typ, id string, number uint64, terms []Term) error {
	x.write.Lock()
	defer x.write.Unlock()
	w := x.db.NewIndexedBatch()
	defer w.Close()
	unread := keyOf(famUnread, typ, id)
	row, err := fetch(w, unread)
	if err != nil || row == nil {
		return err
	}
	now, err := x.Current(typ, id)
	if err != nil || now.Number != number {
		return err
	}
	if err := errors.Join(w.Delete(unread, nil), drop(w, typ, now.Row)); err != nil {
		return err
	}
	if err := x.install(w, &Update{Type: typ, ID: id, Version: now, Terms: terms}, now.Row); err != nil {
		return err
	}
	return w.Commit(pebble.NoSync)
}

// ErrOutdated is returned by Agree. Remove the index and let it be made anew.
var ErrOutdated = errors.New("index: its terms were made by other rules")

// Agree holds the rules by which terms are made now, in any form that differs when they do, against those that this index was made by; an empty
// index takes them over. By other rules what is stored is not found by what is new in them: ErrOutdated.
func (x *Index) Agree(rules []byte) error {
	x.write.Lock()
	defer x.write.Unlock()
	at, err := x.Position()
	if err != nil {
		return err
	}
	if at == (journal.Cursor{}) {
		return x.db.Set([]byte{famRules}, rules, pebble.NoSync)
	}
	made, err := x.get([]byte{famRules})
	if errors.Is(err, ErrNotFound) || err == nil && !bytes.Equal(made, rules) {
		return ErrOutdated
	}
	return err
}
