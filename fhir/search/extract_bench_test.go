package search

import (
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

func BenchmarkTerms(b *testing.B) {
	resources := map[string][]byte{}
	for r := range syntheaResources(b) {
		if typ := r.Get("resourceType").Text(); resources[typ] == nil && (typ != "Observation" || r.Get("valueQuantity").Exists()) {
			resources[typ] = append([]byte(nil), r.Raw()...)
		}
	}
	p := New(definition.Base())
	for _, typ := range []string{"Observation", "Patient", "Encounter", "Claim", "ExplanationOfBenefit"} {
		b.Run(typ, func(b *testing.B) {
			var t tape.Tape
			if err := t.Parse(resources[typ], tape.Limits{}); err != nil {
				b.Fatal(err)
			}
			of, list := p.Of(typ), []term.Term(nil)
			b.ReportAllocs()
			b.SetBytes(int64(len(resources[typ])))
			for b.Loop() {
				list = of.Terms(list[:0], t.Root(), nil)
			}
			b.ReportMetric(float64(len(list)), "terms")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	definition.TypeOf("Observation") // which reads the definitions
	for b.Loop() {
		New(definition.Base()).Of("Observation")
	}
}
