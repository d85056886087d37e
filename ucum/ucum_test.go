package ucum_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/ucum"
)

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}

// TestConvertExactly holds conversions to their defined values, digit by digit.
func TestConvertExactly(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"100", "mg/dL", "g/L", "1"},
		{"1", "g/L", "mg/dL", "100"},
		{"120", "mm[Hg]", "kPa", "15.99864"}, // 133.322 Pa each (UCUM table)
		{"1", "[lb_av]", "kg", "0.45359237"},
		{"1", "kg", "[lb_av]", "100000000/45359237"},
		{"1", "[in_i]", "cm", "2.54"},
		{"37", "Cel", "[degF]", "98.6"},
		{"98.6", "[degF]", "Cel", "37"},
		{"37", "Cel", "K", "310.15"},
		{"-40", "Cel", "[degF]", "-40"},
		{"37000", "mCel", "K", "310.15"},
		{"80", "[degRe]", "Cel", "100"},
		{"0", "K", "[degF]", "-459.67"},
		{"4.5", "10*3/uL", "10*9/L", "4.5"},
		{"4.5", "{RBC}10*3/uL", "/L", ""}, // an annotation stands behind, not before
		{"4.5", "10*3{RBC}/uL", "/L", "4500000000"},
		{"4.5", "10^3/uL", "/nL", "4.5"},
		{"5.5", "mmol/L", "umol/mL", "5.5"},
		{"72", "/min", "Hz", "1.2"},
		{"72", "{beats}/min", "/h", "4320"},
		{"1500", "m[IU]/L", "[IU]/L", "1.5"},
		{"1", "[IU]", "[iU]", "1"},
		{"25", "kg/m2", "g/cm2", "2.5"},
		{"1", "a", "d", "365.25"},
		{"1", "a", "mo", "12"},
		{"1", "mo", "d", "30.4375"},
		{"1", "wk", "d", "7"},
		{"1", "d", "h", "24"},
		{"1", "h", "min", "60"},
		{"1", "min", "s", "60"},
		{"1", "s", "ms", "1000"},
		{"50", "%", "1", "0.5"},
		{"1", "[ppm]", "10*-6", "1"},
		{"1", "g%", "g/dl", "1"},
		{"1", "eq", "mol", "1"},
		{"1", "U", "umol/min", "1"},
		{"1", "kat", "mol/s", "1"},
		{"1", "N", "kg.m/s2", "1"},
		{"1", "m[H2O]", "kPa", "9.80665"},
		{"1", "KiBy", "bit", "8192"},
		{"180", "deg", "[pi].rad", "1"},
		{"1", "4.[pi].10*-7.N/A2", "[mu_0]", "1"},
		{"2", "g/(L.h)", "mg/mL/h", "2"},
		{"2", "g/L.h", "g.h/L", "2"}, // from left to right: 12.h under no line
		{"3", "(((m)))2", "m2", ""},  // an exponent belongs to a symbol
		{"3", "m+2", "m2", "3"},
		{"3", "[lb_av]", "[lb_av]", "3"},
		{"1", "dar", "m2", "10"},
		{"1", "Pa", "kg.m-1.s-2", "1"},
	} {
		got, err := ucum.Convert(rat(t, c.value), c.from, c.to)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s %s in %s: %s, want an error", c.value, c.from, c.to, got.RatString())
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s in %s: %v", c.value, c.from, c.to, err)
			continue
		}
		if want := rat(t, c.want); got.Cmp(want) != 0 {
			t.Errorf("%s %s in %s: %s, want %s", c.value, c.from, c.to, got.RatString(), c.want)
		}
	}
}

