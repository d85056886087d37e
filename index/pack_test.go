package index

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

var uuids = []string{"0193f1a2-7c00-7001-8000-00ff00000000", "f193f1a2-7c00-7001-8000-ff0000000001"}

func TestPack(t *testing.T) {
	for s, size := range map[string]int{
		"":                               0,
		"a":                              1,
		uuids[0]:                         17,
		"Patient/" + uuids[1]:            8 + 17,
		uuids[0] + uuids[1]:              34,
		"urn:uuid:" + uuids[0] + "|x":    9 + 17 + 2,
		strings.ToUpper(uuids[1]):        36, // another text, another id
		"0" + uuids[0]:                   1 + 17,
		uuids[0][:35]:                    35,
		strings.Repeat("-", 36):          36,
		"g" + uuids[0][1:]:               36,
		"Patient/" + uuids[0] + "-extra": 8 + 17 + 6,
	} {
		packed := appendPacked([]byte("head"), s)
		back, ok := unpack(packed[4:])
		if len(packed) != 4+size || back != s || !ok {
			t.Errorf("%q: %d bytes, back %q, %v", s, len(packed)-4, back, ok)
		}
	}
	for _, bad := range []string{"\xff", "a\xff123456789012345"} {
		if s, ok := unpack([]byte(bad)); ok {
			t.Errorf("%q unpacks to %q", bad, s)
		}
	}
}

// FuzzPack: what is packed comes back, and what ends in a zero byte begins no other, so that a range of keys holds no stranger.
func FuzzPack(f *testing.F) {
	f.Add(uuids[0], uuids[0]+"\x00"+uuids[1])
	f.Add("Patient/"+uuids[1], "Patient/")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) || strings.ContainsRune(a, 0) || strings.ContainsRune(b, 0) {
			return
		}
		if back, ok := unpack([]byte(pack(a))); !ok || back != a {
			t.Fatalf("%q came back as %q", a, back)
		}
		if a != b && bytes.HasPrefix(append(appendPacked(nil, b), 0), append(appendPacked(nil, a), 0)) {
			t.Fatalf("%q is taken for the beginning of %q", a, b)
		}
	})
}
