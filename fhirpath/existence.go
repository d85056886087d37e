package fhirpath

// existenceFunctions are those of FHIRPath N1, §5.1.
var existenceFunctions = map[string]*function{
	"empty": {result: alwaysBoolean, eval: func(r *Run, _ *call, in span) error {
		r.push(Boolean(in.len() == 0))
		return nil
	}},
	"exists":     {max: 1, perItem: true, result: alwaysBoolean, eval: exists},
	"all":        {min: 1, max: 1, perItem: true, result: alwaysBoolean, eval: all},
	"allTrue":    {result: alwaysBoolean, eval: allAre(true)},
	"allFalse":   {result: alwaysBoolean, eval: allAre(false)},
	"anyTrue":    {result: alwaysBoolean, eval: anyIs(true)},
	"anyFalse":   {result: alwaysBoolean, eval: anyIs(false)},
	"subsetOf":   {min: 1, max: 1, result: alwaysBoolean, eval: subsetOf},
	"supersetOf": {min: 1, max: 1, result: alwaysBoolean, eval: supersetOf},
	"count": {result: alwaysInteger, eval: func(r *Run, _ *call, in span) error {
		r.push(Integer(int64(in.len())))
		return nil
	}},
	"distinct": {result: sameAsInput, eval: func(r *Run, _ *call, in span) error { return r.unique(in) }},
	"isDistinct": {result: alwaysBoolean, eval: func(r *Run, _ *call, in span) error {
		from := r.top()
		if err := r.unique(in); err != nil {
			return err
		}
		all := r.top()-from == in.len()
		r.drop(from)
		r.push(Boolean(all))
		return nil
	}},
	"not": {result: alwaysBoolean, eval: func(r *Run, n *call, in span) error {
		t, err := r.truthOf(in, n.at)
		r.pushTruth(t.not())
		return err
	}},
}

func exists(r *Run, n *call, in span) error {
	found := in.len() > 0
	if len(n.args) > 0 {
		found = false
		if err := r.each(in, func(int) error {
			if found {
				return nil
			}
			t, err := r.condition(n.args[0], n.at)
			found = t == yes
			return err
		}); err != nil {
			return err
		}
	}
	r.push(Boolean(found))
	return nil
}

func all(r *Run, n *call, in span) error {
	holds := true
	if err := r.each(in, func(int) error {
		if !holds {
			return nil
		}
		t, err := r.condition(n.args[0], n.at)
		holds = t == yes
		return err
	}); err != nil {
		return err
	}
	r.push(Boolean(holds))
	return nil
}

func allAre(want bool) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		all := true
		for i := in.from; i < in.to; i++ {
			b, ok := r.stack[i].boolean()
			if !ok {
				return n.fail("the function is for Booleans")
			}
			all = all && b == want
		}
		r.push(Boolean(all))
		return nil
	}
}

func anyIs(want bool) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		found := false
		for i := in.from; i < in.to; i++ {
			b, ok := r.stack[i].boolean()
			if !ok {
				return n.fail("the function is for Booleans")
			}
			found = found || b == want
		}
		r.push(Boolean(found))
		return nil
	}
}

func subsetOf(r *Run, n *call, in span) error {
	other, err := r.collection(n, 0)
	if err != nil {
		return err
	}
	return r.pushContained(in, other)
}

func supersetOf(r *Run, n *call, in span) error {
	other, err := r.collection(n, 0)
	if err != nil {
		return err
	}
	return r.pushContained(other, in)
}

// pushContained takes the argument off the stack and adds whether every item of part is in whole.
func (r *Run) pushContained(part, whole span) error {
	contained, all := true, r.setOf(whole)
	for i := part.from; i < part.to && contained; i++ {
		found, err := all.has(&r.stack[i])
		if err != nil {
			return err
		}
		contained = found
	}
	r.drop(max(part.from, whole.from))
	r.push(Boolean(contained))
	return nil
}
