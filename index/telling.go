package index

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/sijil-health/sijil/index/rows"
)

// Telling is a note about the resources of a type, kept here for whoever exchanges what they are found by: by which rules that was made, and how far
// the exchange has come. Only who wrote it reads it.
type Telling struct {
	Type string
	Note []byte // none: nothing is to be kept
}

// Tellings gives the notes that Retell and Note have left.
func (x *Index) Tellings() (list []Telling, err error) {
	all := rows.Range{From: []byte{famTelling}, To: []byte{famTelling + 1}}
	err = x.rows.Scan(context.Background(), []rows.Range{all}, func(_ int, _, value []byte) (bool, error) {
		typ, note, ok := strings.Cut(string(value), "\x00")
		if !ok {
			return false, damaged("note of what is told anew")
		}
		list = append(list, Telling{Type: typ, Note: []byte(note)})
		return true, nil
	})
	return list, err
}

// Note keeps notes in place of those of before.
func (x *Index) Note(list []Telling) error {
	x.write.Lock()
	defer x.write.Unlock()
	w := x.writer(context.Background())
	for i := range list {
		w.tell(&list[i])
	}
	return w.commit()
}

func (w *writer) tell(t *Telling) {
	key := w.x.key(famTelling, t.Type)
	if len(t.Note) == 0 {
		w.delete(key)
		return
	}
	w.set(key, append(append([]byte(t.Type), 0), t.Note...))
}

// Documents is the number from which on the next version of a resource of the type is numbered; see Numbered.
func (x *Index) Documents(typ string) uint64 {
	x.write.Lock()
	defer x.write.Unlock()
	n := x.names.find(typ)
	if n == 0 {
		return 0
	}
	return x.counts[n]
}

// Numbered is a current version of a resource.
type Numbered struct {
	ID      string
	Version Version
}

// Numbered gives current versions of a type whose numbers are from one to before another, in their order, at most limit of them; next is where to go on,
// end or beyond when there are no more. What is written, or told anew, meanwhile gets numbers from Documents on.
func (x *Index) Numbered(ctx context.Context, typ string, from, end uint64, limit int) (list []Numbered, next uint64, err error) {
	n := x.names.find(typ)
	if n == 0 || from >= end {
		return nil, end, nil
	}
	last := rows.Range{From: documentKey(n, uint32(from)), To: after(documentKey(n, uint32(end-1))), Limit: limit}
	var docs []uint32
	next = end
	err = x.rows.Scan(ctx, []rows.Range{last}, func(_ int, key, value []byte) (bool, error) {
		d, ok := x.names.decodeDocument(value, false)
		if len(key) != 7 || !ok {
			return false, damaged("document")
		}
		docs, list = append(docs, binary.BigEndian.Uint32(key[3:])), append(list, Numbered{ID: d.id})
		return true, nil
	})
	if err != nil {
		return nil, from, err
	}
	if len(docs) == limit {
		next = uint64(docs[limit-1]) + 1
	}
	current := list[:0]
	for i := range list {
		v, err := x.Current(typ, list[i].ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, from, err
		}
		if !v.Deleted && v.Doc == docs[i] {
			current = append(current, Numbered{ID: list[i].ID, Version: v})
		}
	}
	return current, next, nil
}
