package ucum_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/ucum"
)

// notUCUM are the codes in the published samples that claim to be UCUM and are not.
var notUCUM = []string{"(score)", "drop", "{wine glasses}/d", "ea", "mEq", "month"}

// TestPublishedUnits reads every unit in the official examples, those of two implementation guides, and sample patients.
func TestPublishedUnits(t *testing.T) {
	dir := os.Getenv("SIJIL_SHARED")
	if dir == "" {
		t.Skip("SIJIL_SHARED does not name the published samples")
	}
	units := map[string]bool{}
	for _, pattern := range []string{"hl7-r4-examples/*", "us-core-examples/*", "ips/*", "synthea/pathling/*.json.gz", "synthea/smart-2019/A*.json.gz"} {
		names, _ := filepath.Glob(filepath.Join(dir, "data/fhir", pattern))
		if len(names) == 0 {
			t.Errorf("%s: no files", pattern)
		}
		for _, name := range names {
			collect(decoded(t, name), units)
		}
	}
	if len(units) < 50 {
		t.Fatalf("only %d units found", len(units))
	}
	for code := range units {
		if _, err := ucum.Parse(code); (err != nil) != slices.Contains(notUCUM, code) {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func decoded(t *testing.T, name string) any {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			t.Fatal(err)
		}
		if src, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	var v any
	if strings.Contains(name, ".json") {
		if err := json.Unmarshal(src, &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return v
}

func collect(v any, units map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if code, ok := v["code"].(string); ok && v["system"] == "http://unitsofmeasure.org" {
			units[code] = true
		}
		for _, child := range v {
			collect(child, units)
		}
	case []any:
		for _, child := range v {
			collect(child, units)
		}
	}
}
