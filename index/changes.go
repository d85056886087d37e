package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
)

// Change names a version of a resource, and the journal entry that wrote it.
type Change struct {
	Type, ID string
	Number   uint64
	Entry    uint64
}

// Changes gives at most limit versions of resources of some types, newest first, from the one before entry `before` on (0: from the newest).
func (x *Index) Changes(types []string, before uint64, limit int) (list []Change, err error) {
	runs := make([]rows.Range, len(types))
	for i, typ := range types {
		runs[i] = rows.Range{From: x.changesKey(typ), To: after(x.changesKey(typ)), Limit: limit, Reverse: true}
		if before > 0 {
			runs[i].To = x.changeKey(typ, before)
		}
	}
	if list, err = x.changes(context.Background(), types, runs); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Change) int { return cmp.Compare(b.Entry, a.Entry) })
	return list[:min(len(list), limit)], nil
}

// ChangesFrom gives at most limit versions of resources of some types, in the order in which they were written, from a journal entry on.
func (x *Index) ChangesFrom(ctx context.Context, types []string, from uint64, limit int) (list []Change, err error) {
	runs := make([]rows.Range, len(types))
	for i, typ := range types {
		runs[i] = rows.Range{From: x.changeKey(typ, from), To: after(x.changesKey(typ)), Limit: limit}
	}
	if list, err = x.changes(ctx, types, runs); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Change) int { return cmp.Compare(a.Entry, b.Entry) })
	return list[:min(len(list), limit)], nil
}

// changes gives what stands in the runs, one for each type.
func (x *Index) changes(ctx context.Context, types []string, runs []rows.Range) (list []Change, err error) {
	err = x.rows.Scan(ctx, runs, func(i int, key, value []byte) (bool, error) {
		c := Change{Type: types[i]}
		if !c.decode(key, value) {
			return false, damaged("change")
		}
		list = append(list, c)
		return true, nil
	})
	return list, err
}

// note keeps that a version was written. What is noted already stays as it is.
func (w *writer) note(u *Update) {
	value := appendPacked(binary.AppendUvarint(nil, u.Version.Number), u.ID)
	w.set(w.x.changeKey(u.Type, u.Version.Entry), value)
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
func (x *Index) changesKey(typ string) []byte { return append(x.key(famChange, typ), 0) }

func (x *Index) changeKey(typ string, entry uint64) []byte {
	return appendRow(x.changesKey(typ), entry)
}
