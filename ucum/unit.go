package ucum

import (
	"errors"
	"math"
	"math/big"
	"slices"
)

// Errors of conversions.
var (
	ErrNotComparable = errors.New("the units measure different things")
	ErrUndefined     = errors.New("a unit on a scale of its own cannot be multiplied with others")
	ErrRange         = errors.New("the value cannot be expressed in that unit")
)

// Unit is an expression that was understood. It does not change and may be shared.
type Unit struct {
	meaning
	base string

	fast         string // what Canonical gives; "" for nothing
	multiplicand float64
	addend       float64
}

// Parse reads an expression in case sensitive UCUM. The error is a *SyntaxError. Units that were asked for lately are kept, so that reading
// one again costs a look-up.
func Parse(code string) (*Unit, error) {
	if e := known.get(code); e != nil {
		return e.unit, e.err
	}
	e := &entry{}
	m, err := parse(table(), code)
	if err != nil {
		e.err = err
	} else {
		e.unit = newUnit(m)
	}
	known.put(code, e)
	return e.unit, e.err
}

func newUnit(m meaning) *Unit {
	u := &Unit{meaning: m, base: m.base()}
	if m.undefined {
		return u
	}
	u.fast = u.base
	u.multiplicand, _ = m.factor.Float64()
	if s := m.special; s != nil {
		prefix, _ := s.prefix.Float64()
		if s.scale.shift == nil {
			u.fast, u.multiplicand = s.code, prefix
		} else {
			u.addend, _ = new(big.Rat).Mul(s.scale.shift, m.factor).Float64()
			u.multiplicand *= prefix
		}
	}
	if u.multiplicand == 0 || math.IsInf(u.multiplicand, 0) {
		u.fast = ""
	}
	return u
}

// Base gives the base units that it is counted in, in the order of their symbols, "1" for a number: "g.m-3" for mg/dL.
func (u *Unit) Base() string { return u.base }

// Comparable says whether values in one unit can be converted into the other.
func (u *Unit) Comparable(v *Unit) bool {
	return !u.undefined && !v.undefined && slices.Equal(u.dims, v.dims)
}

// ToBase gives a value in base units: exactly, but for logarithmic units, slopes and roots, which are computed in float64. It fails with
// ErrUndefined or ErrRange.
func (u *Unit) ToBase(value *big.Rat) (*big.Rat, error) {
	if u.undefined {
		return nil, ErrUndefined
	}
	if u.special != nil {
		var err error
		if value, err = u.special.scale.toArgument(new(big.Rat).Mul(value, u.special.prefix)); err != nil {
			return nil, err
		}
	}
	return new(big.Rat).Mul(value, u.factor), nil
}

// FromBase is the reverse of ToBase.
func (u *Unit) FromBase(value *big.Rat) (*big.Rat, error) {
	if u.undefined {
		return nil, ErrUndefined
	}
	if u.factor.Sign() == 0 {
		return nil, ErrRange
	}
	value = new(big.Rat).Quo(value, u.factor)
	if s := u.special; s != nil {
		v, err := s.scale.toValue(value)
		if err != nil {
			return nil, err
		}
		if s.prefix.Sign() == 0 {
			return nil, ErrRange
		}
		value = v.Quo(v, s.prefix)
	}
	return value, nil
}
