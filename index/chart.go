package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/verify"
)

// Chart is where a chart's count of entries stands.
type Chart struct {
	Next uint64      // number of the next entry
	Last verify.Hash // leaf of entry Next-1; zero for a chart without entries
}

// maxTail is how many of a chart's last entries are kept with its head, before they go into a row of their own.
const maxTail = 32

// head is a chart's row: where its count stands, and the journal numbers of its last entries. Those before are in rows of as many.
//
//	u64be next ‖ leaf[32] ‖ run
//	run = uvarint journal number of the first ‖ uvarint more, from each to the next
type head struct {
	Chart
	tail []uint64
}

func (h *head) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 48+2*len(h.tail)), h.Next)
	return appendRun(append(b, h.Last[:]...), h.tail)
}

func decodeHead(b []byte) (h head, ok bool) {
	if len(b) < 8+len(h.Last) {
		return h, false
	}
	h.Next = binary.BigEndian.Uint64(b)
	b = b[8+copy(h.Last[:], b[8:]):]
	h.tail, ok = decodeRun(b)
	return h, ok && uint64(len(h.tail)) <= h.Next
}

func appendRun(b []byte, run []uint64) []byte {
	before := uint64(0)
	for _, n := range run {
		b, before = binary.AppendUvarint(b, n-before), n
	}
	return b
}

func decodeRun(b []byte) (run []uint64, ok bool) {
	before := uint64(0)
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		if w <= 0 {
			return nil, false
		}
		before, b = before+n, b[w:]
		run = append(run, before)
	}
	return run, true
}

// Chart gives the head of a chart; an unknown chart is at its beginning.
func (x *Index) Chart(chart string) (Chart, error) {
	h, err := x.head(chart, func(key []byte) (out []byte, err error) {
		err = x.read(key, func(value []byte) error { out = bytes.Clone(value); return nil })
		return out, err
	})
	return h.Chart, err
}

func (x *Index) head(chart string, get func(key []byte) ([]byte, error)) (h head, err error) {
	value, err := get(x.key(famChart, chart))
	if err != nil || value == nil {
		return h, err
	}
	h, ok := decodeHead(value)
	if !ok {
		return h, damaged("chart head")
	}
	return h, nil
}

// count adds entries to their charts. What is counted already is passed over.
func (w *writer) count(entries []Counted) error {
	heads := make(map[string]*head)
	for i := range entries {
		e := &entries[i]
		h := heads[e.Chart]
		if h == nil {
			read, err := w.x.head(e.Chart, w.get)
			if err != nil {
				return err
			}
			h = &read
			heads[e.Chart] = h
		}
		if e.Number < h.Next {
			continue
		}
		if n := len(h.tail); n == maxTail || n > 0 && (e.Number > h.Next || e.Entry < h.tail[n-1]) {
			w.set(w.x.entriesKey(e.Chart, h.Next-uint64(n)), appendRun(nil, h.tail))
			h.tail = nil
		}
		h.tail, h.Chart = append(h.tail, e.Entry), Chart{Next: e.Number + 1, Last: e.Leaf}
	}
	for chart, h := range heads {
		w.set(w.x.key(famChart, chart), h.encode())
	}
	return nil
}

// Entries calls fn with the number and the journal number of each of a chart's entries below number `before` (0: all), newest first,
// until fn says no.
func (x *Index) Entries(chart string, before uint64, fn func(number, entry uint64) (more bool, err error)) error {
	ctx := context.Background()
	snapshot, err := x.rows.Snapshot(ctx) // a run must not go from the head to its row in between
	if err != nil {
		return err
	}
	return errors.Join(x.entries(ctx, snapshot, chart, before, fn), snapshot.Close())
}

func (x *Index) entries(ctx context.Context, r rows.Reader, chart string, before uint64, fn func(number, entry uint64) (bool, error)) error {
	h, err := x.head(chart, func(key []byte) ([]byte, error) { return r.Get(ctx, key) })
	if err != nil {
		return err
	}
	if before == 0 {
		before = h.Next
	}
	more, err := walk(h.Next-uint64(len(h.tail)), before, h.tail, fn)
	if err != nil || !more {
		return err
	}
	runs := rows.Range{From: x.entriesKey(chart, 0), To: x.entriesKey(chart, before), Reverse: true}
	return r.Scan(ctx, []rows.Range{runs}, func(_ int, key, value []byte) (bool, error) {
		first, whole := rowOf(key)
		run, fine := decodeRun(value)
		if !whole || !fine {
			return false, damaged("entry")
		}
		return walk(first, before, run, fn)
	})
}

// walk goes backwards through a run of entries, of which the first has a number.
func walk(first, before uint64, run []uint64, fn func(number, entry uint64) (bool, error)) (more bool, err error) {
	for i, entry := range slices.Backward(run) {
		if number := first + uint64(i); number < before {
			if more, err := fn(number, entry); err != nil || !more {
				return false, err
			}
		}
	}
	return true, nil
}
