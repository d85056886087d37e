package index

import (
	"maps"
	"slices"

	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
)

// canonical calls fn with the names by which a document refers to others under the condition's parameters, if that may be by canonical URL. What is no
// canonical URL is the name of nothing.
func (l *linked) canonical(d *document, fn func(name string)) {
	for i := range d.terms {
		if t := &d.terms[i]; l.clause.Canonical && t.Kind == term.Reference && t.Value != "" && slices.Contains(l.params, t.Param) {
			fn(t.Value)
		}
	}
}

// bearing calls fn with the documents of a type that have a name, block by block.
func (r *run) bearing(typ string, names map[string]bool, fn func(name string, block uint32, docs *set)) error {
	list := slices.Sorted(maps.Keys(names))
	ranges := make([]rows.Range, len(list))
	for i, name := range list {
		m := r.m.mark(&field{typ: typ, param: term.ParamCanonical, kind: term.Reference}, markExact, name)
		ranges[i] = rows.Range{From: postingKey(m, 0), To: postingKey(m, 1<<24-1)}
	}
	r.looked += len(ranges)
	return r.rows.Scan(r.ctx, ranges, func(i int, key, row []byte) (bool, error) {
		r.looked++
		docs := new(set)
		if !docs.union(row) {
			return false, damaged("posting")
		}
		fn(list[i], blockOf(key), docs)
		return true, nil
	})
}

// referByName adds the documents that refer by a name to what is at the other end and may be gone by.
func (l *linked) referByName(r *run, by map[string][]uint32, fits *set) error {
	if len(by) == 0 {
		return nil
	}
	names := make(map[string]bool, len(by))
	for name := range by {
		names[name] = true
	}
	for _, e := range l.ends {
		of, all := make(map[string]fixed), fixed{}
		if err := r.bearing(e.plan.space.typ, names, func(name string, block uint32, docs *set) {
			if of[name] == nil {
				of[name] = fixed{}
			}
			of[name].join(block, docs)
			all.join(block, docs)
		}); err != nil {
			return err
		}
		if len(all) == 0 {
			continue
		}
		there, err := e.among(r, all)
		if err != nil {
			return err
		}
		for name, docs := range of {
			may, err := l.anyFound(r, e, docs, there)
			if err != nil {
				return err
			}
			for _, doc := range by[name] {
				if may {
					fits.add(uint16(doc % blockDocs))
				}
			}
		}
	}
	return nil
}
