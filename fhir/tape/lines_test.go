package tape

import (
	"strings"
	"testing"
)

// FuzzLines holds places against those that are counted from the beginning, whatever the bytes are.
func FuzzLines(f *testing.F) {
	f.Add("a\nb", 9000, 5000)
	f.Add("سجل", 9000, 4096)
	f.Add("x\n", 1, 1)
	f.Add("\xf0\x9f\x98\x80", 8192, 8193)
	f.Fuzz(func(t *testing.T, part string, size, at int) {
		if len(part) == 0 || size < 0 || at < 0 {
			return
		}
		src := []byte(strings.Repeat(part, 1+min(size, 64<<10)/len(part)))
		var l Lines
		for _, offset := range []int{at % (len(src) + 1), len(src), min(len(src), stride), min(len(src), 2*stride+1)} {
			for offset < len(src) && src[offset]&0xc0 == 0x80 { // values begin where characters do
				offset++
			}
			want, got := PositionOf(src, offset), l.Position(src, offset)
			if strings.ToValidUTF8(part, "") == part && got != want {
				t.Fatalf("byte %d: %v, not %v", offset, got, want)
			}
		}
	})
}
