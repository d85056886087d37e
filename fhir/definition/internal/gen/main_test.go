package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
)

// The committed pack is what the official files give.
func TestThePackIsThatOfTheOfficialFiles(t *testing.T) {
	if len(shared.Files("data/fhir-definitions/r4/*.gz")) == 0 {
		t.Skip("no definitions: set SIJIL_SHARED")
	}
	made, err := generate(shared.Dir())
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../r4.pack")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, committed) {
		t.Errorf("r4.pack has %d bytes, made anew it has %d or other ones: run go generate ./fhir/definition", len(committed), len(made))
	}
	if len(committed) > 2<<20 {
		t.Errorf("the pack has %d bytes, at most 2 MiB", len(committed))
	}
}
