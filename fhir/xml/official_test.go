package xml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

// large are limits for the samples, of which some are Bundles.
var large = Limits{Bytes: 64 << 20, Nodes: 4 << 20}

// plain decodes JSON with numbers as their lexemes.
func plain(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("no JSON: %v\n%.2000s", err, b)
	}
	return v
}

// differ names the first place where two decoded documents differ; "" for none.
func differ(path string, a, b any, same func(path string, a, b any) bool) string {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return path
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if _, ok := y[k]; !ok {
				return path + "." + k + " is missing"
			}
			if d := differ(path+"."+k, x[k], y[k], same); d != "" {
				return d
			}
		}
		for k := range y {
			if _, ok := x[k]; !ok {
				return path + "." + k + " is new"
			}
		}
		return ""
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return path
		}
		for i := range x {
			if d := differ(fmt.Sprintf("%s[%d]", path, i), x[i], y[i], same); d != "" {
				return d
			}
		}
		return ""
	}
	if reflect.DeepEqual(a, b) || same != nil && same(path, a, b) {
		return ""
	}
	return fmt.Sprintf("%s: %v, %v", path, a, b)
}

func toXML(t *testing.T, src []byte) ([]byte, error) {
	t.Helper()
	var p tape.Tape
	if err := p.Parse(src, tape.Limits{Bytes: 64 << 20, Nodes: 4 << 20}); err != nil {
		t.Fatal(err)
	}
	return FromJSON(nil, p.Root(), false)
}

// samples are all JSON resources of the shared data.
func samples(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, dir := range []string{"data/fhir/hl7-r4-examples", "data/fhir/ips", "data/fhir/us-core-examples", "data/fhir/synthea/pathling", "data/ips"} {
		all = append(all, shared.Files(dir+"/*.json")...)
		all = append(all, shared.Files(dir+"/*.json.gz")...)
	}
	if len(all) == 0 {
		t.Skip("no sample data here")
	}
	return all
}

// unsayable are samples that XML cannot say, with why: they are no valid FHIR in JSON either.
var unsayable = map[string]string{
	"connectathon_archive__HK_IPS_Sample2.json":  "no well-formed XHTML",
	"connectathon_archive__HK_IPS_Sample3.json":  "no well-formed XHTML",
	"connectathon_archive__NL_Curavista_01.json": "no well-formed XHTML",
	"connectathon_archive__NL_Drimpy_01.json":    "not empty",
}

// Everything there is comes back from XML as it was, numbers by their digits and narratives by their bytes.
func TestEverySampleComesBack(t *testing.T) {
	for _, name := range samples(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := shared.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			out, err := toXML(t, src)
			if why := unsayable[filepath.Base(name)]; why != "" {
				if err == nil || !strings.Contains(err.Error(), why) {
					t.Fatal(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			back, places, err := ToJSON(out, large)
			if err != nil {
				t.Fatal(err)
			}
			if d := differ("", plain(t, src), plain(t, back), nil); d != "" {
				t.Error(d)
			}
			if len(places.of) == 0 {
				t.Error("no places")
			}
		})
	}
}

// sameDiv compares narratives as XML: what is published in both forms is not the same text in both.
func sameDiv(path string, a, b any) bool {
	x, ok1 := a.(string)
	y, ok2 := b.(string)
	return ok1 && ok2 && strings.HasSuffix(path, ".div") && squeezed(x) == squeezed(y)
}

func squeezed(text string) string {
	var d Document
	if d.Parse([]byte(text), Limits{}) != nil {
		return text
	}
	var b strings.Builder
	for i := range d.nodes {
		n := Node{&d, uint32(i), uint32(len(d.nodes))}
		switch n.Kind() {
		case Element:
			fmt.Fprintf(&b, "<%s>", n.Local())
		case Text:
			b.WriteString(strings.Join(strings.Fields(n.Text()), ""))
		}
	}
	return b.String()
}

// unlike are published pairs whose two files say different things, with what.
var unlike = map[string]string{
	"codesystem-example.xml":  ".description: ",
	"observation-decimal.xml": ".component[2].valueQuantity.value: ", // the JSON was written by a program that changes lexemes
	"observation-example.xml": ".extension is new",
}

// The resources that are published in both forms are the same in both.
func TestPublishedPairs(t *testing.T) {
	pairs := 0
	files := append(shared.Files("data/fhir-tests/xml-json-pairs/*.xml"), shared.Files("data/fhir/synthea/pathling/*.xml.gz")...)
	for _, name := range files {
		other := strings.Replace(name, ".xml", ".json", 1)
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := shared.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := ToJSON(src, large)
			if filepath.Base(name) == "myconsent-ext.xml" { // of FHIR 3.0.1
				if err == nil || err.(*Error).Line != 13 || err.(*Error).Path != "StructureDefinition.contextType" {
					t.Fatal(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(other); err != nil {
				return // in one form only: that it can be read is all
			}
			pairs++
			want, err := shared.Read(other)
			if err != nil {
				t.Fatal(err)
			}
			if d := differ("", plain(t, want), plain(t, got), sameDiv); d != "" {
				if why := unlike[filepath.Base(name)]; why != "" && strings.HasPrefix(d, why) {
					return
				}
				t.Error(d)
			}
		})
	}
	if len(files) > 0 && pairs < 8 {
		t.Errorf("%d pairs were compared", pairs)
	}
}
