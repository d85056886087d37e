package fhirpath

// subsetFunctions are those of FHIRPath N1, §5.3 and §5.4.
var subsetFunctions = map[string]*function{
	"single": {result: sameAsInput, eval: func(r *Run, n *call, in span) error {
		it, err := r.only(in, n.at)
		if it != nil {
			r.push(*it)
		}
		return err
	}},
	"first": {ordered: true, result: sameAsInput, eval: func(r *Run, _ *call, in span) error {
		return r.pushSpan(in.from, min(in.from+1, in.to))
	}},
	"last": {ordered: true, result: sameAsInput, eval: func(r *Run, _ *call, in span) error {
		return r.pushSpan(max(in.to-1, in.from), in.to)
	}},
	"tail": {ordered: true, result: sameAsInput, eval: func(r *Run, _ *call, in span) error {
		return r.pushSpan(min(in.from+1, in.to), in.to)
	}},
	"skip": {min: 1, max: 1, ordered: true, result: sameAsInput, eval: func(r *Run, n *call, in span) error {
		skipped, ok, err := r.integerArgument(n, 0)
		if err != nil || !ok {
			return err
		}
		return r.pushSpan(in.from+int(min(max(skipped, 0), int64(in.len()))), in.to)
	}},
	"take": {min: 1, max: 1, ordered: true, result: sameAsInput, eval: func(r *Run, n *call, in span) error {
		taken, ok, err := r.integerArgument(n, 0)
		if err != nil || !ok {
			return err
		}
		return r.pushSpan(in.from, in.from+int(min(max(taken, 0), int64(in.len()))))
	}},
	"intersect": {min: 1, max: 1, result: sameAsInput, eval: intersect},
	"exclude":   {min: 1, max: 1, result: sameAsInput, eval: exclude},
	"union":     {min: 1, max: 1, result: inputOrArgument, eval: unite},
	"combine":   {min: 1, max: 1, result: inputOrArgument, eval: combineItems},
}

// pushSpan adds a part of the stack again.
func (r *Run) pushSpan(from, to int) error {
	r.stack = append(r.stack, r.stack[from:to]...)
	return nil
}

func intersect(r *Run, n *call, in span) error {
	other, err := r.collection(n, 0)
	if err != nil {
		return err
	}
	others, kept := r.setOf(other), r.setOf(span{other.to, other.to})
	for i := in.from; i < in.to; i++ {
		found, err := others.has(&r.stack[i])
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		kept.s.to = r.top()
		if found, err = kept.has(&r.stack[i]); err != nil {
			return err
		}
		if !found {
			r.push(r.stack[i])
		}
	}
	return r.keep(other.from, other.to)
}

func exclude(r *Run, n *call, in span) error {
	other, err := r.collection(n, 0)
	if err != nil {
		return err
	}
	others := r.setOf(other)
	for i := in.from; i < in.to; i++ {
		found, err := others.has(&r.stack[i])
		if err != nil {
			return err
		}
		if !found {
			r.push(r.stack[i])
		}
	}
	return r.keep(other.from, other.to)
}

func unite(r *Run, n *call, in span) error {
	base := r.top()
	if err := combineItems(r, n, in); err != nil {
		return err
	}
	to := r.top()
	if err := r.unique(span{base, to}); err != nil {
		return err
	}
	return r.keep(base, to)
}

func combineItems(r *Run, n *call, in span) error {
	if err := r.pushSpan(in.from, in.to); err != nil {
		return err
	}
	_, err := r.collection(n, 0)
	return err
}

// at is [index].
type at struct {
	on, index node
	at        int
}

func (c *compiler) indexer(e *indexer) (node, static, error) {
	on, in, err := c.compile(e.on)
	if err != nil {
		return nil, in, err
	}
	index, t, err := c.compile(e.index)
	switch {
	case err != nil:
		return nil, in, err
	case !t.mayBe(IntegerKind):
		return nil, in, c.fail(e.offset(), "an index is an integer")
	case in.unordered && c.strict:
		return nil, in, c.fail(e.offset(), "the items that are counted have no order")
	}
	return &at{on, index, e.offset()}, in, nil
}

func (n *at) eval(r *Run) error {
	in, base, err := r.evalInput(n.on)
	if err != nil {
		return err
	}
	it, err := r.single(n.index, n.at)
	if err != nil {
		return err
	}
	if it == nil {
		r.drop(base)
		return nil
	}
	i, ok := it.integer()
	if !ok {
		return &Error{Stage: Execution, Offset: n.at, Reason: "an index is an integer"}
	}
	if i < 0 || i >= int64(in.len()) {
		r.drop(base)
		return nil
	}
	found := r.stack[in.from+int(i)]
	r.drop(base)
	r.push(found)
	return nil
}