// TestConvertScales goes through units that are not on a ratio scale, there and back.
func TestConvertScales(t *testing.T) {
	for _, c := range []struct {
		value    float64
		from, to string
		want     float64
	}{
		{7.4, "[pH]", "nmol/L", math.Pow(10, -7.4) * 1e9},
		{20, "dB", "B", 2},
		{3, "B", "1", 1000},
		{2, "Np", "1", math.Exp(2)},
		{94, "dB[SPL]", "Pa", 2e-5 * math.Pow(10, 94.0/20)},
		{60, "dB[uV]", "mV", 1},
		{30, "dB[W]", "kW", 1},
		{3, "B[kW]", "MW", 1},
		{100, "%[slope]", "deg", 45},
		{100, "[p'diop]", "rad", math.Pi / 4},
		{3, "[m/s2/Hz^(1/2)]", "m2/s3", 9},
		{8, "bit_s", "1", 256},
		{2, "[hp'_X]", "1", 0.01},
		{1, "[hp'_Q]", "1", 1.0 / 50000},
	} {
		got, err := ucum.Convert(new(big.Rat).SetFloat64(c.value), c.from, c.to)
		if err != nil {
			t.Errorf("%v %s in %s: %v", c.value, c.from, c.to, err)
			continue
		}
		if f, _ := got.Float64(); math.Abs(f-c.want) > 1e-12*math.Abs(c.want) {
			t.Errorf("%v %s in %s: %v, want %v", c.value, c.from, c.to, f, c.want)
		}
		back, err := ucum.Convert(got, c.to, c.from)
		if err != nil {
			t.Errorf("back to %s: %v", c.from, err)
		} else if f, _ := back.Float64(); math.Abs(f-c.value) > 1e-9*math.Abs(c.value) {
			t.Errorf("%v %s in %s and back: %v", c.value, c.from, c.to, f)
		}
	}
	if _, err := ucum.Convert(rat(t, "-1"), "nmol/L", "[pH]"); !errors.Is(err, ucum.ErrRange) {
		t.Errorf("a negative concentration as pH: %v", err)
	}
	if _, err := ucum.Convert(rat(t, "-100000"), "[pH]", "mol/L"); !errors.Is(err, ucum.ErrRange) {
		t.Errorf("an infinite concentration: %v", err)
	}
}

func TestComparable(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"mg/dL", "g/L", true},
		{"mg/dL", "mmol/L", false},
		{"[IU]/L", "m[IU]/mL", true},
		{"[IU]/L", "[iU]/L", true},
		{"[IU]/L", "U/L", false},
		{"[IU]", "1", false},
		{"[IU]", "[arb'U]", false},
		{"[arb'U]", "[arb'U]", true},
		{"[CFU]/mL", "/mL", false},
		{"{score}", "1", true},
		{"[HPF]", "1", true},
		{"mol/L", "/L", true},
		{"Cel", "K", true},
		{"Cel", "[degF]", true},
		{"[pH]", "mol/L", true},
		{"Cel/m", "K/m", false}, // it has no meaning
		{"Cel/m", "Cel/m", false},
		{"Cel.2", "K", true},
		{"rad", "1", false}, // UCUM keeps the plane angle as a dimension
		{"m", "meter", false},
		{"", "1", false},
	} {
		if got := ucum.Comparable(c.a, c.b); got != c.want {
			t.Errorf("Comparable(%q, %q) = %v", c.a, c.b, got)
		}
		if got := ucum.Comparable(c.b, c.a); got != c.want {
			t.Errorf("Comparable(%q, %q) = %v", c.b, c.a, got)
		}
	}
	if _, err := ucum.Convert(big.NewRat(1, 1), "mg/dL", "mmol/L"); !errors.Is(err, ucum.ErrNotComparable) {
		t.Errorf("mass into number: %v", err)
	}
	if _, err := ucum.Convert(big.NewRat(1, 1), "W/Cel", "W/K"); !errors.Is(err, ucum.ErrUndefined) {
		t.Errorf("a special unit in a product: %v", err)
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		code           string
		factor, offset float64
		unit           string
	}{
		{"mg/dL", 10, 0, "g.m-3"},
		{"g/L", 1000, 0, "g.m-3"},
		{"kg/m2", 1000, 0, "g.m-2"},
		{"Cel", 1, 273.15, "K"},
		{"mCel", 0.001, 273.15, "K"},
		{"10*3/uL", 1e12, 0, "m-3"},
		{"mm[Hg]", 133322, 0, "g.m-1.s-2"},
		{"/min", 1.0 / 60, 0, "s-1"},
		{"m[IU]/L", 1, 0, "[iU].m-3"},
		{"{score}", 1, 0, "1"},
		{"%", 0.01, 0, "1"},
		{"[pH]", 1, 0, "[pH]"},
		{"dB", 0.1, 0, "B"},
		{"J/K", 1000, 0, "K-1.g.m2.s-2"},
	} {
		factor, offset, unit, ok := ucum.Canonical(c.code)
		if !ok || unit != c.unit || factor != c.factor || offset != c.offset {
			t.Errorf("%s: %v %v %q %v, want %v %v %q", c.code, factor, offset, unit, ok, c.factor, c.offset, c.unit)
		}
	}
	f, o, _, _ := ucum.Canonical("[degF]")
	if got := 98.6*f + o; math.Abs(got-310.15) > 1e-9 {
		t.Errorf("98.6 [degF] is %v K", got)
	}
	for _, code := range []string{"", "mg per dL", "W/Cel", "Cel2", "0", "10*400", "10*-400", strings.Repeat("m.", 200) + "m"} {
		if _, _, unit, ok := ucum.Canonical(code); ok {
			t.Errorf("%q has the canonical unit %q", code, unit)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		code   string
		offset int
	}{
		{"", 0}, {" ", 0}, {"m ", 1}, {"m/", 2}, {"m.", 2}, {"m//s", 2}, {"(m", 2}, {"m)", 1}, {"()", 1},
		{"12h", 2}, {"g/12h", 4}, {"k[lb_av]", 0}, {"kk", 0}, {"kkg", 0}, {"MM", 0}, {"mG/DL", 3}, {"Kg", 0},
		{"m[H2O", 1}, {"m-", 2}, {"m+", 2}, {"m--2", 2}, {"m1000", 4}, {"-m", 0}, {"+1", 0}, {"1.5", -1}, {"1.", 2}, {".5", 0},
		{"{a", 2}, {"{a b}", 2}, {"{a{b}}", 2}, {"{ä}", 1}, {"{a}m", 3}, {"µg", 0}, {"°C", 0}, {"C°", 1}, {"m²", 1}, {"iU", 0},
		{"10*-", 4}, {"10+3", 2}, {"/0", 1}, {"m/0", 2}, {"1/(0.m)", 2}, {"m\x00", 1},
		{strings.Repeat("(", 17) + "m" + strings.Repeat(")", 17), 16},
		{strings.Repeat("9", 31), 0},
		{strings.Repeat("m", 257), 0},
		{"10*999.10*999.10*999", 14},
		{"mol-999", 0},
	} {
		_, err := ucum.Parse(c.code)
		if c.offset < 0 { // "1.5" is a product
			if err != nil {
				t.Errorf("%q: %v", c.code, err)
			}
			continue
		}
		var syntax *ucum.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %v, want a syntax error", c.code, err)
			continue
		}
		if syntax.Offset != c.offset {
			t.Errorf("%q: %v, want offset %d", c.code, err, c.offset)
		}
	}
}

