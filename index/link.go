package index

import (
	"bytes"
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
	guess  guessed
}

// end is what is to be found at the other end of the references.
type end struct {
	plan  *plan
	found fixed // all of it, once it was looked up
	n     int
}

// among gives which of some documents are there.
func (e *end) among(r *run, docs fixed) (fixed, error) {
	if e.found == nil {
		return e.plan.among(r, docs)
	}
	out := fixed{}
	for b, s := range docs {
		if there := e.found[b]; there != nil {
			both := *s
			if both.and(there); !both.empty() {
				out[b] = &both
			}
		}
	}
	return out, nil
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
	candidates := 0
	for i := range hits {
		candidates += hits[i].found.count()
	}
	if candidates == 0 {
		return hits, nil
	}
	if l.set == nil {
		there, _, err := l.estimate(r)
		if err == nil && l.set == nil && there <= preferred*candidates {
			err = l.gather(r)
		}
		if err != nil {
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
		if err := e.look(r); err != nil {
			return err
		}
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
	err := r.documents(e.plan.space, docs, l.clause.Canonical, func(doc uint32, d *document) error {
		may, err := r.allowed(e.plan.space.typ, doc, d.id)
		if may {
			marks = append(marks, l.marks(r, e.plan.space.typ, d)...)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(marks, func(a, b mark) int { return bytes.Compare(a[:], b[:]) }) // rows are looked up fastest in their order
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

// marks are those of a reference to a document under the condition's parameters: as Type/id, by the server's own URL where that is known, and by canonical URL.
func (l *linked) marks(r *run, of string, d *document) (list []mark) {
	typ, ref := l.typ, of+"/"+d.id
	if l.clause.Has != nil {
		typ = l.clause.Has.Query.Type
	}
	for _, param := range l.params {
		f := &field{typ: typ, param: param, kind: term.Reference}
		list = append(list, r.m.mark(f, markExact, ref))
		if l.clause.Here != "" {
			list = append(list, r.m.mark(f, markExact, l.clause.Here+"/"+ref))
		}
		for i := range d.terms {
			if t := &d.terms[i]; t.Param == term.ParamCanonical && l.clause.Canonical {
				list = append(list, r.m.mark(f, markExact, t.Value))
			}
		}
	}
	return list
}

// pointedAt adds the documents that some of the other end refer to.
func (l *linked) pointedAt(r *run, e *end, docs []uint32) error {
	ids, names := make(map[string]bool), make(map[string]bool)
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
		l.canonical(d, func(name string) { names[name] = true })
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
	if err == nil && len(names) > 0 {
		err = r.bearing(l.typ, names, func(_ string, block uint32, docs *set) { l.set.join(block, docs) })
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
	_, err := h.chunks(0, 0, func(docs []uint32) (bool, error) {
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
	by := make(map[string][]uint32) // by canonical URL: the documents that refer so
	if err := r.documents(p.space, docs, true, func(doc uint32, d *document) error {
		l.targets(d, func(typ, id string) { links = append(links, link{doc, typ, id}) })
		l.canonical(d, func(name string) { by[name] = append(by[name], doc) })
		return nil
	}); err != nil {
		return err
	}
	if err := l.referByName(r, by, fits); err != nil {
		return err
	}
	for _, e := range l.ends {
		at, there := make(map[string]uint32), fixed{}
		for _, k := range links {
			if _, known := at[k.id]; known || k.typ != e.plan.space.typ {
				continue
			}
			doc, ok, err := r.document(k.typ, k.id)
			if err != nil {
				return err
			}
			if ok {
				at[k.id] = doc
				there.add(doc)
			}
		}
		found, err := e.among(r, there)
		if err != nil {
			return err
		}
		for _, k := range links {
			doc, ok := at[k.id]
			if !ok || k.typ != e.plan.space.typ || !found.has(doc) || fits.has(uint16(k.doc%blockDocs)) {
				continue
			}
			may, err := r.allowed(k.typ, doc, k.id)
			if err != nil {
				return err
			}
			if may {
				fits.add(uint16(k.doc % blockDocs))
			}
		}
	}
	return nil
}

// referred adds the documents among some to which something at the other end refers.
func (l *linked) referred(r *run, p *plan, docs []uint32, fits *set) error {
	var ranges []rows.Range
	var of []uint32 // by ranges: the document that is referred to
	if err := r.documents(p.space, docs, l.clause.Canonical, func(doc uint32, d *document) error {
		for _, m := range l.marks(r, l.typ, d) {
			ranges, of = append(ranges, rows.Range{From: postingKey(m, 0), To: postingKey(m, 1<<24-1)}), append(of, doc)
		}
		return nil
	}); err != nil {
		return err
	}
	e := l.ends[0]
	r.looked += len(ranges)
	from, all := make(map[uint32]fixed), fixed{} // what refers to each document, and to any
	err := r.rows.Scan(r.ctx, ranges, func(i int, key, row []byte) (bool, error) {
		r.looked++
		var s set
		if !s.union(row) {
			return false, damaged("posting")
		}
		if from[of[i]] == nil {
			from[of[i]] = fixed{}
		}
		from[of[i]].join(blockOf(key), &s)
		all.join(blockOf(key), &s)
		return true, nil
	})
	if err != nil {
		return err
	}
	found, err := e.among(r, all)
	if err != nil {
		return err
	}
	for doc, some := range from {
		may, err := l.anyFound(r, e, some, found)
		if err != nil {
			return err
		}
		if may {
			fits.add(uint16(doc % blockDocs))
		}
	}
	return nil
}

// anyFound tells whether any of some documents at the other end is among those found, and may be gone by.
func (l *linked) anyFound(r *run, e *end, some, found fixed) (bool, error) {
	var list []uint32
	for b, s := range some {
		there := found[b]
		if there == nil {
			continue
		}
		both := *s
		if both.and(there); both.empty() {
			continue
		}
		if r.permit == nil {
			return true, nil
		}
		both.each(func(low uint16) bool {
			list = append(list, b<<blockBits|uint32(low))
			return true
		})
	}
	slices.Sort(list)
	return l.anyAllowed(r, e, list)
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
