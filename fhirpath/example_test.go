package fhirpath_test

import (
	"fmt"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhirpath"
)

const patient = `{"resourceType": "Patient", "birthDate": "1974-12",
	"name": [{"use": "official", "family": "الهاشمي", "given": ["ليلى", "نور"]}, {"use": "nickname", "given": ["لولو"]}],
	"generalPractitioner": [{"reference": "Practitioner/7"}, {"reference": "Organization/3"}]}`

func Example() {
	var document tape.Tape
	if err := document.Parse([]byte(patient), tape.Limits{}); err != nil {
		panic(err)
	}
	given := fhirpath.MustCompile("name.where(use = 'official').given", fhirpath.Of(definition.TypeOf("Patient")))

	var run fhirpath.Run
	items, err := given.Evaluate(&run, fhirpath.Node(document.Root()))
	if err != nil {
		panic(err)
	}
	for _, it := range items {
		fmt.Println(it.Value().Path(), it.TypeName(), it.Text())
	}
	// Output:
	// Patient.name[0].given[0] string ليلى
	// Patient.name[0].given[1] string نور
}

func ExampleExpression_Truth() {
	var document tape.Tape
	if err := document.Parse([]byte(patient), tape.Limits{}); err != nil {
		panic(err)
	}
	var run fhirpath.Run
	for _, condition := range []string{"name.exists()", "birthDate < @1974-12-25", "birthDate < @1980"} {
		holds, empty, err := fhirpath.MustCompile(condition).Truth(&run, fhirpath.Node(document.Root()))
		fmt.Println(holds, empty, err)
	}
	// Output:
	// true false <nil>
	// false true <nil>
	// true false <nil>
}

// The type of a reference's target is known without having it.
func ExampleTargetType() {
	var document tape.Tape
	if err := document.Parse([]byte(patient), tape.Limits{}); err != nil {
		panic(err)
	}
	practitioners := fhirpath.MustCompile("Patient.generalPractitioner.where(resolve() is Practitioner)")
	var run fhirpath.Run
	items, err := practitioners.Evaluate(&run, fhirpath.Node(document.Root()))
	if err != nil {
		panic(err)
	}
	fmt.Println(len(items), string(items[0].Value().Raw()))
	fmt.Println(fhirpath.TargetType([]byte("https://example.org/fhir/Organization/3/_history/1")).Name)
	// Output:
	// 1 {"reference": "Practitioner/7"}
	// Organization
}
