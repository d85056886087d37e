package ucum

import (
	"math"
	"math/big"
)

// scale is how a special unit counts (UCUM 2.0.1, §21 and table 4): from a value to the argument that the unit's definition counts, and back.
// With shift it is exact: argument = value + shift.
type scale struct {
	shift    *big.Rat
	argument func(value float64) float64
	value    func(argument float64) float64
}

// scales are the functions of the table by their names.
var scales = map[string]*scale{
	"Cel":         {shift: number("273.15")},
	"degF":        {shift: number("459.67")},
	"degRe":       {shift: number("218.52")},
	"pH":          negativeLog(10),
	"hpX":         negativeLog(10),
	"hpC":         negativeLog(100),
	"hpM":         negativeLog(1000),
	"hpQ":         negativeLog(50000),
	"ln":          {argument: math.Exp, value: math.Log},
	"lg":          {argument: func(v float64) float64 { return math.Pow(10, v) }, value: math.Log10},
	"lgTimes2":    {argument: func(v float64) float64 { return math.Pow(10, v/2) }, value: func(a float64) float64 { return 2 * math.Log10(a) }},
	"ld":          {argument: math.Exp2, value: math.Log2},
	"sqrt":        {argument: func(v float64) float64 { return v * v }, value: math.Sqrt},
	"tanTimes100": slope,
	"100tan":      slope,
}

// slope is counted in degrees by the table: its argument is an angle in degrees.
var slope = &scale{
	argument: func(v float64) float64 { return math.Atan(v/100) * 180 / math.Pi },
	value:    func(a float64) float64 { return math.Tan(a*math.Pi/180) * 100 },
}

func negativeLog(base float64) *scale {
	return &scale{
		argument: func(v float64) float64 { return math.Pow(base, -v) },
		value:    func(a float64) float64 { return -math.Log(a) / math.Log(base) },
	}
}

func (s *scale) toArgument(v *big.Rat) (*big.Rat, error) {
	if s.shift != nil {
		return new(big.Rat).Add(v, s.shift), nil
	}
	return through(s.argument, v)
}

func (s *scale) toValue(a *big.Rat) (*big.Rat, error) {
	if s.shift != nil {
		return new(big.Rat).Sub(a, s.shift), nil
	}
	return through(s.value, a)
}

// through computes with the precision of a float64.
func through(f func(float64) float64, v *big.Rat) (*big.Rat, error) {
	x, _ := v.Float64()
	r := new(big.Rat).SetFloat64(f(x)) // nil for what is not finite
	if r == nil {
		return nil, ErrRange
	}
	return r, nil
}
