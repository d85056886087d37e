package ucum

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

var one = big.NewRat(1, 1)

// meaning is what an expression comes to.
type meaning struct {
	factor    *big.Rat // base units in one; of a special unit, in one of what its function's argument is counted in. Never changed in place
	dims      []dim    // by symbol, no exponent 0
	special   *special // nil for a unit on a ratio scale
	undefined bool     // a special unit in a product (§21)
}

// dim is a base unit, or an arbitrary one, with its exponent.
type dim struct {
	symbol   string
	exponent int
}

// special is a unit on a scale of its own, with the factor that stands before it.
type special struct {
	code   string
	scale  *scale
	prefix *big.Rat
}

func (m meaning) scaled(f *big.Rat) meaning {
	if m.special == nil {
		m.factor = new(big.Rat).Mul(m.factor, f)
		return m
	}
	m.special = &special{m.special.code, m.special.scale, new(big.Rat).Mul(m.special.prefix, f)}
	return m
}

// times multiplies two meanings. A special unit may have numbers beside it, which are then its prefix, and nothing else.
func (m meaning) times(n meaning) (meaning, error) {
	if n.special != nil && m.plain() {
		m, n = n, m
	}
	if m.special != nil && n.plain() {
		m = m.scaled(n.factor)
		return m, limited(m.special.prefix)
	}
	r := meaning{
		factor:    new(big.Rat).Mul(m.factor, n.factor),
		undefined: m.undefined || n.undefined || m.special != nil || n.special != nil,
	}
	if err := limited(r.factor); err != nil {
		return r, err
	}
	r.dims = slices.Clone(m.dims)
	for _, d := range n.dims {
		i, found := slices.BinarySearchFunc(r.dims, d, func(a, b dim) int { return strings.Compare(a.symbol, b.symbol) })
		switch {
		case !found:
			r.dims = slices.Insert(r.dims, i, d)
		case r.dims[i].exponent+d.exponent == 0:
			r.dims = slices.Delete(r.dims, i, i+1)
		default:
			r.dims[i].exponent += d.exponent
		}
	}
	return r, nil
}

// plain says that it is a number and nothing else.
func (m meaning) plain() bool { return len(m.dims) == 0 && m.special == nil && !m.undefined }

// power raises to an exponent that may be negative or 0.
func (m meaning) power(n int) (meaning, error) {
	if n == 1 {
		return m, nil
	}
	r := meaning{undefined: m.undefined || m.special != nil}
	num, den, times := m.factor.Num(), m.factor.Denom(), n
	if n < 0 {
		num, den, times = den, num, -n
	}
	if max(num.BitLen(), den.BitLen())*times > maxBits {
		return r, errTooLarge
	}
	e := big.NewInt(int64(times))
	if den.Sign() == 0 {
		return r, errZero
	}
	r.factor = new(big.Rat).SetFrac(new(big.Int).Exp(num, e, nil), new(big.Int).Exp(den, e, nil))
	for _, d := range m.dims {
		if d.exponent *= n; d.exponent != 0 {
			r.dims = append(r.dims, d)
		}
	}
	return r, nil
}

func limited(r *big.Rat) error {
	if max(r.Num().BitLen(), r.Denom().BitLen()) > maxBits {
		return errTooLarge
	}
	return nil
}

// base writes the base units, in the order of their symbols: "g.m-3", "1" for a number.
func (m meaning) base() string {
	if len(m.dims) == 0 {
		return "1"
	}
	var b strings.Builder
	for i, d := range m.dims {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(d.symbol)
		if d.exponent != 1 {
			b.WriteString(strconv.Itoa(d.exponent))
		}
	}
	return b.String()
}
