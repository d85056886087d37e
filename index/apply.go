package index

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Update is a new version of a resource with the terms it is found by; a deletion has none.
type Update struct {
	Type, ID string
	Version  Version
	Terms    []term.Term
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

// Apply adds a batch as one. Applying records again that are already in changes nothing that is found; a version older than the current one
// changes neither the current one nor its terms. Where ctx ends first nothing is added, and the error is its own.
func (x *Index) Apply(ctx context.Context, b *Batch) error {
	x.write.Lock()
	defer x.write.Unlock()
	w := x.writer(ctx)
	run := x.addRecords(w, b.Records)
	if err := w.count(b.Entries); err != nil {
		return err
	}
	reached, err := x.Position()
	if err != nil {
		return err
	}
	if reached.Entry < x.reached.Load() {
		return errBack
	}
	again := len(b.Records) == 0 || b.Records[0].Entry < reached.Entry
	for i := range b.Updates {
		if err := ctx.Err(); err != nil {
			return err
		}
		// A first version replaces nothing, and so needs not be looked for, unless it may be in already.
		if u := &b.Updates[i]; u.Version.Number == 1 && !again {
			err = w.install(u)
		} else {
			err = w.put(u)
		}
		if err != nil {
			return err
		}
		w.note(&b.Updates[i])
	}
	if b.Position.Entry > reached.Entry {
		position, err := b.Position.MarshalBinary()
		if err != nil {
			return err
		}
		w.set([]byte{famPosition}, position)
	}
	if err := w.commit(); err != nil {
		return err
	}
	x.run = run
	x.reached.Store(max(reached.Entry, b.Position.Entry))
	return nil
}

// errBack is returned where the rows are no longer what was written: another server has taken the place of the one before, say.
var errBack = errors.New("index: its database lost what it had acknowledged; start the node anew, and it follows the journal from there")

// writer gathers what a batch changes, and reads what it has changed already. The caller holds Index.write.
type writer struct {
	x       *Index
	ctx     context.Context
	changed map[string][]byte // nil: deleted
	order   []string          // keys of changed
	posts   *posts            // the index's
	zones   map[string]zone
	counts  map[uint32]uint64 // see famCount; those that changed
	fresh   map[string]uint32 // names that have their numbers from this batch
}

func (x *Index) writer(ctx context.Context) *writer {
	x.posts.begin()
	return &writer{x: x, ctx: ctx, changed: make(map[string][]byte), posts: &x.posts, zones: make(map[string]zone),
		counts: make(map[uint32]uint64), fresh: make(map[string]uint32)}
}

func (w *writer) get(key []byte) ([]byte, error) {
	if value, ok := w.changed[string(key)]; ok {
		return value, nil
	}
	return w.x.rows.Get(w.ctx, key)
}

func (w *writer) set(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	w.change(key, value)
}

func (w *writer) delete(key []byte) { w.change(key, nil) }

func (w *writer) change(key, value []byte) {
	k := string(key)
	if _, ok := w.changed[k]; !ok {
		w.order = append(w.order, k)
	}
	w.changed[k] = value
}

// name gives the number that stands for a name, a new one if need be; 0 if it gets none.
func (w *writer) name(s string) uint32 { return w.among(s, maxNames-typeNames) }

// typ is name for the name of a type.
func (w *writer) typ(s string) uint32 { return w.among(s, maxNames) }

// among is name where numbers go up to a last one.
func (w *writer) among(s string, last int) uint32 {
	if n := w.x.names.find(s); n > 0 {
		return n
	}
	if n, ok := w.fresh[s]; ok {
		return n
	}
	n := len(w.x.names.list) + len(w.fresh) + 1
	if n > last || len(s) > maxName {
		return 0
	}
	w.fresh[s] = uint32(n)
	w.set(nameKey(uint32(n)), []byte(s))
	return uint32(n)
}

// next takes the next number of documents of a type; of type 0, the next serial number.
func (w *writer) next(typ uint32) uint64 {
	n, ok := w.counts[typ]
	if !ok {
		n = w.x.counts[typ]
	}
	w.counts[typ] = n + 1
	return n
}

// put makes a version the current one, files the one before under its number, and exchanges what the resource is found by.
func (w *writer) put(u *Update) error {
	old, err := w.get(w.x.key(famCurrent, u.Type, u.ID))
	if err != nil || old == nil {
		return errors.Join(err, w.install(u))
	}
	was, ok := decodeVersion(u.ID, old)
	if !ok {
		return damaged("version")
	}
	if was.Number > u.Version.Number { // seen before
		w.set(w.x.versionKey(u.Type, u.ID, u.Version.Number), u.Version.encode(u.ID))
		return nil
	}
	if was.Number < u.Version.Number {
		w.set(w.x.versionKey(u.Type, u.ID, was.Number), old)
	}
	if err := w.kill(u.Type, &was); err != nil {
		return err
	}
	w.delete(w.x.key(famUnread, u.Type, u.ID))
	return w.install(u)
}

// errFull is returned where numbers have come to an end.
var errFull = errors.New("index: no more documents can be told apart")

// kill takes a version's document from what is found. It stays for those who page through a search of before.
func (w *writer) kill(typ string, was *Version) error {
	if was.Deleted {
		return nil
	}
	n := w.typ(typ)
	if n == 0 {
		return errFull
	}
	w.posts.dead(typ, was.Doc)
	w.set(deathKey(w.next(0)), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, n), was.Doc))
	return nil
}

