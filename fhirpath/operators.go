package fhirpath

func (c *compiler) binary(e *binary) (node, static, error) {
	left, lt, err := c.compile(e.left)
	if err != nil {
		return nil, static{}, err
	}
	right, rt, err := c.compile(e.right)
	if err != nil {
		return nil, static{}, err
	}
	at := e.offset()
	o := operands{left, right, at}
	switch e.op {
	case "and", "or", "xor", "implies":
		return &logic{o, e.op}, systemType(BooleanKind), nil
	case "=", "!=":
		return &equality{o, e.op == "!="}, systemType(BooleanKind), nil
	case "~", "!~":
		return &equivalence{o, e.op == "!~"}, systemType(BooleanKind), nil
	case "<", ">", "<=", ">=":
		if !comparable(lt, rt) {
			return nil, static{}, c.fail(at, "values of these types have no order between them")
		}
		return &comparison{o, e.op}, systemType(BooleanKind), nil
	case "in":
		return &membership{operands{right, left, at}}, systemType(BooleanKind), nil
	case "contains":
		return &membership{o}, systemType(BooleanKind), nil
	case "|":
		u := lt.union(rt)
		switch {
		case u.never():
			return nothing{}, u, nil
		case lt.never():
			return &distinct{right}, u, nil
		case rt.never():
			return &distinct{left}, u, nil
		}
		return &union{o}, u, nil
	case "&":
		return &concatenation{o}, systemType(StringKind), nil
	}
	return c.arithmetic(e.op, o, lt, rt)
}

// operands are both sides of an operator.
type operands struct {
	left, right node
	at          int
}

// both evaluates the two sides; they stay on the stack above base.
func (r *Run) both(o *operands) (left, right span, base int, err error) {
	base, defined := r.top(), len(r.variables)
	if err = o.left.eval(r); err != nil {
		return left, right, base, err
	}
	r.variables = r.variables[:defined]
	left = span{base, r.top()}
	if err = o.right.eval(r); err != nil {
		return left, right, base, err
	}
	r.variables = r.variables[:defined]
	return left, span{left.to, r.top()}, base, r.spend(1)
}

// onlyBoth is both for sides that may have one item each; nil stands for none.
func (r *Run) onlyBoth(o *operands) (a, b *Item, base int, err error) {
	left, right, base, err := r.both(o)
	if err != nil {
		return nil, nil, base, err
	}
	if a, err = r.only(left, o.at); err == nil {
		b, err = r.only(right, o.at)
	}
	return a, b, base, err
}

// equality is = and !=.
type equality struct {
	operands
	negated bool
}

func (n *equality) eval(r *Run) error {
	left, right, base, err := r.both(&n.operands)
	if err != nil {
		return err
	}
	t, err := r.equalCollections(left, right)
	if err != nil {
		return err
	}
	if n.negated {
		t = t.not()
	}
	r.drop(base)
	r.pushTruth(t)
	return nil
}

// equivalence is ~ and !~.
type equivalence struct {
	operands
	negated bool
}

func (n *equivalence) eval(r *Run) error {
	left, right, base, err := r.both(&n.operands)
	if err != nil {
		return err
	}
	t, err := r.equivalentCollections(left, right)
	if err != nil {
		return err
	}
	r.drop(base)
	r.push(Boolean(t != n.negated))
	return nil
}

// comparison is <, >, <=, >= (§6.2).
type comparison struct {
	operands
	op string
}

func (n *comparison) eval(r *Run) error {
	a, b, base, err := r.onlyBoth(&n.operands)
	if err != nil {
		return err
	}
	if a == nil || b == nil {
		r.drop(base)
		return nil
	}
	cmp, known, fit := compare(a, b)
	if !fit {
		return &Error{Stage: Execution, Offset: n.at, Reason: "values of these types have no order between them"}
	}
	r.drop(base)
	if !known {
		return nil
	}
	var holds bool
	switch n.op {
	case "<":
		holds = cmp < 0
	case ">":
		holds = cmp > 0
	case "<=":
		holds = cmp <= 0
	default:
		holds = cmp >= 0
	}
	r.push(Boolean(holds))
	return nil
}

// membership is contains, and in with its sides exchanged: whether left has the item right.
type membership struct{ operands }

func (n *membership) eval(r *Run) error {
	left, right, base, err := r.both(&n.operands)
	if err != nil {
		return err
	}
	b, err := r.only(right, n.at)
	if err != nil {
		return err
	}
	if b == nil {
		r.drop(base)
		return nil
	}
	found, err := r.has(left, b)
	if err != nil {
		return err
	}
	r.drop(base)
	r.push(Boolean(found))
	return nil
}

// union is |: the items of both sides, without those that equal another.
type union struct{ operands }

func (n *union) eval(r *Run) error {
	left, right, base, err := r.both(&n.operands)
	if err != nil {
		return err
	}
	if err := r.unique(span{left.from, right.to}); err != nil {
		return err
	}
	return r.keep(base, right.to)
}

// distinct is a union of which one side is always empty.
type distinct struct{ of node }

func (n *distinct) eval(r *Run) error {
	base := r.top()
	if err := n.of.eval(r); err != nil {
		return err
	}
	to := r.top()
	if err := r.unique(span{base, to}); err != nil {
		return err
	}
	return r.keep(base, to)
}

// concatenation is &: an empty side is an empty string.
type concatenation struct{ operands }

func (n *concatenation) eval(r *Run) error {
	left, right, base, err := r.both(&n.operands)
	if err != nil {
		return err
	}
	var text [2]string
	for i, s := range [...]span{left, right} {
		it, err := r.only(s, n.at)
		if err != nil {
			return err
		}
		if it == nil || it.bare() {
			continue
		}
		t, ok := it.str()
		if !ok {
			return &Error{Stage: Execution, Offset: n.at, Reason: "a string is needed on both sides of &"}
		}
		text[i] = t
	}
	r.drop(base)
	return r.pushText(text[0] + text[1])
}
