package index

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// stream gives rows in rising order.
type stream interface {
	// seek gives the least row from one on. One that is asked for again and again only moves on.
	seek(from uint64) (row uint64, ok bool)
	// width is how many keys a seek looks at.
	width() int
	err() error
	close() error
}

// scan is the range of keys that begin alike and end in rows.
type scan struct {
	prefix []byte
	it     *pebble.Iterator
	fault  error
	key    []byte
}

func (x *Index) newScan(prefix []byte) (*scan, error) {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, classify(err)
	}
	return &scan{prefix: prefix, it: it}, nil
}

func (s *scan) seek(from uint64) (uint64, bool) {
	s.key = appendRow(append(s.key[:0], s.prefix...), from)
	if from >= 1<<(8*rowSize) || !s.it.SeekGE(s.key) {
		return 0, false
	}
	if len(s.it.Key()) != len(s.prefix)+rowSize {
		s.fault = damaged("term")
		return 0, false
	}
	return rowOf(s.it.Key())
}

func (s *scan) err() error   { return errors.Join(s.fault, s.it.Error()) }
func (s *scan) close() error { return s.it.Close() }

// union is the merge of several scans, one for each value asked for.
type union []*scan

func (u union) seek(from uint64) (least uint64, found bool) {
	for _, s := range u {
		if row, ok := s.seek(from); ok && (!found || row < least) {
			least, found = row, true
		}
	}
	return least, found
}

func (u union) width() int { return len(u) }

func (u union) err() error {
	var err error
	for _, s := range u {
		err = errors.Join(err, s.err())
	}
	return err
}

func (u union) close() error {
	var err error
	for _, s := range u {
		err = errors.Join(err, s.close())
	}
	return err
}

// list is a few rows, in no order.
type list []uint64

func (l list) seek(from uint64) (least uint64, found bool) {
	for _, row := range l {
		if row >= from && (!found || row < least) {
			least, found = row, true
		}
	}
	return least, found
}

func (list) width() int   { return 1 }
func (list) err() error   { return nil }
func (list) close() error { return nil }
