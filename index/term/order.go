package term

import (
	"encoding/binary"
	"math"
)

// Ordered gives a number whose order as an unsigned one is that of n.
func Ordered(n int64) uint64 { return uint64(n) ^ 1<<63 }

// OrderedFloat gives a number whose order as an unsigned one is that of f. Both zeros are one; f is not NaN.
func OrderedFloat(f float64) uint64 {
	if f == 0 {
		f = 0 // not the negative one
	}
	b := math.Float64bits(f)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

func integerKey(n int64) string  { return string(binary.BigEndian.AppendUint64(nil, Ordered(n))) }
func numberKey(f float64) string { return string(binary.BigEndian.AppendUint64(nil, OrderedFloat(f))) }
