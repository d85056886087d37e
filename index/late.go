package index

import (
	"maps"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
)

// A condition on other resources can be looked at for each candidate when it is its turn, instead of gathering first all that fulfil it. Where many do, a
// page is full after a few candidates, however many there are.

// fewEnds are so few at the other end that they are looked up at once. Tests know other numbers.
var fewEnds = 64

// guessed is an estimate, once it was made.
type guessed struct {
	made  bool
	n, of int
}

// postpone puts off the conditions of a plan for which a page is full sooner than what fulfils them is gathered.
func (p *plan) postpone(r *run) error {
	var now []*linked
	for _, l := range p.other {
		n, of, err := l.estimate(r)
		if err != nil {
			return err
		}
		if l.clause.Has != nil {
			of = int(p.space.count)
		}
		if l.set == nil && !l.clause.Not && n > fewEnds && r.limit*of/n < n {
			p.late = append(p.late, l)
		} else {
			now = append(now, l)
		}
	}
	p.other = now
	return nil
}

// later leaves, of candidates in a block, those that fulfil what was put off.
func (p *plan) later(r *run, h *hit, docs []uint32) ([]uint32, error) {
	for _, l := range p.late {
		if len(docs) == 0 {
			break
		}
		fits, look := new(set), l.refer
		if l.clause.Has != nil {
			look = l.referred
		}
		if err := look(r, p, docs, fits); err != nil {
			return nil, err
		}
		docs = slices.DeleteFunc(slices.Clone(docs), func(doc uint32) bool { return !fits.has(uint16(doc % blockDocs)) })
	}
	return docs, nil
}

// among gives which of some documents fit.
func (p *plan) among(r *run, docs fixed) (fixed, error) {
	out := fixed{}
	if len(docs) == 0 || p.space.number == 0 {
		return out, nil
	}
	hits, err := p.window(r, slices.Sorted(maps.Keys(docs)), docs)
	if err != nil {
		return nil, err
	}
	for i := range hits {
		s, err := p.fitting(r, &hits[i])
		if err != nil {
			return nil, err
		}
		if !s.empty() {
			out[hits[i].block] = s
		}
	}
	return out, nil
}

// estimate says how many are at the other end, about, and of how many there. What is few is looked up on the way, and then known.
func (l *linked) estimate(r *run) (n, of int, err error) {
	if l.guess.made {
		return l.guess.n, l.guess.of, nil
	}
	for _, e := range l.ends {
		m := e.n
		if e.found == nil {
			if m, err = e.plan.estimate(r); err != nil {
				return 0, 0, err
			}
		}
		if e.found == nil && m <= 4*fewEnds {
			if err := e.look(r); err != nil {
				return 0, 0, err
			}
			m = e.n
		}
		n, of = n+m, of+int(e.plan.space.count)
	}
	l.guess = guessed{true, n, of}
	if n <= fewEnds && l.set == nil {
		err = l.gather(r)
	}
	return n, of, err
}

// estimate says how many documents a plan finds at most, about.
func (p *plan) estimate(r *run) (int, error) {
	all := int(p.space.count)
	n := all
	for i := range p.own {
		m, known, err := r.size(p.space, p.own[i].maybe)
		if err != nil {
			return 0, err
		}
		if known {
			n = min(n, m)
		}
	}
	for _, l := range p.other {
		m, of, err := l.estimate(r)
		switch {
		case err != nil:
			return 0, err
		case l.clause.Not:
		case l.set != nil:
			n = min(n, l.set.size())
		case l.clause.Has != nil:
			n = min(n, m)
		default:
			n = min(n, all*m/max(of, 1)+1)
		}
	}
	return n, nil
}

// manyMarks are so many that their lists are not counted for an estimate.
const manyMarks = 8

// size says how many documents a node gives at most, where that is quickly told.
func (r *run) size(s *space, n node) (size int, known bool, err error) {
	switch n := n.(type) {
	case none:
		return 0, true, nil
	case fixed:
		return n.size(), true, nil
	case *posting:
		if len(n.marks) > manyMarks {
			return 0, false, nil
		}
		size, err = r.listed(s, n.marks)
		return size, true, err
	case meet:
		size = int(s.count)
		for _, c := range n {
			m, is, err := r.size(s, c)
			if err != nil {
				return 0, false, err
			}
			if is {
				size, known = min(size, m), true
			}
		}
		return size, known, nil
	case join:
		for _, c := range n {
			m, is, err := r.size(s, c)
			if err != nil || !is {
				return 0, false, err
			}
			size += m
		}
		return size, true, nil
	}
	return 0, false, nil
}

// listed counts what stands on the lists of some marks, by the length of their rows.
func (r *run) listed(s *space, marks []mark) (n int, err error) {
	ranges := make([]rows.Range, len(marks))
	for i, m := range marks {
		ranges[i] = rows.Range{From: postingKey(m, 0), To: postingKey(m, s.blocks())}
	}
	r.looked += len(ranges)
	err = r.rows.Scan(r.ctx, ranges, func(_ int, _, row []byte) (bool, error) {
		r.looked++
		if len(row) < blockSize {
			n += len(row) / 2
			return true, nil
		}
		var dense set
		if !dense.union(row) {
			return false, damaged("posting")
		}
		n += dense.count()
		return true, nil
	})
	return n, err
}
