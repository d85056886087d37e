package search

import (
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// maxProduct bounds the terms that one value of a composite gives: several codings of the one part with several of the other. Real ones
// have a handful.
const maxProduct = 1 << 10

// takeComposite adds a term for each combination of what the parts of one value have.
func takeComposite(x *extraction, l *leaf, v tape.Value) {
	mark := len(x.terms)
	defer func(inner bool) { x.inner = inner }(x.inner)
	x.inner = true
	ends, total := make([]int, 0, 4), 1
	for i := range l.parts {
		from, before := v, len(x.terms)
		if l.parts[i].fromRoot {
			from = x.root
		}
		x.at(l.parts[i].step, from, 0)
		total *= len(x.terms) - before
		if total == 0 || total > maxProduct {
			x.terms = x.terms[:mark]
			return
		}
		ends = append(ends, len(x.terms))
	}
	n := len(ends)
	parts := make([]term.Term, total*n)
	for i := range total {
		rest, begin := i, mark
		for j, end := range ends {
			parts[i*n+j] = x.terms[begin+rest%(end-begin)]
			parts[i*n+j].Param = ""
			rest, begin = rest/(end-begin), end
		}
	}
	x.terms = x.terms[:mark]
	for i := range total {
		x.add(l, term.Term{Parts: parts[i*n : (i+1)*n : (i+1)*n]})
	}
	x.present[l.param.slot] = true
}
