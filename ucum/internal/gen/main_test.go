package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestTableIsGenerated: the embedded table is what the published file gives.
func TestTableIsGenerated(t *testing.T) {
	dir := os.Getenv("SIJIL_SHARED")
	if dir == "" {
		t.Skip("SIJIL_SHARED does not name the published definitions")
	}
	src, err := os.ReadFile(filepath.Join(dir, "data/fhir-definitions/ucum-essence.xml"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(src)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../table.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error(`table.txt is not what "go generate ./ucum" writes`)
	}
}
