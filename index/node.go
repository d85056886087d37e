package index

import (
	"bytes"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
)

// node gives documents of a type, block by block. What eval gives is aligned to the blocks wanted, which rise; nil stands for an empty block. It
// may be given again, and is not changed.
type node interface {
	eval(r *run, want []uint32) ([]*set, error)
}

// posting is the documents with any of some marks.
type posting struct {
	marks []mark
	want  []uint32 // what was evaluated last, for those who ask twice
	last  []*set
}

func marked(marks ...mark) *posting { return &posting{marks: marks} }

func (p *posting) eval(r *run, want []uint32) ([]*set, error) {
	if same(p.want, want) {
		return p.last, nil
	}
	if known, ok := p.known(want); ok {
		return known, nil
	}
	out := make([]*set, len(want))
	if len(want) > 0 && len(p.marks) > 0 {
		if err := p.read(r, want, out); err != nil {
			return nil, err
		}
	}
	p.want, p.last = want, out
	return out, nil
}

// known gives what was evaluated already for more blocks.
func (p *posting) known(want []uint32) ([]*set, bool) {
	if len(want) == 0 || len(want) > len(p.want) {
		return nil, false
	}
	out, at := make([]*set, len(want)), 0
	for i, b := range want {
		for at < len(p.want) && p.want[at] < b {
			at++
		}
		if at == len(p.want) || p.want[at] != b {
			return nil, false
		}
		out[i] = p.last[at]
	}
	return out, true
}

func same(a, b []uint32) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// scattered is how many times as many blocks may lie between those wanted before each is looked up by itself.
const scattered = 4

func (p *posting) read(r *run, want []uint32, out []*set) error {
	slices.SortFunc(p.marks, func(a, b mark) int { return bytes.Compare(a[:], b[:]) }) // rows are looked up fastest in their order
	first, last := want[0], want[len(want)-1]
	if int(last-first) >= scattered*len(want) {
		keys := make([][]byte, 0, len(p.marks)*len(want))
		for _, m := range p.marks {
			for _, b := range want {
				keys = append(keys, postingKey(m, b))
			}
		}
		r.looked += len(keys)
		return r.rows.Gets(r.ctx, keys, func(i int, row []byte) error { return add(out, i%len(want), row) })
	}
	ranges := make([]rows.Range, len(p.marks))
	for i, m := range p.marks {
		ranges[i] = rows.Range{From: postingKey(m, first), To: postingKey(m, last+1)}
	}
	r.looked += len(ranges)
	at, of := 0, 0
	return r.rows.Scan(r.ctx, ranges, func(i int, key, row []byte) (bool, error) {
		if i != of {
			at, of = 0, i
		}
		b := blockOf(key)
		for at < len(want) && want[at] < b {
			at++
		}
		r.looked++
		if at < len(want) && want[at] == b {
			return true, add(out, at, row)
		}
		return true, r.ctx.Err()
	})
}

func add(out []*set, i int, row []byte) error {
	if len(row) == 0 {
		return nil
	}
	if out[i] == nil {
		out[i] = new(set)
	}
	if !out[i].union(row) {
		return damaged("posting")
	}
	return nil
}

// every is all documents that there are numbers for.
type every struct{}

var full = below(blockDocs)

func (every) eval(_ *run, want []uint32) ([]*set, error) {
	out := make([]*set, len(want))
	for i := range out {
		out[i] = full
	}
	return out, nil
}

// none is no document.
type none struct{}

func (none) eval(_ *run, want []uint32) ([]*set, error) { return make([]*set, len(want)), nil }

// meet is what every node gives, join what one does, but what the first gives and the second does not.
type (
	meet []node
	join []node
	but  [2]node
)

func (n meet) eval(r *run, want []uint32) ([]*set, error) {
	out := make([]*set, len(want))
	left, at := want, make([]int, len(want)) // blocks that are not empty yet, and their places
	for i := range at {
		at[i] = i
	}
	for k, c := range n {
		got, err := c.eval(r, left)
		if err != nil {
			return nil, err
		}
		var next []uint32
		var nextAt []int
		for i, s := range got {
			if s == nil {
				out[at[i]] = nil
				continue
			}
			if k == 0 {
				out[at[i]] = s
			} else {
				both := *out[at[i]]
				if both.and(s); both.empty() {
					out[at[i]] = nil
					continue
				}
				out[at[i]] = &both
			}
			next, nextAt = append(next, left[i]), append(nextAt, at[i])
		}
		if len(next) < len(left) {
			left, at = next, nextAt
		}
	}
	return out, nil
}

func (n join) eval(r *run, want []uint32) ([]*set, error) {
	if len(n) == 1 {
		return n[0].eval(r, want)
	}
	out := make([]*set, len(want))
	for _, c := range n {
		got, err := c.eval(r, want)
		if err != nil {
			return nil, err
		}
		for i, s := range got {
			switch {
			case s == nil:
			case out[i] == nil:
				out[i] = s
			default:
				either := *out[i]
				either.or(s)
				out[i] = &either
			}
		}
	}
	return out, nil
}

func (n but) eval(r *run, want []uint32) ([]*set, error) {
	from, err := n[0].eval(r, want)
	if err != nil {
		return nil, err
	}
	take, err := n[1].eval(r, want)
	if err != nil {
		return nil, err
	}
	out := make([]*set, len(want))
	for i, s := range from {
		if s == nil || take[i] == nil {
			out[i] = s
			continue
		}
		rest := *s
		if rest.without(take[i]); !rest.empty() {
			out[i] = &rest
		}
	}
	return out, nil
}

// fixed is documents that are known already, by their blocks.
type fixed map[uint32]*set

func (f fixed) add(doc uint32) {
	s := f[doc>>blockBits]
	if s == nil {
		s = new(set)
		f[doc>>blockBits] = s
	}
	s.add(uint16(doc % blockDocs))
}

// join adds documents of a block.
func (f fixed) join(block uint32, s *set) {
	if there := f[block]; there != nil {
		there.or(s)
		return
	}
	own := *s
	f[block] = &own
}

func (f fixed) size() (n int) {
	for _, s := range f {
		n += s.count()
	}
	return n
}

func (f fixed) has(doc uint32) bool {
	s := f[doc>>blockBits]
	return s != nil && s.has(uint16(doc%blockDocs))
}

func (f fixed) eval(_ *run, want []uint32) ([]*set, error) {
	out := make([]*set, len(want))
	for i, b := range want {
		out[i] = f[b]
	}
	return out, nil
}

// guess is what marks say of a condition: documents that fulfil it for sure, and those among which all are that may. Where the two are one
// node, marks decide.
type guess struct{ sure, maybe node }

func exactly(n node) guess { return guess{n, n} }

func (g guess) exact() bool {
	s, ok := g.sure.(*posting)
	m, is := g.maybe.(*posting)
	return ok && is && s == m
}

// not is what does not fulfil it.
func (g guess) not() guess { return guess{but{every{}, g.maybe}, but{every{}, g.sure}} }

// anyOf joins conditions of which one is enough.
func anyOf(list []guess) guess {
	if len(list) == 1 {
		return list[0]
	}
	var marks []mark
	var g guess
	sure, maybe := join{}, join{}
	for _, c := range list {
		if c.exact() {
			marks = append(marks, c.sure.(*posting).marks...)
			continue
		}
		sure, maybe = append(sure, c.sure), append(maybe, c.maybe)
	}
	if marks != nil {
		g = exactly(marked(marks...))
		if len(maybe) == 0 {
			return g
		}
		sure, maybe = append(sure, g.sure), append(maybe, g.maybe)
	}
	return guess{sure, maybe}
}
