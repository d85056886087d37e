package xml

import (
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

func bundle(b *testing.B) (json, xml []byte) {
	b.Helper()
	names := shared.Files("data/fhir/synthea/pathling/enc-Bennett*.xml.gz")
	if len(names) == 0 {
		b.Skip("no sample data here")
	}
	xml, err := shared.Read(names[0])
	if err != nil {
		b.Fatal(err)
	}
	if json, _, err = ToJSON(xml, large); err != nil {
		b.Fatal(err)
	}
	return json, xml
}

func BenchmarkToJSON(b *testing.B) {
	_, xml := bundle(b)
	b.SetBytes(int64(len(xml)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ToJSON(xml, large); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromJSON(b *testing.B) {
	json, _ := bundle(b)
	var p tape.Tape
	if err := p.Parse(json, tape.Limits{Bytes: 64 << 20, Nodes: 4 << 20}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(json)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		var err error
		if out, err = FromJSON(out[:0], p.Root(), false); err != nil {
			b.Fatal(err)
		}
	}
}
