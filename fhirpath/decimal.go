package fhirpath

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Decimal is a number with the precision that it was written in: 1.50 is 150 × 10^-2. It is never changed; the zero Decimal is 0.
type Decimal struct {
	small int64
	large *big.Int // set where the digits do not fit into small
	scale int32    // digits after the point, not negative
}

const (
	maxDigits     = 1000 // of a decimal, before and after the point
	divisionScale = 16   // digits after the point of a quotient that has no end
)

// DecimalOf gives unscaled × 10^-scale. ok is false if that has more digits than are computed with.
func DecimalOf(unscaled *big.Int, scale int) (d Decimal, ok bool) {
	if scale < 0 {
		if scale < -maxDigits {
			return Decimal{}, false
		}
		unscaled, scale = new(big.Int).Mul(unscaled, power10(-scale)), 0
	}
	if scale > maxDigits || unscaled.BitLen() > maxDigits*10/3 {
		return Decimal{}, false
	}
	if unscaled.IsInt64() {
		return Decimal{small: unscaled.Int64(), scale: int32(scale)}, true
	}
	return Decimal{large: unscaled, scale: int32(scale)}, true
}

func decimalOfInt(n int64) Decimal { return Decimal{small: n} }

// decimalOfFloat rounds to significant digits that a float64 has.
func decimalOfFloat(f float64) (Decimal, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Decimal{}, false
	}
	d, ok := parseDecimal(strconv.FormatFloat(f, 'g', 15, 64))
	if ok && d.scale == 0 {
		d, ok = d.rescale(1)
	}
	return d, ok
}

func power10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// parseDecimal reads a number as JSON and FHIRPath write it, leading zeros and a sign + besides.
func parseDecimal[T string | []byte](s T) (Decimal, bool) {
	var d Decimal
	i, negative, digits, point := 0, false, 0, -1
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		i++
	}
	from := i
	overflow := false
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && point < 0 && digits > 0 {
			point = i
			continue
		}
		if !isDigit(c) {
			break
		}
		digits++
		if overflow = overflow || d.small > (math.MaxInt64-9)/10; !overflow {
			d.small = d.small*10 + int64(c-'0')
		}
	}
	if digits == 0 || point == i-1 || digits > maxDigits {
		return Decimal{}, false
	}
	scale := 0
	if point >= 0 {
		scale = i - point - 1
	}
	if negative {
		d.small = -d.small
	}
	d.scale = int32(scale)
	exponent := 0
	if i < len(s) {
		var err error
		if s[i] != 'e' && s[i] != 'E' {
			return Decimal{}, false
		}
		if exponent, err = strconv.Atoi(string(s[i+1:])); err != nil || exponent > maxDigits || exponent < -maxDigits {
			return Decimal{}, false
		}
	}
	if !overflow && exponent == 0 {
		return d, true
	}
	unscaled := big.NewInt(d.small)
	if overflow {
		unscaled.SetString(strings.Replace(string(s[from:i]), ".", "", 1), 10)
		if negative {
			unscaled.Neg(unscaled)
		}
	}
	return DecimalOf(unscaled, scale-exponent)
}

// Unscaled gives the digits without the point; Scale says how many stand after it.
func (d Decimal) Unscaled() *big.Int {
	if d.large != nil {
		return new(big.Int).Set(d.large)
	}
	return big.NewInt(d.small)
}

// Scale is the number of digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	if d.large != nil {
		return d.large.Sign()
	}
	switch {
	case d.small < 0:
		return -1
	case d.small > 0:
		return 1
	}
	return 0
}

// Rat is the number as a fraction.
func (d Decimal) Rat() *big.Rat {
	return new(big.Rat).SetFrac(d.Unscaled(), power10(int(d.scale)))
}

// Float is the nearest float64.
func (d Decimal) Float() float64 {
	f, _ := d.Rat().Float64()
	return f
}

// Int is the whole number that d is. ok is false if it is none, or does not fit.
func (d Decimal) Int() (n int64, ok bool) {
	t := d.truncate()
	return t.small, t.large == nil && t.Cmp(d) == 0
}

// String writes all digits: 1.50 stays 1.50.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Append adds String to b.
func (d Decimal) Append(b []byte) []byte {
	digits := d.Unscaled()
	if digits.Sign() < 0 {
		b = append(b, '-')
		digits.Neg(digits)
	}
	text := digits.String()
	if zeros := int(d.scale) + 1 - len(text); zeros > 0 {
		text = strings.Repeat("0", zeros) + text
	}
	at := len(text) - int(d.scale)
	b = append(b, text[:at]...)
	if d.scale > 0 {
		b = append(append(b, '.'), text[at:]...)
	}
	return b
}

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
