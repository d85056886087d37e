package patch

import (
	"bytes"
	"strconv"

	"github.com/sijil-health/sijil/fhir/tape"
)

// same tells whether two values are equal as RFC 6902, 4.6, has it: numbers by their value, objects whatever the order of their members.
func (d *document) same(a, b tape.Value) (bool, *Error) {
	if bad := d.spend(1); bad != nil {
		return false, bad
	}
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false, nil
	}
	switch a.Kind() {
	case tape.Number:
		return sameNumber(a.Raw(), b.Raw()), nil
	case tape.String:
		return bytes.Equal(a.Bytes(), b.Bytes()), nil
	case tape.Array:
		for x, y := a.First(), b.First(); x.Exists(); x, y = x.Next(), y.Next() {
			if ok, bad := d.same(x, y); !ok || bad != nil {
				return false, bad
			}
		}
	case tape.Object:
		if bad := d.spend(a.Len() * a.Len()); bad != nil { // of looking for each
			return false, bad
		}
		for x := a.First(); x.Exists(); x = x.Next() {
			y := b.Get(x.Name())
			if !y.Exists() {
				return false, nil
			}
			if ok, bad := d.same(x, y); !ok || bad != nil {
				return false, bad
			}
		}
	}
	return true, nil
}

// sameNumber compares numbers by their value, however many digits they have.
func sameNumber(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, okX := readNumber(a)
	y, okY := readNumber(b)
	return okX && okY && x == y
}

// number is a number in one form: digits without zeros at either end, times ten to the power.
type number struct {
	digits   string
	power    int64
	negative bool
}

func readNumber(b []byte) (n number, ok bool) {
	mantissa, exponent := b, int64(0)
	if i := bytes.IndexAny(b, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.ParseInt(string(b[i+1:]), 10, 32); err != nil {
			return n, false // so large that only the same digits can be the same
		}
		mantissa = b[:i]
	}
	mantissa, n.negative = bytes.CutPrefix(mantissa, []byte("-"))
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	digits := append(append(make([]byte, 0, len(b)), whole...), fraction...)
	n.power = exponent - int64(len(fraction))
	trimmed := bytes.TrimRight(digits, "0")
	n.power += int64(len(digits) - len(trimmed))
	if n.digits = string(bytes.TrimLeft(trimmed, "0")); n.digits == "" {
		return number{}, true
	}
	return n, true
}
