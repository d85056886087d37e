package index

import (
	"cmp"
	"slices"

	"github.com/sijil-health/sijil/index/term"
)

// plan is a query made ready to be looked up: the conditions that marks speak of, the rare ones first, then those on other resources.
type plan struct {
	space *space
	query *term.Query
	own   []condition
	other []*linked
	late  []*linked // those of other that are looked at for each candidate, once it is its turn: see linked.late
}

// condition is a clause on a resource's own terms.
type condition struct {
	clause *term.Clause
	guess
}

// maxDepth bounds chains.
const maxDepth = 8

func (r *run) plan(q *term.Query, depth int) (*plan, error) {
	s, err := r.space(q.Type)
	if err != nil {
		return nil, err
	}
	p := &plan{space: s, query: q}
	for i := range q.All {
		c := &q.All[i]
		switch {
		case len(c.Any) > term.MaxTests || depth > maxDepth:
			return nil, ErrCostly
		case c.Has != nil || c.Chain != nil:
			l, err := r.link(q.Type, c, depth)
			if err != nil {
				return nil, err
			}
			p.other = append(p.other, l)
		case c.Param == term.ParamID:
			g, err := r.named(q.Type, c)
			if err != nil {
				return nil, err
			}
			p.own = append(p.own, condition{c, g})
		default:
			p.own = append(p.own, condition{c, r.guess(q.Type, c)})
		}
	}
	if depth == 0 && r.limit > 0 {
		if err := p.postpone(r); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(p.own, func(a, b condition) int { return cmp.Compare(rank(a.clause), rank(b.clause)) })
	return p, nil
}

// rank puts first what few resources have for the most part, and what is quickly looked up.
func rank(c *term.Clause) int {
	switch {
	case c.Not || c.Kind == term.Missing:
		return 9
	case c.Param == term.ParamID:
		return 0
	case c.Param == term.ParamUpdated:
		return 5
	}
	switch c.Kind {
	case term.Reference:
		return 1
	case term.String, term.URI, term.Text:
		return 2
	case term.Token:
		return 3
	case term.Composite:
		return 4
	}
	return 6
}

// named is the documents of the resources with some ids.
func (r *run) named(typ string, c *term.Clause) (guess, error) {
	found := fixed{}
	for i := range c.Any {
		q := &c.Any[i]
		if q.Form != term.AnySystem && (q.Form != term.Exact || q.System != "") {
			continue
		}
		doc, ok, err := r.document(typ, q.Code)
		if err != nil {
			return guess{}, err
		}
		if ok {
			found.add(doc)
		}
	}
	g := guess{found, found}
	if c.Not {
		g = g.not()
	}
	return g, nil
}

// hit is what a plan found in one block: documents that may fit, and for each condition of its own those of which it is not sure.
type hit struct {
	block uint32
	found *set
	doubt []*set // by plan.own; nil for none
}

// unsure is the documents of which any condition is not sure.
func (h *hit) unsure() *set {
	var u set
	for _, d := range h.doubt {
		if d != nil {
			u.or(d)
		}
	}
	return &u
}

// window looks through blocks, which rise; among some documents, unless that is nil.
func (p *plan) window(r *run, want []uint32, among fixed) ([]hit, error) {
	nodes := make(meet, 0, len(p.own)+2)
	if among != nil {
		nodes = append(nodes, among)
	}
	for i := range p.own {
		nodes = append(nodes, p.own[i].maybe)
	}
	got, err := append(nodes, every{}).eval(r, want)
	if err != nil {
		return nil, err
	}
	var left []uint32
	var found []*set
	for i, s := range got {
		if s != nil {
			own := *s
			left, found = append(left, want[i]), append(found, &own)
		}
	}
	if err := r.live(p.space, left, found); err != nil {
		return nil, err
	}
	var hits []hit
	for i, s := range found {
		if s != nil {
			hits = append(hits, hit{block: left[i], found: s, doubt: make([]*set, len(p.own))})
		}
	}
	if err := p.doubts(r, hits); err != nil {
		return nil, err
	}
	for _, l := range p.other {
		if hits, err = l.narrow(r, p, hits); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

func (p *plan) doubts(r *run, hits []hit) error {
	want := make([]uint32, len(hits))
	for i := range hits {
		want[i] = hits[i].block
	}
	if len(want) == 0 {
		return nil
	}
	for k := range p.own {
		if p.own[k].exact() {
			continue
		}
		sure, err := p.own[k].sure.eval(r, want)
		if err != nil {
			return err
		}
		for i := range hits {
			d := *hits[i].found
			if sure[i] != nil {
				d.without(sure[i])
			}
			if !d.empty() {
				hits[i].doubt[k] = &d
			}
		}
	}
	return nil
}

// chunks calls fn with the documents of a hit from one on, some at a time, more each time: as many as are taken at first, where that is known.
func (h *hit) chunks(from uint32, limit int, fn func(docs []uint32) (more bool, err error)) (bool, error) {
	size, docs := cmp.Or(min(limit, 64), 16), make([]uint32, 0, 64)
	var err error
	more := h.found.each(func(low uint16) bool {
		doc := h.block<<blockBits | uint32(low)
		if doc < from {
			return true
		}
		if docs = append(docs, doc); len(docs) < size {
			return true
		}
		var goOn bool
		goOn, err = fn(docs)
		docs, size = docs[:0], min(4*size, 1024)
		return goOn && err == nil
	})
	if more && err == nil && len(docs) > 0 {
		more, err = fn(docs)
	}
	return more && err == nil, err
}

// settle calls fn with the documents among some that fit, for which it looks at those in doubt. terms: fn needs them.
func (p *plan) settle(r *run, h *hit, docs []uint32, terms bool, fn func(doc uint32, d *document) error) error {
	for _, d := range h.doubt {
		terms = terms || d != nil
	}
	return r.documents(p.space, docs, terms, func(doc uint32, d *document) error {
		for k, in := range h.doubt {
			if in != nil && in.has(uint16(doc%blockDocs)) && !p.own[k].clause.Holds(d.resource(p.space.typ)) {
				return nil
			}
		}
		return fn(doc, d)
	})
}

// The blocks that are looked through together: few at first, for a page may be full with them.
const (
	fewBlocks  = 4
	manyBlocks = 256
)

// windows calls fn with what is found from a document on, block by block, until it says no.
func (p *plan) windows(r *run, from uint32, fn func(h *hit) (more bool, err error)) error {
	end := p.space.blocks()
	for block, n := from>>blockBits, uint32(fewBlocks); block < end; n = min(4*n, manyBlocks) {
		var want []uint32
		for ; block < end && uint32(len(want)) < n; block++ {
			want = append(want, block)
		}
		hits, err := p.window(r, want, nil)
		if err != nil {
			return err
		}
		for i := range hits {
			if more, err := fn(&hits[i]); err != nil || !more {
				return err
			}
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// fitting gives what of a hit fits, for which it looks at those in doubt.
func (p *plan) fitting(r *run, h *hit) (*set, error) {
	s := *h.found
	u := h.unsure()
	if u.empty() {
		return &s, nil
	}
	s.without(u)
	doubtful := hit{block: h.block, found: u, doubt: h.doubt}
	_, err := doubtful.chunks(0, 0, func(docs []uint32) (bool, error) {
		if err := r.costly(); err != nil {
			return false, err
		}
		return true, p.settle(r, h, docs, false, func(doc uint32, _ *document) error {
			s.add(uint16(doc % blockDocs))
			return nil
		})
	})
	return &s, err
}

// whole finds all that fit, by looking at as much as the search may.
func (p *plan) whole(r *run) (found fixed, n int, err error) {
	found = fixed{}
	err = p.windows(r, 0, func(h *hit) (bool, error) {
		s, err := p.fitting(r, h)
		if err != nil {
			return false, err
		}
		if !s.empty() {
			found[h.block] = s
			n += s.count()
		}
		return true, r.costly()
	})
	return found, n, err
}
