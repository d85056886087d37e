package node

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// addPackage adds a FHIR package of one code system, org.example.one#1.2.0.
func addPackage(t *testing.T, dir string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range map[string]string{
		"package/package.json":       `{"name":"org.example.one","version":"1.2.0","fhirVersions":["4.0.1"]}`,
		"package/CodeSystem-cs.json": `{"resourceType":"CodeSystem","url":"http://example.org/cs","version":"1.2.0"}`,
	} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "one.tgz")
	if err := errors.Join(w.Close(), z.Close(), os.WriteFile(file, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := AddPackage(dir, file); err != nil {
		t.Fatal(err)
	}
}

// packageIsThere asks for the package that addPackage adds.
func packageIsThere(t *testing.T, dir string) {
	t.Helper()
	packages, failed, err := Packages(dir)
	if err != nil || len(failed) > 0 || len(packages) != 1 || packages[0].ID() != "org.example.one#1.2.0" {
		t.Errorf("packages: %v, %v, %v", packages, failed, err)
	}
}
