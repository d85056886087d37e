package search

import (
	"math"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/ucum"
)

// systemUCUM is the URL of UCUM's units.
const systemUCUM = "http://unitsofmeasure.org"

// canonical gives a range in base units; nil where the unit is not of UCUM, or has none that it can be converted to.
func canonical(system, code string, low, high float64) *term.Canonical {
	if system != systemUCUM || code == "" {
		return nil
	}
	factor, offset, unit, ok := ucum.Canonical(code)
	if !ok || factor <= 0 {
		return nil
	}
	c := &term.Canonical{Low: low*factor + offset, High: high*factor + offset, Unit: unit}
	if math.IsNaN(c.Low) || math.IsNaN(c.High) {
		return nil
	}
	return c
}

// quantity is a range in a unit.
type quantity struct {
	system, code string
	low, high    float64
}

// canonical is canonical, with one memory: the same value is taken for several parameters.
func (x *extraction) canonical(q quantity) *term.Canonical {
	if x.of != q {
		x.of, x.base = q, canonical(q.system, q.code, q.low, q.high)
	}
	return x.base
}
