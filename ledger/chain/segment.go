package chain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// keptSegments is how many segments are kept in memory: whoever reads one anchor mostly reads its neighbours next. Each is some 50 kB.
const keptSegments = 4

// segments are those read last. The lock is never waited for while the store is held open (store.enter): a close in between would wait for ever.
type segments struct {
	mu   sync.Mutex
	kept [keptSegments]struct {
		number uint64
		rows   tail
	}
	turn int
}

func (g *segments) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.kept[:])
}

// segment gives the anchors of a segment, at least n of them if there are as many.
func (s *store) segment(number uint64, n int) (tail, error) {
	g := &s.segments
	g.mu.Lock()
	defer g.mu.Unlock()
	at := -1
	for i := range g.kept {
		if g.kept[i].number == number && len(g.kept[i].rows) > 0 {
			at = i
		}
	}
	if at < 0 {
		at, g.turn = g.turn, (g.turn+1)%keptSegments
		g.kept[at].number, g.kept[at].rows = number, nil
	}
	rows := g.kept[at].rows
	if n <= len(rows) {
		return rows, nil
	}
	first := number * segmentSize
	err := s.each(key(rowAnchor, first+uint64(len(rows))), key(rowAnchor, first+segmentSize), func(k, v []byte) error {
		index := binary.BigEndian.Uint64(k[1:])
		if want := first + uint64(len(rows)); index != want {
			return fmt.Errorf("chain: anchor %d is missing from the state", want)
		}
		p, err := rows.decode(index, v)
		if err == nil {
			rows = append(rows, p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	g.kept[at].rows = rows
	return rows, nil
}

// placedAt reads an anchor; ledger.ErrNotFound when the log does not reach it.
func (s *store) placedAt(index uint64) (*placed, error) {
	at := int(index % segmentSize)
	rows, err := s.segment(index/segmentSize, at+1)
	if err != nil {
		return nil, err
	}
	if at >= len(rows) {
		return nil, ledger.ErrNotFound
	}
	return rows[at], nil
}

func (s *store) anchor(index uint64) (*ledger.Anchored, error) {
	p, err := s.placedAt(index)
	if err != nil {
		return nil, err
	}
	a := p.Anchored
	return &a, nil
}

// anchors calls fn for the anchors of a range of the log.
func (s *store) anchors(from, below uint64, fn func(*ledger.Anchored) error) error {
	for index := from; index < below; index++ {
		a, err := s.anchor(index)
		if errors.Is(err, ledger.ErrNotFound) {
			err = fmt.Errorf("chain: anchor %d is missing from the state", index)
		}
		if err == nil {
			err = fn(a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tailAt gives the part of the last segment that a log of a size fills.
func (s *store) tailAt(size uint64) (tail, error) {
	n := int(size % segmentSize)
	if n == 0 {
		return nil, nil
	}
	rows, err := s.segment(size/segmentSize, n)
	if err == nil && len(rows) < n {
		err = fmt.Errorf("chain: anchor %d is missing from the state", size-uint64(n-len(rows)))
	}
	if err != nil {
		return nil, err
	}
	return rows[:n:n], nil
}

// byOrder finds an organisation's anchor by its sequence number: in the segment of the last one at or before it that is the first of its own.
func (s *store) byOrder(org verify.OrgID, seq uint64) (*ledger.Anchored, error) {
	index, err := s.firstBefore(org, seq)
	if err != nil {
		return nil, err
	}
	for _, n := range [...]int{1, segmentSize} { // it may be among those in memory
		rows, err := s.segment(index/segmentSize, n)
		if err != nil {
			return nil, err
		}
		for _, p := range rows {
			if p.what.Org == org && p.what.Seq == seq {
				a := p.Anchored
				return &a, nil
			}
		}
	}
	return nil, ledger.ErrNotFound
}

// firstBefore finds the last anchor up to a number that is the first of its organisation in its segment.
func (s *store) firstBefore(org verify.OrgID, seq uint64) (index uint64, err error) {
	leave, err := s.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: orderKey(org, 0), UpperBound: orderKey(org, math.MaxUint64)})
	if err != nil {
		return 0, s.failed(err)
	}
	if !it.SeekLT(append(orderKey(org, seq), 0)) {
		return 0, errors.Join(s.failed(it.Error()), it.Close(), ledger.ErrNotFound)
	}
	index, n := binary.Uvarint(it.Value())
	if n <= 0 || n != len(it.Value()) {
		err = fmt.Errorf("chain: the order of %s is damaged at %d", org, seq)
	}
	return index, errors.Join(err, it.Close())
}
