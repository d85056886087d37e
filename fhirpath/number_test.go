package fhirpath

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawDecimal(t *rapid.T, name string) (string, Decimal) {
	text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?`).Draw(t, name)
	d, ok := parseDecimal(text)
	if !ok {
		t.Fatalf("%s is not read", text)
	}
	return text, d
}

func rat(t *rapid.T, s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatal(s)
	}
	return r
}

// TestDecimals holds decimals to fractions.
func TestDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, x := drawDecimal(t, "a")
		b, y := drawDecimal(t, "b")
		p, q := rat(t, a), rat(t, b)
		if a != "-0" && a[0] != '-' && x.String() != a || x.Rat().Cmp(p) != 0 {
			t.Fatalf("%s becomes %s", a, x)
		}
		if x.Cmp(y) != p.Cmp(q) || x.Sign() != p.Sign() {
			t.Fatalf("%s, %s: order", a, b)
		}
		sum, _ := x.add(y)
		product, _ := x.mul(y)
		if sum.Rat().Cmp(new(big.Rat).Add(p, q)) != 0 || product.Rat().Cmp(new(big.Rat).Mul(p, q)) != 0 || x.neg().Rat().Cmp(new(big.Rat).Neg(p)) != 0 {
			t.Fatalf("%s, %s: sum %s, product %s", a, b, sum, product)
		}
		if x.trim().Cmp(x) != 0 || bucketOfNumber(x) != bucketOfNumber(x.trim()) {
			t.Fatalf("%s: trimmed to %s", a, x.trim())
		}
		places := rapid.IntRange(0, 13).Draw(t, "places")
		floor, _ := x.floorTo(places)
		ceil, _ := x.ceilTo(places)
		round, _ := x.rescale(places)
		if floor.Cmp(x) > 0 || ceil.Cmp(x) < 0 || round.Cmp(floor) < 0 || round.Cmp(ceil) > 0 {
			t.Fatalf("%s to %d places: %s, %s, %s", a, places, floor, round, ceil)
		}
		if y.Sign() == 0 {
			return
		}
		quotient, remainder, _ := x.divMod(y)
		back, _ := quotient.mul(y)
		if back, _ = back.add(remainder); back.Cmp(x) != 0 {
			t.Fatalf("%s divided by %s: %s, %s", a, b, quotient, remainder)
		}
		exact, _ := x.div(y)
		difference := new(big.Rat).Sub(exact.Rat(), new(big.Rat).Quo(p, q))
		if difference.Abs(difference).Cmp(big.NewRat(1, 1e16)) > 0 {
			t.Fatalf("%s / %s = %s", a, b, exact)
		}
	})
}

func TestDecimalsOfJSON(t *testing.T) {
	for text, want := range map[string]string{"1e3": "1000", "1.50E1": "15.0", "-2.5e-3": "-0.0025", "1E-22": "0.0000000000000000000001", "0e5": "0", "9223372036854775808": "9223372036854775808"} {
		if d, ok := parseDecimal(text); !ok || d.String() != want {
			t.Errorf("%s: %s %v, want %s", text, d, ok, want)
		}
	}
	for _, text := range []string{"", "-", ".5", "5.", "1e", "1e1001", "1e-1001", "1x", "1e1.5", "--1", "1.2.3"} {
		if d, ok := parseDecimal(text); ok {
			t.Errorf("%q is read as %s", text, d)
		}
	}
}

// TestTemporals holds the order of moments to package time.
func TestTemporals(t *testing.T) {
	draw := func(t *rapid.T, name string) (Temporal, time.Time) {
		text := rapid.StringMatching(`(19|20)[0-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,4})?(Z|\+(0[0-9]|1[0-3]):[0-5][0-9]|-(0[0-9]|1[01]):[0-5][0-9])`).Draw(t, name)
		moment, ok := parseDateTime(text)
		reference, err := time.Parse(time.RFC3339Nano, text)
		if !ok || err != nil {
			t.Fatalf("%s: %v %v", text, ok, err)
		}
		if s := moment.String(); s != text && moment.Offset != 0 {
			t.Fatalf("%s is written as %s", text, s)
		}
		return moment, reference
	}
	rapid.Check(t, func(t *rapid.T) {
		a, x := draw(t, "a")
		b, y := draw(t, "b")
		if cmp, ok := a.order(b); !ok || cmp != x.Compare(y) {
			t.Fatalf("%v, %v: %d %v", a, b, cmp, ok)
		}
		// What is less precise has no order with what lies in it, and its boundaries surround that.
		cut := a
		cut.cut(Precision(rapid.IntRange(int(Year), int(Minute)).Draw(t, "precision")))
		if _, ok := cut.order(a); ok {
			t.Fatalf("%v and %v have an order", cut, a)
		}
		low, ok1 := cut.boundary(false, 17)
		high, ok2 := cut.boundary(true, 17)
		if !ok1 || !ok2 {
			t.Fatalf("%v has no boundaries", cut)
		}
		a.Nanosecond, a.Digits = a.Nanosecond/1e6*1e6, 3
		if before, _ := low.order(a); before > 0 {
			t.Fatalf("%v is after %v", low, a)
		}
		if after, _ := high.order(a); after < 0 {
			t.Fatalf("%v is before %v", high, a)
		}
		hours := int64(rapid.IntRange(-100000, 100000).Draw(t, "hours"))
		if moved, ok := b.shifted(decimalOfInt(hours), "hour"); !ok || !moved.time().Equal(y.Add(time.Duration(hours)*time.Hour)) {
			t.Fatalf("%v + %d hours = %v", b, hours, moved)
		}
	})
}
