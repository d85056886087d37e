package verify

import (
	"bytes"
	"testing"
)

func FuzzOneLine(f *testing.F) {
	f.Add([]byte("{\n  \"a\": 1,\r\n \"b\":[ ]}\n\n"), []byte{2, 2})
	f.Add([]byte(`{}`), []byte{0x80})
	f.Fuzz(func(t *testing.T, doc, breaks []byte) {
		line, where := OneLine(doc)
		if bytes.ContainsAny(line, "\r\n") {
			t.Fatal("it has line ends")
		}
		again, err := Lines(line, where)
		if err != nil || !bytes.Equal(again, doc) {
			t.Fatalf("it does not come back: %v", err)
		}
		if other, err := Lines(doc, breaks); err == nil && len(other) != len(doc) {
			t.Fatal("it changed its length")
		}
	})
}
