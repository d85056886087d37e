package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Change names a version of a resource, and the journal entry that wrote it.
type Change struct {
	Type, ID string
	Number   uint64
	Entry    uint64
}

// Changes gives at most limit versions of resources of some types, newest first, from the one before entry `before` on (0: from the newest).
func (x *Index) Changes(types []string, before uint64, limit int) ([]Change, error) {
	var list []Change
	for _, typ := range types {
		of, err := x.changesOf(typ, before, limit)
		if err != nil {
			return nil, err
		}
		list = append(list, of...)
	}
	slices.SortFunc(list, func(a, b Change) int { return cmp.Compare(b.Entry, a.Entry) })
	return list[:min(len(list), limit)], nil
}

func (x *Index) changesOf(typ string, before uint64, limit int) (list []Change, err error) {
	first := changesKey(typ)
	end := after(first)
	if before > 0 {
		end = changeKey(typ, before)
	}
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: end})
	if err != nil {
		return nil, classify(err)
	}
	for ok := it.Last(); ok && len(list) < limit; ok = it.Prev() {
		c := Change{Type: typ}
		if !c.decode(it.Key(), it.Value()) {
			return nil, errors.Join(damaged("change"), it.Close())
		}
		list = append(list, c)
	}
	return list, errors.Join(it.Error(), it.Close())
}

// change notes that a version was written. What is noted already stays as it is.
func change(w *pebble.Batch, u *Update) error {
	value := appendPacked(binary.AppendUvarint(nil, u.Version.Number), u.ID)
	return w.Set(changeKey(u.Type, u.Version.Entry), value, nil)
}

func (c *Change) decode(key, value []byte) bool {
	var ok bool
	if c.Entry, ok = rowOf(key); !ok {
		return false
	}
	n, w := binary.Uvarint(value)
	if w <= 0 {
		return false
	}
	c.Number = n
	c.ID, ok = unpack(value[w:])
	return ok
}

// changesKey begins the keys of all versions of a type.
func changesKey(typ string) []byte { return append(keyOf(famChange, typ), 0) }

func changeKey(typ string, entry uint64) []byte { return appendRow(changesKey(typ), entry) }