// maxDocs bounds the documents of a type: what three bytes for a block can name. maxTypes bounds the number of a type in a key.
const (
	maxDocs  = 1 << 32
	maxTypes = 1 << 16
)

// install makes a version the current one of a resource of which nothing is found.
func (w *writer) install(u *Update) error {
	v := u.Version
	v.Doc = 0
	key := w.x.key(famCurrent, u.Type, u.ID)
	if v.Deleted {
		w.set(key, v.encode(u.ID))
		return nil
	}
	typ := w.typ(u.Type)
	if typ == 0 || typ >= maxTypes {
		return errFull
	}
	n := w.next(typ)
	if n >= maxDocs {
		return errFull
	}
	v.Doc = uint32(n)
	w.set(key, v.encode(u.ID))
	w.posts.terms(u.Type, v.Doc, u.Terms)
	z, at := zone{v.Time, v.Time}, string(zoneKey(typ, v.Doc>>blockBits))
	if o, ok := w.zones[at]; ok {
		z = z.join(o)
	}
	w.zones[at] = z
	if u.Unread {
		w.set(w.x.key(famUnread, u.Type, u.ID), []byte(u.Type+"\x00"+u.ID))
	}
	w.set(documentKey(typ, v.Doc), w.encodeDocument(&document{serial: w.next(0), updated: v.Time, id: u.ID, terms: u.Terms}))
	return nil
}

// commit applies what was gathered. What follows from it in memory changes with it.
func (w *writer) commit() error {
	b := &rows.Batch{Ops: make([]rows.Op, 0, len(w.order))}
	for typ, n := range w.counts {
		w.set(countKey(typ), binary.AppendUvarint(nil, n))
	}
	for _, key := range w.order {
		op := rows.Op{Kind: rows.Set, Key: []byte(key), Value: w.changed[key]}
		if op.Value == nil {
			op.Kind = rows.Delete
		}
		b.Ops = append(b.Ops, op)
	}
	for key, z := range w.zones {
		b.Ops = append(b.Ops, rows.Op{Kind: rows.Merge, Key: []byte(key), Value: z.encode(nil)})
	}
	b.Ops = w.posts.ops(b.Ops)
	if err := w.x.names.publish(w.fresh, func() error { return w.x.rows.Apply(w.ctx, b) }); err != nil {
		return err
	}
	maps.Copy(w.x.counts, w.counts)
	return nil
}
