package ucum

import (
	_ "embed"
	"fmt"
	"math/big"
	"strings"
	"sync"
)

//go:embed table.txt
var source string

// symbols is the table as it is looked up.
type symbols struct {
	prefixes map[string]*big.Rat
	atoms    map[string]*atom
}

// atom is a symbol that a unit can be written with, without prefix.
type atom struct {
	code   string
	metric bool   // it may have a prefix (§11)
	scale  *scale // of a special unit
	value  *big.Rat
	unit   string // what value counts; "" for a base unit, and an arbitrary unit that is counted in nothing else

	meaning func() meaning // made when first asked for
}

// table gives the symbols. It panics when the embedded table is not what the generator wrote, which a test would have seen.
var table = sync.OnceValue(func() *symbols {
	t := &symbols{prefixes: map[string]*big.Rat{}, atoms: map[string]*atom{}}
	for line := range strings.Lines(source) {
		f := strings.Fields(line)
		switch f[0] {
		case "prefix":
			t.prefixes[f[1]] = number(f[2])
		case "base":
			t.add(&atom{code: f[1], metric: true})
		case "unit":
			t.add(unitAtom(f[1:]))
		}
	}
	return t
})

func (t *symbols) add(a *atom) {
	a.meaning = sync.OnceValue(func() meaning { return a.define(t) })
	t.atoms[a.code] = a
}

// unitAtom reads CODE metric|- KIND VALUE UNIT.
func unitAtom(f []string) *atom {
	a := &atom{code: f[0], metric: f[1] == "metric", value: number(f[3]), unit: f[4]}
	switch kind := f[2]; kind {
	case "ratio":
	case "arbitrary":
		if a.unit == "1" { // [IU] is counted in [iU], all others in themselves
			a.unit = ""
		}
	default:
		if a.scale = scales[kind]; a.scale == nil {
			panic("ucum: function " + kind + " is not known")
		}
	}
	return a
}

// define resolves what an atom is in base units. The table has no cycles.
func (a *atom) define(t *symbols) meaning {
	if a.unit == "" {
		return meaning{factor: one, dims: []dim{{a.code, 1}}}
	}
	m, err := parse(t, a.unit)
	if err != nil {
		panic(fmt.Sprintf("ucum: the definition of %s: %v", a.code, err))
	}
	m.factor = new(big.Rat).Mul(a.value, m.factor)
	if a.scale != nil {
		m.special = &special{code: a.code, scale: a.scale, prefix: one}
	}
	return m
}

func number(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("ucum: the table has a value that is no number: " + s)
	}
	return r
}

// find gives an atom by its symbol, and the prefix before it, nil for none. A symbol that is an atom is not read as prefix and atom: "cd" is
// the candela, "Pa" the pascal.
func (t *symbols) find(symbol string) (a *atom, prefix *big.Rat) {
	if a := t.atoms[symbol]; a != nil {
		return a, nil
	}
	for n := 1; n <= 2 && n < len(symbol); n++ {
		if p := t.prefixes[symbol[:n]]; p != nil {
			if a := t.atoms[symbol[n:]]; a != nil && a.metric {
				return a, p
			}
		}
	}
	return nil, nil
}
