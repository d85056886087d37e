package index

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
)

// Ref names a resource.
type Ref struct{ Type, ID string }

// Unread lists at most limit resources whose terms are not known because their content could not be read, in the order of their keys, from the
// one after `from` on. They are found by id and by their time alone. typ limits it to one type; "" is all.
func (x *Index) Unread(typ string, from Ref, limit int) (list []Ref, err error) {
	unread := rows.Range{From: []byte{famUnread}, To: []byte{famUnread + 1}}
	if from != (Ref{}) {
		unread.From = append(x.key(famUnread, from.Type, from.ID), 0)
	}
	err = x.rows.Scan(context.Background(), []rows.Range{unread}, func(_ int, _, value []byte) (bool, error) {
		of, id, ok := strings.Cut(string(value), "\x00")
		if !ok {
			return false, damaged("resource that was not read")
		}
		if typ == "" || of == typ {
			list = append(list, Ref{Type: of, ID: id})
		}
		return len(list) < limit, nil
	})
	return list, err
}

// Read adds the terms of a version that could not be read before. It does nothing when another version has become the current one meanwhile, or
// its terms are known.
func (x *Index) Read(typ, id string, number uint64, terms []term.Term) error {
	return x.retell([]Retold{{Type: typ, ID: id, Number: number, Terms: terms}}, true, nil)
}

// Retold is a resource's version with what it is found by from now on.
type Retold struct {
	Type, ID string
	Number   uint64 // of the version that the terms are of
	Terms    []term.Term
	Unread   bool // its content could not be read: it is found by what it was, and listed (see Unread)
}

// Retell exchanges what versions are found by, as far as they are still the current ones: when a parameter was added, say. It is done by pieces, and
// a search meanwhile finds each resource by the one or the other. How far it has come is noted with it, as one.
func (x *Index) Retell(list []Retold, t *Telling) error { return x.retell(list, false, t) }

func (x *Index) retell(list []Retold, unread bool, t *Telling) error {
	x.write.Lock()
	defer x.write.Unlock()
	w := x.writer(context.Background())
	if t != nil {
		w.tell(t)
	}
	for i := range list {
		r := &list[i]
		mark := x.key(famUnread, r.Type, r.ID)
		noted, err := w.get(mark)
		if err != nil {
			return err
		}
		if unread && noted == nil {
			continue
		}
		value, err := w.get(x.key(famCurrent, r.Type, r.ID))
		if err != nil {
			return err
		}
		now, ok := decodeVersion(r.ID, value)
		if value != nil && !ok {
			return damaged("version")
		}
		if value == nil || now.Number != r.Number || now.Deleted {
			continue
		}
		if r.Unread {
			w.set(mark, []byte(r.Type+"\x00"+r.ID))
			continue
		}
		w.delete(mark)
		if err := w.kill(r.Type, &now); err != nil {
			return err
		}
		if err := w.install(&Update{Type: r.Type, ID: r.ID, Version: now, Terms: r.Terms}); err != nil {
			return err
		}
	}
	return w.commit()
}

// format is raised by whoever changes what rows mean: an index of before is then made anew.
const format = 2

// ErrOutdated is returned by Agree. Remove the index and let it be made anew.
var ErrOutdated = errors.New("index: its terms were made by other rules")

// Agree holds the rules by which terms are made now, in any form that differs when they do, against those that this index was made by; an empty
// index takes them over. By other rules what is stored is not found by what is new in them: ErrOutdated.
func (x *Index) Agree(rules []byte) error {
	rules = append([]byte{format}, rules...)
	x.write.Lock()
	defer x.write.Unlock()
	at, err := x.Position()
	if err != nil {
		return err
	}
	if at == (journal.Cursor{}) {
		w := x.writer(context.Background())
		w.set([]byte{famRules}, rules)
		return w.commit()
	}
	made, err := x.rows.Get(context.Background(), []byte{famRules})
	if err == nil && (made == nil || !bytes.Equal(made, rules)) {
		return ErrOutdated
	}
	return err
}
