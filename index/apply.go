package index

import (
	"encoding/binary"
	"errors"
	"strings"

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
	reached, err := x.Position()
	if err != nil {
		return err
	}
	again := len(b.Records) == 0 || b.Records[0].Entry < reached.Entry
	for i := range b.Updates {
		// A first version replaces nothing, and so needs not be looked for, unless it may be in already.
		if u := &b.Updates[i]; u.Version.Number == 1 && !again {
			err = install(w, u)
		} else {
			err = put(w, u)
		}
		if err != nil {
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
	return w.Commit(pebble.NoSync)
}

func count(w *pebble.Batch, e *Counted) error {
	if err := w.Set(entryKey(e.Chart, e.Number), binary.AppendUvarint(nil, e.Entry), nil); err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint64(make([]byte, 0, 40), e.Number+1)
	return w.Set(keyOf(famChart, e.Chart), append(head, e.Leaf[:]...), nil)
}

// put makes a version the current one, files the one before under its number, and exchanges the resource's terms. The terms are kept beside
// the resource, so that the next version can take them away without opening the old content.
func put(w *pebble.Batch, u *Update) error {
	value, current := u.Version.encode(), keyOf(famCurrent, u.Type, u.ID)
	old, err := fetch(w, current)
	if err != nil {
		return err
	}
	if old != nil {
		was, ok := decodeVersion(old)
		if !ok {
			return damaged("version")
		}
		if was.Number > u.Version.Number { // seen before
			return w.Set(versionKey(u.Type, u.ID, u.Version.Number), value, nil)
		}
		if was.Number < u.Version.Number {
			if err := w.Set(versionKey(u.Type, u.ID, was.Number), old, nil); err != nil {
				return err
			}
		}
		if err := dropTerms(w, u); err != nil {
			return err
		}
	}
	return install(w, u)
}

// install makes a version the current one, where none is.
func install(w *pebble.Batch, u *Update) error {
	if err := w.Set(keyOf(famCurrent, u.Type, u.ID), u.Version.encode(), nil); err != nil || u.Version.Deleted {
		return err
	}
	if u.Unread {
		return w.Set(keyOf(famUnread, u.Type, u.ID), nil, nil)
	}
	return addTerms(w, u)
}

func addTerms(w *pebble.Batch, u *Update) error {
	var kept []byte
	for _, t := range u.Terms {
		t.Value = strings.ToValidUTF8(t.Value, "\uFFFD")
		for _, form := range forms(t) {
			if err := w.Set(termKey(u.Type, u.ID, form), nil, nil); err != nil {
				return err
			}
		}
		kept = t.append(kept)
	}
	return w.Set(keyOf(famTerms, u.Type, u.ID), kept, nil)
}

func dropTerms(w *pebble.Batch, u *Update) error {
	key := keyOf(famTerms, u.Type, u.ID)
	kept, err := fetch(w, key)
	if err != nil {
		return err
	}
	if kept == nil {
		return w.Delete(keyOf(famUnread, u.Type, u.ID), nil)
	}
	for len(kept) > 0 {
		var t Term
		var ok bool
		if t, kept, ok = takeTerm(kept); !ok {
			return damaged("terms")
		}
		for _, form := range forms(t) {
			if err := w.Delete(termKey(u.Type, u.ID, form), nil); err != nil {
				return err
			}
		}
	}
	return w.Delete(key, nil)
}

// fetch copies a row; nil when there is none.
func fetch(w *pebble.Batch, key []byte) ([]byte, error) {
	value, closer, err := w.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(value)), value...), closer.Close()
}

// append adds the term as it is kept beside its resource: uvarint length ‖ param ‖ kind ‖ (lo[8] ‖ hi[8] of a date | uvarint length ‖ value).
func (t *Term) append(b []byte) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(t.Param))), t.Param...)
	b = append(b, byte(t.Kind))
	if t.Kind == Date {
		return appendInt(appendInt(b, t.Lo), t.Hi)
	}
	value := pack(t.Value)
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

func takeTerm(b []byte) (t Term, rest []byte, ok bool) {
	if t.Param, b, ok = takeString(b); !ok || len(b) == 0 {
		return t, nil, false
	}
	if t.Kind, b = Kind(b[0]), b[1:]; t.Kind != Date {
		if t.Value, b, ok = takeString(b); ok {
			t.Value, ok = unpack([]byte(t.Value))
		}
		return t, b, ok
	}
	if len(b) < 16 {
		return t, nil, false
	}
	t.Lo, t.Hi = readInt(b), readInt(b[8:])
	return t, b[16:], true
}

func takeString(b []byte) (s string, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return "", nil, false
	}
	return string(b[w : w+int(n)]), b[w+int(n):], true
}
