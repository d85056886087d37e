package search

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index/term"
)

// span gives the numbers that a number asked for stands for (FHIR R4, 3.1.1.4.6): with "eq" and "ne" as many as its digits leave open, 100 is
// 99.5 to below 100.5; with "ap" a tenth to either side; itself with the others, which know no precision.
func span(prefix term.Prefix, lexeme string) (low, high float64, ok bool) {
	digits, exponent, ok := decimal(lexeme)
	if !ok {
		return 0, 0, false
	}
	exact := float(digits, exponent)
	switch prefix {
	case term.Equal, term.NotEqual:
		ten := new(big.Int).Mul(digits, big.NewInt(10))
		low = float(new(big.Int).Sub(ten, big.NewInt(5)), exponent-1)
		high = math.Nextafter(float(new(big.Int).Add(ten, big.NewInt(5)), exponent-1), math.Inf(-1))
	case term.Approximate:
		low, high = exact-math.Abs(exact)/10, exact+math.Abs(exact)/10
	default:
		low, high = exact, exact
	}
	return low, high, !math.IsInf(exact, 0)
}

// maxDigits and maxExponent bound the numbers that are read.
const (
	maxDigits   = 64
	maxExponent = 300
)

// decimal reads a number: digits × 10^exponent.
func decimal(s string) (digits *big.Int, exponent int, ok bool) {
	mantissa, power, scientific := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, pointed := strings.Cut(mantissa, ".")
	unsigned := strings.TrimPrefix(strings.TrimPrefix(whole, "-"), "+")
	if len(unsigned) == 0 || pointed && fraction == "" || len(mantissa) > maxDigits || !allDigits(unsigned) || !allDigits(fraction) {
		return nil, 0, false
	}
	if scientific {
		n, err := strconv.Atoi(power)
		if err != nil || n > maxExponent || n < -maxExponent {
			return nil, 0, false
		}
		exponent = n
	}
	digits, ok = new(big.Int).SetString(whole+fraction, 10)
	return digits, exponent - len(fraction), ok
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// float gives the nearest float64.
func float(digits *big.Int, exponent int) float64 {
	f, _ := strconv.ParseFloat(digits.String()+"e"+strconv.Itoa(exponent), 64) // out of range it is infinite
	return f
}
