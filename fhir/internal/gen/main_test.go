package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
)

func TestTablesAreWhatTheDefinitionsSay(t *testing.T) {
	if len(shared.Files("data/fhir-definitions/r4/*.gz")) == 0 {
		t.Skip("no definitions: set SIJIL_SHARED")
	}
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator makes: run go generate ./fhir", name)
		}
	}
}
