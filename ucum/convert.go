package ucum

import "math/big"

// Convert gives a value in another unit, exactly but for what ToBase says. Its errors are a *SyntaxError, ErrNotComparable, ErrUndefined and
// ErrRange. The caller sees to it that the value has a size that he can bear; it is computed with in full.
func Convert(value *big.Rat, from, to string) (*big.Rat, error) {
	u, err := Parse(from)
	if err != nil {
		return nil, err
	}
	v, err := Parse(to)
	if err != nil {
		return nil, err
	}
	switch {
	case from == to:
		return value, nil
	case u.undefined || v.undefined:
		return nil, ErrUndefined
	case !u.Comparable(v):
		return nil, ErrNotComparable
	}
	base, err := u.ToBase(value)
	if err != nil {
		return nil, err
	}
	return v.FromBase(base)
}

// Comparable says whether both are units and values in one can be converted into the other.
func Comparable(a, b string) bool {
	u, err := Parse(a)
	if err != nil {
		return false
	}
	v, err := Parse(b)
	return err == nil && u.Comparable(v)
}

// Valid says whether it is an expression of UCUM.
func Valid(code string) bool {
	_, err := Parse(code)
	return err == nil
}

// Canonical is for indexes: a value in the unit is value*factor + offset in the canonical one, in float64. A unit on a logarithmic scale, pH
// or decibel, stays on it: its canonical unit is itself without prefix, so that values keep their order; Convert relates it to others. It is
// not ok for what is not UCUM, has no meaning, or no factor that a float64 can hold.
func Canonical(code string) (factor, offset float64, unit string, ok bool) {
	e := known.get(code)
	if e == nil {
		if u, err := Parse(code); err == nil {
			e = &entry{unit: u}
		} else {
			return 0, 0, "", false
		}
	}
	if e.unit == nil || e.unit.fast == "" {
		return 0, 0, "", false
	}
	return e.unit.multiplicand, e.unit.addend, e.unit.fast, true
}
