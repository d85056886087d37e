package fhirpath

import (
	"math"
	"math/big"
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
