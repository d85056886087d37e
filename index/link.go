package index

import (
	"errors"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
)

// linked is a condition on other resources, to which one refers (a chain) or which refer to it.
type linked struct {
	clause *term.Clause
	typ    string // of the resources that the condition is on
	params []string
	ends   []*end
	set    fixed // the documents that fulfil it, once they were gathered
}

// end is what is to be found at the other end of the references.
type end struct {
	plan  *plan
	found fixed // all of it, once it was looked up
	n     int
}

func (r *run) link(typ string, c *term.Clause, depth int) (*linked, error) {
	l := &linked{clause: c, typ: typ, params: append([]string{c.Param}, c.Or...)}
	queries := c.Chain
	if c.Has != nil {
		l.params, queries = []string{c.Has.Param}, []term.Query{c.Has.Query}
	}
	for i := range queries {
		p, err := r.plan(&queries[i], depth+1)
		if err != nil {
			return nil, err
		}
		l.ends = append(l.ends, &end{plan: p})
	}
	return l, nil
}

func (e *end) look(r *run) (err error) {
	if e.found == nil {
		e.found, e.n, err = e.plan.whole(r)
	}
	return err
}

// preferred is how many times as many may be at the other end as there are candidates, before these are looked at one by one.
const preferred = 4

// narrow leaves, of what was found, what fulfils the condition: either by gathering all that does, from the other end, or by looking at each candidate.
func (l *linked) narrow(r *run, p *plan, hits []hit) ([]hit, error) {
	candidates, other := 0, 0
	for i := range hits {
		candidates += hits[i].found.count()
	}
	if candidates == 0 {
		return hits, nil
	}
	for _, e := range l.ends {
		if err := e.look(r); err != nil {
			return nil, err
		}
		other += e.n
	}
	if l.set == nil && other <= preferred*candidates {
		if err := l.gather(r); err != nil {
			return nil, err
		}
	}
	out := hits[:0]
	for i := range hits {
		h := &hits[i]
		fits := l.set[h.block]
		if l.set == nil {
			var err error
			if fits, err = l.check(r, p, h); err != nil {
				return nil, err
			}
		}
		switch {
		case fits == nil && !l.clause.Not:
			continue
		case fits == nil:
		case l.clause.Not:
			h.found.without(fits)
		default:
			h.found.and(fits)
		}
		if h.found.empty() {
			continue
		}
		for k, d := range h.doubt {
			if d != nil {
				d.and(h.found)
				if d.empty() {
					h.doubt[k] = nil
				}
			}
		}
		out = append(out, *h)
	}
	return out, nil
}

