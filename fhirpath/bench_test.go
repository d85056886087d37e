package fhirpath

import (
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// syntheaResources gives the first resource of each type in a sample Bundle.
func syntheaResources(t testing.TB) map[string]*tape.Tape {
	all := make(map[string]*tape.Tape)
	names := published(t, "data/fhir/synthea/*/*.json.gz")
	if len(names) > 3 {
		names = names[:3]
	}
	for _, name := range names {
		var bundle tape.Tape
		if err := bundle.Parse(read(t, name), tape.Limits{Bytes: 64 << 20, Nodes: 4 << 20}); err != nil {
			t.Fatal(err)
		}
		for c := bundle.Root().Get("entry").First(); c.Exists(); c = c.Next() {
			resource := c.Get("resource")
			kind := resource.Get("resourceType").Text()
			if all[kind] != nil || kind == "Observation" && !resource.Get("valueQuantity").Exists() {
				continue
			}
			var one tape.Tape
			if err := one.Parse(resource.Raw(), tape.Limits{}); err != nil {
				t.Fatal(err)
			}
			all[kind] = &one
		}
	}
	return all
}

func BenchmarkEvaluate(b *testing.B) {
	resources := syntheaResources(b)
	for _, text := range []string{
		"Observation.value as CodeableConcept",
		"Observation.value as Quantity",
		"Patient.name.family",
		"(Observation.effective as dateTime) | (Observation.effective as Period)",
		"Observation.subject.where(resolve() is Patient)",
		"Observation.code",
		"Observation.code.coding.where(system = 'http://loinc.org').code",
		"Observation : (component.empty() and hasMember.empty()) implies (dataAbsentReason.exists() or value.exists())",
		"Observation : dataAbsentReason.empty() or value.empty()",
		"Observation : value.ofType(Quantity).value > 0",
		"Patient : contained.where(((id.exists() and ('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical)))) or descendants().where(reference = '#').exists()).not()).empty()",
		"Patient : hasValue() or (children().count() > id.count())",
		"Patient.descendants().count()",
	} {
		kind, expression, ok := strings.Cut(text, " : ")
		if !ok {
			kind, expression = strings.TrimLeft(strings.SplitN(text, ".", 2)[0], "("), text
		}
		resource := resources[kind]
		b.Run(text[:min(len(text), 60)], func(b *testing.B) {
			e := MustCompile(expression, Of(definition.TypeOf(kind)))
			var run Run
			focus := Node(resource.Root())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Evaluate(&run, focus); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	observation := definition.TypeOf("Observation")
	b.ReportAllocs()
	for b.Loop() {
		MustCompile("(Observation.effective as dateTime) | (Observation.effective as Period)", Of(observation))
	}
}
