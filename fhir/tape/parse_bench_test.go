package tape

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestParseAllocatesNothing(t *testing.T) {
	src := []byte(`{"resourceType":"Patient","name":[{"given":["A","B"]}],"active":true}`)
	var tape Tape
	if n := testing.AllocsPerRun(100, func() {
		if err := tape.Parse(src, Limits{}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	largest, patient := []byte(nil), []byte(nil)
	for name, src := range samples(b) {
		if strings.Contains(name, "smart-2019") && len(src) > len(largest) {
			largest = src
		}
		if strings.HasSuffix(name, "patient-example-f201-roel.json") {
			patient = src
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, largest); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		src  []byte
	}{{"Bundle", largest}, {"BundleCompact", compact.Bytes()}, {"Patient", patient}} {
		b.Run(c.name, func(b *testing.B) {
			var tape Tape
			b.SetBytes(int64(len(c.src)))
			b.ReportAllocs()
			for b.Loop() {
				if err := tape.Parse(c.src, Limits{Bytes: 32 << 20, Nodes: 1 << 21}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
