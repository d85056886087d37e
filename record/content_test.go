package record

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzContent reads what may stand inside a ciphertext: whatever it is, it is an error or comes back the same, and what is served is made of
// no more than was there.
func FuzzContent(f *testing.F) {
	c := content{source: []byte(`{"resourceType":"Patient"}`), edits: []Edit{{1, 0, []byte(`"id":"x",`)}, {3, 2, nil}}}
	f.Add(c.encode())
	f.Add((&content{source: []byte("x")}).encode())
	f.Add(append(make([]byte, 32), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
	f.Add(append(make([]byte, 32), 1, 2, 2, 0, 'a', 'b', 'c'))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeContent(bytes.Clone(b))
		if err != nil {
			return
		}
		again, err := decodeContent(c.encode())
		if err != nil || !cmp.Equal(c, again, cmp.AllowUnexported(content{}), cmpopts.EquateEmpty()) {
			t.Fatal(err, cmp.Diff(c, again, cmp.AllowUnexported(content{}), cmpopts.EquateEmpty()))
		}
		if out, err := c.served(); err == nil && len(out) > len(b) {
			t.Fatalf("%d bytes served out of %d", len(out), len(b))
		}
	})
}
