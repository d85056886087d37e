package index

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/journal"
)

// maxRecords is how many journal records one row holds the places of. Whoever looks for one reads through the row from its beginning.
const maxRecords = 64

// records is a run of journal records of one segment, of which entry numbers and offsets rise.
//
//	uvarint segment ‖ uvarint offset of the first ‖ (uvarint entries ‖ uvarint bytes)… from each to the next
type records struct {
	first, last journal.Cursor
	n           int
	row         []byte
}

// add puts a record at the end of the run; false if it does not belong there.
func (r *records) add(c journal.Cursor) bool {
	switch {
	case r.n == 0:
		*r = records{first: c, last: c, n: 1, row: binary.AppendUvarint(binary.AppendUvarint(nil, uint64(c.Segment)), uint64(c.Offset))}
		return true
	case r.n == maxRecords || c.Segment != r.last.Segment || c.Entry < r.last.Entry || c.Offset <= r.last.Offset:
		return false
	}
	r.row = binary.AppendUvarint(r.row, c.Entry-r.last.Entry)
	r.row = binary.AppendUvarint(r.row, uint64(c.Offset-r.last.Offset))
	r.last, r.n = c, r.n+1
	return true
}

// readRecords calls fn for the records of a row until it says no.
func readRecords(key, row []byte, fn func(journal.Cursor) bool) error {
	entry, ok := rowOf(key)
	segment, w := binary.Uvarint(row)
	offset, v := binary.Uvarint(row[max(0, w):])
	if !ok || w <= 0 || v <= 0 || segment > math.MaxUint32 || offset > math.MaxInt64 {
		return damaged("record")
	}
	for row = row[w+v:]; fn(journal.Cursor{Segment: uint32(segment), Offset: int64(offset), Entry: entry}) && len(row) > 0; {
		entries, w := binary.Uvarint(row)
		bytes, v := binary.Uvarint(row[max(0, w):])
		if w <= 0 || v <= 0 || bytes > math.MaxInt64-offset {
			return damaged("record")
		}
		entry, offset, row = entry+entries, offset+bytes, row[w+v:]
	}
	return nil
}

// lastRecords reads the run that the next record may continue.
func (x *Index) lastRecords() (r records, err error) {
	last := rows.Range{From: []byte{famRecords}, To: []byte{famRecords + 1}, Limit: 1, Reverse: true}
	err = x.rows.Scan(context.Background(), []rows.Range{last}, func(_ int, key, value []byte) (bool, error) {
		return false, readRecords(key, value, func(c journal.Cursor) bool { return r.add(c) })
	})
	return r, err
}

// addRecords puts records into a batch, and gives the run that the next may continue. What is in already is passed over.
func (x *Index) addRecords(w *writer, cursors []journal.Cursor) records {
	r := x.run
	r.row = r.row[:len(r.row):len(r.row)]
	changed := false
	for _, c := range cursors {
		if r.n > 0 && !beyond(c, r.last) {
			continue
		}
		if !r.add(c) {
			r.write(w, changed)
			r = records{}
			r.add(c)
		}
		changed = true
	}
	r.write(w, changed)
	return r
}

func beyond(c, last journal.Cursor) bool {
	if c.Segment != last.Segment {
		return c.Segment > last.Segment
	}
	return c.Offset > last.Offset
}

func (r *records) write(w *writer, changed bool) {
	if changed {
		w.set(recordsKey(r.first.Entry), r.row)
	}
}

// Locate gives the cursor of the journal record that holds an entry.
func (x *Index) Locate(entry uint64) (found journal.Cursor, err error) {
	any := false
	run := rows.Range{From: []byte{famRecords}, To: recordsKey(entry + 1), Limit: 1, Reverse: true}
	err = x.rows.Scan(context.Background(), []rows.Range{run}, func(_ int, key, value []byte) (bool, error) {
		any = true
		return false, readRecords(key, value, func(c journal.Cursor) bool {
			if c.Entry <= entry {
				found = c // of several with one number the last has the entry, the others have none
			}
			return c.Entry <= entry
		})
	})
	if err == nil && !any {
		err = ErrNotFound
	}
	return found, err
}
