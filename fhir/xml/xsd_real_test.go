//go:build real

package xml

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
)

// What is written is valid by HL7's schemas, which fix the order of elements, as libxml2 judges it.
func TestRealSchemas(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Fatal("xmllint is not installed:", err)
	}
	dir := t.TempDir()
	schemas(t, dir)
	var files []string
	for _, name := range samples(t) {
		src, err := shared.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(src) > 1<<20 || foreign[filepath.Base(name)] || strings.Contains(name, "data/ips/") { // of which many are no valid FHIR
			continue
		}
		out, err := toXML(t, src)
		if err != nil {
			t.Fatal(name, err)
		}
		files = append(files, filepath.Join(dir, filepath.Base(name)+".xml"))
		if err := os.WriteFile(files[len(files)-1], out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"--noout", "--nonet", "--schema", filepath.Join(dir, "xsd", "fhir-single.xsd")}, files...)
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	if err != nil {
		for line := range bytes.Lines(out) {
			if !bytes.HasSuffix(line, []byte(" validates\n")) {
				t.Logf("%s", line)
			}
		}
		t.Fatal(err)
	}
	t.Logf("%d files", len(files))
}

// foreign are samples that the schemas refuse for what they say, in whatever form.
var foreign = map[string]bool{
	"Bundle-bundle-no-info-required-sections.json": true, // a code that is not of its value set
	"Media-chest-xray.json":                        true, // a narrative that is no strict XHTML
	"Questionnaire-phq-9-example.json":             true, // the same
}

func schemas(t *testing.T, dir string) {
	t.Helper()
	names := shared.Files("data/fhir-definitions/xsd.tgz")
	if len(names) == 0 {
		t.Fatal("the schemas are not here")
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
