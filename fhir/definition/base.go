package definition

import (
	_ "embed" // for the pack
	"slices"
	"sync"
)

//go:generate go run ./internal/gen

//go:embed r4.pack
var embedded []byte

// The pack is part of the program: that it can be read is a matter of tests.
func must[T any](read func() (T, error)) func() T {
	return sync.OnceValue(func() T {
		v, err := read()
		if err != nil {
			panic("fhir/definition: " + err.Error())
		}
		return v
	})
}

var (
	base             = must(func() (*pack, error) { return open(embedded) })
	baseTypes        = must(func() (types, error) { return readTypes(base()) })
	baseParameters   = must(func() (*parameters, error) { return (*parameters)(nil).with(base()) })
	baseCompartments = must(func() (map[string]*Compartment, error) { return readCompartments(base()) })
	resourceTypes    = sync.OnceValue(func() []string {
		var names []string
		for name, s := range baseTypes() {
			if s.Kind == Resource && !s.Abstract {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	})
)

// Version is the version of FHIR that is known.
const Version = "4.0.1"

// TypeOf gives a type by its name: "Observation", "Quantity", "string", "Observation.component"; nil for none.
func TypeOf(name string) *Structure { return baseTypes()[name] }

// TypeOfBytes is TypeOf without a copy of the name.
func TypeOfBytes(name []byte) *Structure { return baseTypes()[string(name)] }

// ResourceTypes are the names of all types of resources that there can be, in order. They must not be changed.
func ResourceTypes() []string { return resourceTypes() }

// SearchParameters are those of a type of resource: its own, and those of all resources.
func SearchParameters(resourceType string) []*SearchParameter {
	return baseParameters().of(resourceType)
}

// SearchParameterByURL gives a parameter by its canonical URL; nil for none.
func SearchParameterByURL(url string) *SearchParameter { return baseParameters().byURL[url] }

// CompartmentOf gives the compartment of a type (Patient, Encounter, Practitioner, RelatedPerson, Device); nil for none.
func CompartmentOf(resourceType string) *Compartment { return baseCompartments()[resourceType] }