// TestKeptUnits fills the store of known units over and over from several goroutines: what it gives stays right.
func TestKeptUnits(t *testing.T) {
	done := make(chan string)
	for g := range 4 {
		go func() {
			for i := range 800 {
				n := big.NewInt(int64(1 + i + 800*g))
				if f, _, unit, ok := ucum.Canonical(n.String() + ".m"); !ok || unit != "m" || f != float64(n.Int64()) {
					done <- n.String() + ".m is " + unit
					return
				}
			}
			done <- ""
		}()
	}
	for range 4 {
		if fault := <-done; fault != "" {
			t.Error(fault)
		}
	}
}

func TestKnownUnitsDoNotAllocate(t *testing.T) {
	ucum.Canonical("mg/dL")
	if n := testing.AllocsPerRun(100, func() { ucum.Canonical("mg/dL") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCanonical(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ucum.Canonical("mm[Hg]")
	}
}

func BenchmarkConvert(b *testing.B) {
	v := big.NewRat(1204, 10)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ucum.Convert(v, "mm[Hg]", "kPa")
	}
}

func BenchmarkParseUnknown(b *testing.B) {
	long := "mg/dL{" + strings.Repeat("a", 80) + "}" // too long to be kept
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ucum.Parse(long)
	}
}

// FuzzParse: nothing panics; the canonical unit of what is understood is understood, is its own canonical unit, and has the factor 1.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"mg/dL", "m[H2O]", "10*3/uL", "{a}.rad2{b}", "dB[10.nV]", "/(s.[IU])", "4.[pi].10*-7.N/A2", "Cel", "m-999", "((m))", "%[slope]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		u, err := ucum.Parse(code)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error that says nothing")
			}
			return
		}
		if len(u.Base()) > ucum.MaxLength {
			return
		}
		base, err := ucum.Parse(u.Base())
		if err != nil {
			var syntax *ucum.SyntaxError
			if errors.As(err, &syntax) && strings.Contains(syntax.Reason, "exponent") {
				return // products reach exponents that are not written
			}
			t.Fatalf("%q has the base %q: %v", code, u.Base(), err)
		}
		if base.Base() != u.Base() {
			t.Fatalf("%q has the base %q, that has %q", code, u.Base(), base.Base())
		}
		if v, err := base.ToBase(big.NewRat(1, 1)); err != nil || v.Cmp(big.NewRat(1, 1)) != 0 {
			t.Fatalf("%q: one %q is %v in base units, %v", code, u.Base(), v, err)
		}
		if v, err := u.ToBase(big.NewRat(3, 7)); err == nil {
			if _, err := u.FromBase(v); err != nil && !errors.Is(err, ucum.ErrRange) {
				t.Fatalf("%q: there and not back: %v", code, err)
			}
		}
	})
}
