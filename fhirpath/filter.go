package fhirpath

import (
	"cmp"
	"slices"
)

// filterFunctions are those of FHIRPath N1, §5.2, with iif, aggregate and sort, which evaluate an argument for items of their input, too.
var filterFunctions = map[string]*function{
	"where": {min: 1, max: 1, perItem: true, result: sameAsInput, eval: where},
	"select": {min: 1, max: 1, perItem: true, result: func(in static, args []static) static {
		args[0].unordered = args[0].unordered || in.unordered
		return args[0]
	}, eval: func(r *Run, n *call, in span) error {
		return r.each(in, func(int) error { return n.args[0].eval(r) })
	}},
	"repeat":    {min: 1, max: 1, perItem: true, open: true, eval: repeat},
	"iif":       {min: 2, max: 3, check: checkIif, perItem: true, result: iifResult, eval: iif},
	"aggregate": {min: 1, max: 2, perItem: true, eval: aggregate},
	"sort":      {max: 16, compile: compileSort, perItem: true, result: func(in static, _ []static) static { in.unordered = false; return in }, eval: sort},
}

func where(r *Run, n *call, in span) error {
	return r.each(in, func(i int) error {
		t, err := r.condition(n.args[0], n.at)
		if t == yes {
			r.push(r.stack[i])
		}
		return err
	})
}

// repeat gives what the argument gives for the input, and for that again, until there is nothing new.
func repeat(r *Run, n *call, in span) error {
	result := r.setOf(span{r.top(), r.top()})
	for from := in; from.len() > 0; {
		added := r.top()
		for i := from.from; i < from.to; i++ {
			before := r.top()
			if err := r.each(span{i, i + 1}, func(int) error { return n.args[0].eval(r) }); err != nil {
				return err
			}
			if err := r.addNew(&result, before); err != nil {
				return err
			}
		}
		from = span{added, r.top()}
	}
	return nil
}

// addNew leaves of what lies above before only what is not in the result yet.
func (r *Run) addNew(result *set, before int) error {
	kept := before
	for i := before; i < r.top(); i++ {
		result.s.to = kept
		found, err := result.has(&r.stack[i])
		if err != nil {
			return err
		}
		if !found {
			r.stack[kept] = r.stack[i]
			kept++
		}
	}
	r.drop(kept)
	return r.spend(1)
}

// checkIif holds the condition to be a Boolean, where that is wanted.
func checkIif(c *compiler, e *invocation, args []static) error {
	if c.strict && !args[0].mayBe(BooleanKind) {
		return c.fail(e.args[0].offset(), "the condition is no Boolean")
	}
	return nil
}

func iifResult(_ static, args []static) static {
	if len(args) == 2 {
		return args[1]
	}
	return args[1].union(args[2])
}

func iif(r *Run, n *call, in span) error {
	if in.len() > 1 {
		return n.fail("one value is needed where there are several")
	}
	this, defined := r.this, len(r.variables)
	r.this = in
	t, err := r.condition(n.args[0], n.at)
	if err != nil {
		return err
	}
	r.variables = r.variables[:defined]
	switch {
	case t == yes:
		err = n.args[1].eval(r)
	case len(n.args) == 3:
		err = n.args[2].eval(r)
	}
	r.this, r.variables = this, r.variables[:defined]
	return err
}

func aggregate(r *Run, n *call, in span) error {
	base, total := r.top(), r.total
	if len(n.args) == 2 {
		if _, err := r.collection(n, 1); err != nil {
			return err
		}
	}
	sum := span{base, r.top()}
	if err := r.each(in, func(int) error {
		r.total = sum
		if err := n.args[0].eval(r); err != nil {
			return err
		}
		if err := r.keep(base, sum.to); err != nil {
			return err
		}
		sum = span{base, r.top()}
		return nil
	}); err != nil {
		return err
	}
	r.total = total
	return nil
}

// compileSort takes the sign of a key away: -key means descending, whatever the key's type is.
func compileSort(c *compiler, n *call, e *invocation, in static) error {
	inner := *c
	inner.focus = in
	n.complete, n.descending = true, make([]bool, len(e.args))
	for i, a := range e.args {
		if u, ok := a.(*unary); ok && u.op == "-" {
			n.descending[i], a = true, u.x
		}
		key, _, err := inner.compile(a)
		if err != nil {
			return err
		}
		n.args = append(n.args, key)
	}
	return nil
}

// sort orders by the keys; an item without a key comes first, also in descending order. Keys that have no order among them are an error.
func sort(r *Run, n *call, in span) error {
	type entry struct {
		item Item
		keys []Item
	}
	entries := make([]entry, 0, in.len())
	if err := r.each(in, func(i int) error {
		e := entry{item: r.stack[i]}
		for k := range n.args {
			key, _, err := r.argument(n, k)
			if err != nil {
				return err
			}
			e.keys = append(e.keys, key)
		}
		if len(n.args) == 0 {
			e.keys = []Item{e.item}
		}
		entries = append(entries, e)
		return nil
	}); err != nil {
		return err
	}
	fits := true
	slices.SortStableFunc(entries, func(a, b entry) int {
		for k := range a.keys {
			x, y := &a.keys[k], &b.keys[k]
			if x.scalarKind() == NodeKind || y.scalarKind() == NodeKind {
				if order := cmp.Compare(min(x.scalarKind(), 1), min(y.scalarKind(), 1)); order != 0 {
					return order
				}
				continue
			}
			order, _, fit := compare(x, y)
			fits = fits && fit
			if k < len(n.descending) && n.descending[k] {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	if !fits {
		return n.fail("values of these types have no order between them")
	}
	for _, e := range entries {
		r.push(e.item)
	}
	return r.spend(len(entries) * 8)
}
