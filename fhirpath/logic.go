package fhirpath

// logic is and, or, xor, implies (FHIRPath N1, §6.5).
type logic struct {
	operands
	op string
}

func (n *logic) eval(r *Run) error {
	defined := len(r.variables)
	a, err := r.condition(n.left, n.at)
	if err != nil {
		return err
	}
	r.variables = r.variables[:defined]
	switch {
	case n.op == "and" && a == no, n.op == "or" && a == yes, n.op == "implies" && a == no:
		r.push(Boolean(a == yes || n.op == "implies"))
		return nil
	}
	b, err := r.condition(n.right, n.at)
	if err != nil {
		return err
	}
	r.variables = r.variables[:defined]
	r.pushTruth(combine(n.op, a, b))
	return nil
}

func combine(op string, a, b truth) truth {
	switch op {
	case "and":
		if a == no || b == no {
			return no
		}
		if a == yes && b == yes {
			return yes
		}
	case "or":
		if a == yes || b == yes {
			return yes
		}
		if a == no && b == no {
			return no
		}
	case "xor":
		if a != unknown && b != unknown {
			return truthFrom(a != b)
		}
	case "implies":
		return combine("or", a.not(), b)
	}
	return unknown
}
