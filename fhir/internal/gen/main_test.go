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
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../tables.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("tables.go is not what the generator makes: run go generate ./fhir")
	}
}
