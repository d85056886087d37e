package fhirpath

import (
	"math"
	"math/big"
	"math/bits"
)

// aligned gives the digits of both with as many after the point.
func aligned(a, b Decimal) (x, y *big.Int, scale int) {
	x, y = a.Unscaled(), b.Unscaled()
	switch {
	case a.scale < b.scale:
		x.Mul(x, power10(int(b.scale-a.scale)))
	case b.scale < a.scale:
		y.Mul(y, power10(int(a.scale-b.scale)))
	}
	return x, y, int(max(a.scale, b.scale))
}

// Cmp compares the numbers, not their precisions.
func (d Decimal) Cmp(e Decimal) int {
	if d.large == nil && e.large == nil {
		x, y := d.small, e.small
		fits := true
		switch {
		case d.scale < e.scale:
			x, fits = scaled(x, int(e.scale-d.scale))
		case e.scale < d.scale:
			y, fits = scaled(y, int(d.scale-e.scale))
		}
		if fits {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	x, y, _ := aligned(d, e)
	return x.Cmp(y)
}

// scaled gives n × 10^by if it fits.
func scaled(n int64, by int) (int64, bool) {
	for ; by > 0; by-- {
		magnitude := uint64(n)
		if n < 0 {
			magnitude = -magnitude
		}
		if hi, lo := bits.Mul64(magnitude, 10); hi != 0 || lo > math.MaxInt64 {
			return 0, n == 0
		}
		n *= 10
	}
	return n, true
}

func (d Decimal) neg() Decimal {
	if d.large == nil && d.small != math.MinInt64 {
		d.small = -d.small
		return d
	}
	n, _ := DecimalOf(new(big.Int).Neg(d.Unscaled()), int(d.scale))
	return n
}

func (d Decimal) add(e Decimal) (Decimal, bool) {
	x, y, scale := aligned(d, e)
	return DecimalOf(x.Add(x, y), scale)
}

func (d Decimal) mul(e Decimal) (Decimal, bool) {
	x := d.Unscaled()
	return DecimalOf(x.Mul(x, e.Unscaled()), int(d.scale+e.scale))
}

// div gives a quotient that has an end exactly, and any other rounded. e is not 0.
func (d Decimal) div(e Decimal) (Decimal, bool) {
	return decimalOfRat(new(big.Rat).Quo(d.Rat(), e.Rat()), max(divisionScale, int(d.scale), int(e.scale)))
}

// decimalOfRat rounds to at most scale digits after the point, without zeros at the end.
func decimalOfRat(r *big.Rat, scale int) (Decimal, bool) {
	n := new(big.Int).Mul(r.Num(), power10(scale))
	q, ok := DecimalOf(roundHalfUp(n, r.Denom()), scale)
	return q.trim(), ok
}

// roundHalfUp gives n/by to the nearest whole number, halves away from zero. by is positive.
func roundHalfUp(n, by *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(n, by, new(big.Int))
	if r.Abs(r).Lsh(r, 1).Cmp(by) >= 0 {
		q.Add(q, big.NewInt(int64(n.Sign())))
	}
	return q
}

// divMod gives the whole quotient, truncated, and the remainder. e is not 0.
func (d Decimal) divMod(e Decimal) (quotient, remainder Decimal, ok bool) {
	x, y, scale := aligned(d, e)
	q, r := x.QuoRem(x, y, new(big.Int))
	quotient, ok = DecimalOf(q, 0)
	remainder, ok2 := DecimalOf(r, scale)
	return quotient, remainder, ok && ok2
}

// rescale gives d with exactly so many digits after the point, rounded half away from zero.
func (d Decimal) rescale(scale int) (Decimal, bool) {
	if scale >= int(d.scale) {
		x := d.Unscaled()
		return DecimalOf(x.Mul(x, power10(scale-int(d.scale))), scale)
	}
	return DecimalOf(roundHalfUp(d.Unscaled(), power10(int(d.scale)-scale)), scale)
}

// floorTo and ceilTo give d with so many digits after the point, the nearest such number that is not above, or not below.
func (d Decimal) floorTo(scale int) (Decimal, bool) {
	if scale >= int(d.scale) {
		return d.rescale(scale)
	}
	q, _ := new(big.Int).DivMod(d.Unscaled(), power10(int(d.scale)-scale), new(big.Int)) // Euclidean: rounds down for a positive divisor
	return DecimalOf(q, scale)
}

func (d Decimal) ceilTo(scale int) (Decimal, bool) {
	f, ok := d.neg().floorTo(scale)
	return f.neg(), ok
}

func (d Decimal) truncate() Decimal {
	if d.scale == 0 {
		return d
	}
	x := d.Unscaled()
	t, _ := DecimalOf(x.Quo(x, power10(int(d.scale))), 0)
	return t
}

// trim takes zeros away from the end, behind the point.
func (d Decimal) trim() Decimal {
	if d.large == nil {
		for d.scale > 0 && d.small%10 == 0 {
			d.small /= 10
			d.scale--
		}
		return d
	}
	ten, x := big.NewInt(10), d.Unscaled()
	for d.scale > 0 {
		q, r := new(big.Int).QuoRem(x, ten, new(big.Int))
		if r.Sign() != 0 {
			break
		}
		x = q
		d.scale--
	}
	t, _ := DecimalOf(x, int(d.scale))
	return t
}