// gather finds all that fulfil the condition from the other end.
func (l *linked) gather(r *run) error {
	l.set = fixed{}
	for _, e := range l.ends {
		docs := sortedDocs(e.found)
		for some := range slices.Chunk(docs, 1024) {
			if err := r.costly(); err != nil {
				return err
			}
			var err error
			if l.clause.Has != nil {
				err = l.pointedAt(r, e, some)
			} else {
				err = l.pointingAt(r, e, some)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// pointingAt adds the documents that refer to some of the other end.
func (l *linked) pointingAt(r *run, e *end, docs []uint32) error {
	var marks []mark
	err := r.documents(e.plan.space, docs, false, func(doc uint32, d *document) error {
		may, err := r.allowed(e.plan.space.typ, doc, d.id)
		if may {
			marks = append(marks, l.marks(r, e.plan.space.typ+"/"+d.id)...)
		}
		return err
	})
	if err != nil {
		return err
	}
	ranges := make([]rows.Range, len(marks))
	for i, m := range marks {
		ranges[i] = rows.Range{From: postingKey(m, 0), To: postingKey(m, 1<<24-1)}
	}
	r.looked += len(ranges)
	return r.rows.Scan(r.ctx, ranges, func(_ int, key, row []byte) (bool, error) {
		s := l.set[blockOf(key)]
		if s == nil {
			s = new(set)
			l.set[blockOf(key)] = s
		}
		r.looked++
		if !s.union(row) {
			return false, damaged("posting")
		}
		return true, nil
	})
}

// marks are those of a reference under the condition's parameters, as many for each: as Type/id, and by the server's own URL where that is known.
func (l *linked) marks(r *run, ref string) (list []mark) {
	typ := l.typ
	if l.clause.Has != nil {
		typ = l.clause.Has.Query.Type
	}
	for _, param := range l.params {
		f := &field{typ: typ, param: param, kind: term.Reference}
		list = append(list, r.m.mark(f, markExact, ref))
		if l.clause.Here != "" {
			list = append(list, r.m.mark(f, markExact, l.clause.Here+"/"+ref))
		}
	}
	return list
}

// pointedAt adds the documents that some of the other end refer to.
func (l *linked) pointedAt(r *run, e *end, docs []uint32) error {
	ids := make(map[string]bool)
	err := r.documents(e.plan.space, docs, true, func(doc uint32, d *document) error {
		may, err := r.allowed(e.plan.space.typ, doc, d.id)
		if err != nil || !may {
			return err
		}
		l.targets(d, func(typ, id string) {
			if typ == l.typ {
				ids[id] = true
			}
		})
		return nil
	})
	for id := range ids {
		if err != nil {
			break
		}
		var doc uint32
		var ok bool
		if doc, ok, err = r.document(l.typ, id); ok {
			l.set.add(doc)
		}
	}
	return err
}

// targets calls fn with the resources that a document refers to under the condition's parameters.
func (l *linked) targets(d *document, fn func(typ, id string)) {
	for i := range d.terms {
		t := &d.terms[i]
		if t.Kind != term.Reference || !slices.Contains(l.params, t.Param) {
			continue
		}
		if typ, id, ok := term.Local(term.Relative(t.Value, l.clause.Here)); ok {
			fn(typ, id)
		}
	}
}

// check gives the documents among those found in a block that fulfil the condition.
func (l *linked) check(r *run, p *plan, h *hit) (*set, error) {
	fits := new(set)
	_, err := h.chunks(0, func(docs []uint32) (bool, error) {
		if err := r.costly(); err != nil {
			return false, err
		}
		if l.clause.Has != nil {
			return true, l.referred(r, p, docs, fits)
		}
		return true, l.refer(r, p, docs, fits)
	})
	return fits, err
}

// refer adds the documents among some that refer to what is at the other end.
func (l *linked) refer(r *run, p *plan, docs []uint32, fits *set) error {
	type link struct {
		doc     uint32
		typ, id string
	}
	var links []link
	if err := r.documents(p.space, docs, true, func(doc uint32, d *document) error {
		l.targets(d, func(typ, id string) { links = append(links, link{doc, typ, id}) })
		return nil
	}); err != nil {
		return err
	}
	for _, k := range links {
		for _, e := range l.ends {
			if e.plan.space.typ != k.typ || fits.has(uint16(k.doc%blockDocs)) {
				continue
			}
			at, ok, err := r.document(k.typ, k.id)
			if err == nil && ok && e.found.has(at) {
				ok, err = r.allowed(k.typ, at, k.id)
				if ok {
					fits.add(uint16(k.doc % blockDocs))
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// referred adds the documents among some to which something at the other end refers.
func (l *linked) referred(r *run, p *plan, docs []uint32, fits *set) error {
	var ranges []rows.Range
	var of []uint32 // by ranges: the document that is referred to
	if err := r.documents(p.space, docs, false, func(doc uint32, d *document) error {
		for _, m := range l.marks(r, l.typ+"/"+d.id) {
			ranges, of = append(ranges, rows.Range{From: postingKey(m, 0), To: postingKey(m, 1<<24-1)}), append(of, doc)
		}
		return nil
	}); err != nil {
		return err
	}
	e := l.ends[0]
	r.looked += len(ranges)
	doubtful := make(map[uint32][]uint32) // by document: those at the other end of which the policy decides
	err := r.rows.Scan(r.ctx, ranges, func(i int, key, row []byte) (bool, error) {
		r.looked++
		there := e.found[blockOf(key)]
		var s set
		if !s.union(row) {
			return false, damaged("posting")
		}
		if there == nil {
			return true, nil
		}
		if s.and(there); s.empty() {
			return true, nil
		}
		if r.permit == nil {
			fits.add(uint16(of[i] % blockDocs))
			return true, nil
		}
		s.each(func(low uint16) bool {
			doubtful[of[i]] = append(doubtful[of[i]], blockOf(key)<<blockBits|uint32(low))
			return true
		})
		return true, nil
	})
	if err != nil {
		return err
	}
	for doc, list := range doubtful {
		may, err := l.anyAllowed(r, e, list)
		if err != nil {
			return err
		}
		if may {
			fits.add(uint16(doc % blockDocs))
		}
	}
	return nil
}

// enough ends a walk through documents.
type enough struct{}

func (enough) Error() string { return "enough" }

func (l *linked) anyAllowed(r *run, e *end, docs []uint32) (bool, error) {
	for some := range slices.Chunk(docs, 16) {
		err := r.documents(e.plan.space, some, false, func(doc uint32, d *document) error {
			may, err := r.allowed(e.plan.space.typ, doc, d.id)
			if err == nil && may {
				err = enough{}
			}
			return err
		})
		if errors.Is(err, enough{}) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if err := r.costly(); err != nil {
			return false, err
		}
	}
	return false, nil
}
