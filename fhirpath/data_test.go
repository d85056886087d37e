package fhirpath

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// published gives the files below SIJIL_SHARED that match a pattern; without them the test is skipped.
func published(t testing.TB, pattern string) []string {
	names, _ := filepath.Glob(filepath.Join(os.Getenv("SIJIL_SHARED"), pattern)) // the only error is a bad pattern, which finds nothing
	if len(names) == 0 {
		t.Skip("no published data: set SIJIL_SHARED")
	}
	return names
}

func read(t testing.TB, name string) []byte {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	src, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
