package fhir

import (
	"github.com/sijil-health/sijil/index/term"
)

//go:generate go run ./internal/gen

// typeTable is what the gate knows of a resource type. The tables are generated from the official definitions.
type typeTable struct {
	params []param
	chart  []element // where the patient stands whose chart it belongs to, the first that is there
}

// param is a search parameter.
type param struct {
	name       string
	kind       term.Kind
	definition string    // last part of its canonical URL below http://hl7.org/fhir/SearchParameter/
	targets    []string  // types that a reference may point at; none: any
	at         []element // where its values stand
}

// element is a place in a resource: member names joined by dots, arrays passed over.
type element struct {
	path        string
	as          string // data type
	patientOnly bool   // of references, those to a Patient
}

// param finds a search parameter of the type by name.
func (t *typeTable) param(name string) *param {
	for i := range t.params {
		if t.params[i].name == name {
			return &t.params[i]
		}
	}
	return nil
}
