package diff

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/patch"
	"github.com/sijil-health/sijil/fhir/tape"
)

func parse(t testing.TB, src []byte) tape.Value {
	t.Helper()
	v := new(tape.Tape)
	if err := v.Parse(src, tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	return v.Root()
}

// same tells whether two documents say the same, but for what the server sets.
func same(t testing.TB, a, b []byte) bool {
	return string(Parameters(parse(t, a), parse(t, b))) == `{"resourceType":"Parameters"}`
}

// TestPatchMakesTheOther applies the difference between neighbouring examples of each type: what comes out is the other.
func TestPatchMakesTheOther(t *testing.T) {
	byType := make(map[string][][]byte)
	pairs := 0
	for _, name := range slices.Concat(shared.Files("data/fhir/hl7-r4-examples/*.json"), shared.Files("data/fhir/us-core-examples/*.json")) {
		src, err := shared.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		typ := parse(t, src).Get("resourceType").Text()
		if typ == "Parameters" || len(src) > 100_000 {
			continue
		}
		list := byType[typ]
		for _, before := range list[max(0, len(list)-3):] {
			pairs++
			p := Parameters(parse(t, before), parse(t, src))
			made, err := patch.ReadFHIRPath(parse(t, p), patch.Limits{Operations: 10_000})
			if err != nil {
				t.Fatal(err)
			}
			got, err := made.Apply(before)
			if err != nil {
				t.Errorf("to %s: %v", filepath.Base(name), err)
				continue
			}
			if !same(t, got, src) {
				t.Errorf("to %s: what comes out differs: %.2000s", filepath.Base(name), Parameters(parse(t, got), parse(t, src)))
			}
		}
		byType[typ] = append(list, src)
	}
	if pairs < 100 {
		t.Skipf("%d pairs of examples: set SIJIL_SHARED", pairs)
	}
}

func TestOperations(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"order and white space", `{"resourceType":"Patient","active":true,"gender":"male"}`, `{ "gender" : "male", "active": true, "resourceType":"Patient" }`, ""},
		{"what the server sets", `{"resourceType":"Patient","meta":{"versionId":"1"}}`, `{"resourceType":"Patient","meta":{"versionId":"2"}}`, ""},
		{"digits", `{"resourceType":"Observation","valueQuantity":{"value":1.0}}`, `{"resourceType":"Observation","valueQuantity":{"value":1.00}}`,
			`replace Observation.value.value {"name":"value","valueDecimal":1.00}`},
		{"another type of a choice", `{"resourceType":"Observation","valueString":"x"}`, `{"resourceType":"Observation","valueBoolean":true}`,
			`replace Observation.value {"name":"value","valueBoolean":true}`},
		{"in the middle of a list", `{"resourceType":"Patient","name":[{"family":"a"},{"family":"b"},{"family":"c"}]}`, `{"resourceType":"Patient","name":[{"family":"a"},{"family":"c"}]}`,
			`delete Patient.name[1]`},
		{"an item more", `{"resourceType":"Patient","name":[{"family":"a"},{"family":"c"}]}`, `{"resourceType":"Patient","name":[{"family":"a"},{"family":"b"},{"family":"c"}]}`,
			`insert Patient.name {"name":"index","valueInteger":1} {"name":"value","valueHumanName":{"family":"b"}}`},
		{"an extension of a primitive", `{"resourceType":"Patient","birthDate":"2000"}`, `{"resourceType":"Patient","birthDate":"2000","_birthDate":{"id":"x"}}`,
			`replace Patient.birthDate {"name":"value","valueDate":"2000","_valueDate":{"id":"x"}}`},
		{"parts", `{"resourceType":"Patient"}`, `{"resourceType":"Patient","contact":[{"gender":"male","name":{"family":"a"}}]}`,
			`add Patient {"name":"name","valueString":"contact"} {"name":"value","part":[{"name":"name","valueHumanName":{"family":"a"}},{"name":"gender","valueCode":"male"}]}`},
		{"another type", `{"resourceType":"Patient"}`, `{"resourceType":"Basic"}`, ""},
	} {
		got := strings.Join(operations(parse(t, Parameters(parse(t, []byte(c.from)), parse(t, []byte(c.to))))), "; ")
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// operations gives each as its type, its path and its further parts as they stand.
func operations(parameters tape.Value) (list []string) {
	for o := parameters.Get("parameter").First(); o.Exists(); o = o.Next() {
		typ := o.Get("part").First()
		path := typ.Next()
		said := typ.Get("valueCode").Text() + " " + path.Get("valueString").Text()
		for rest := path.Next(); rest.Exists(); rest = rest.Next() {
			said += " " + string(rest.Raw())
		}
		list = append(list, said)
	}
	return list
}

func FuzzParameters(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}],"contained":[{"resourceType":"Basic"}]}`), []byte(`{"resourceType":"Patient","name":[{}],"text":{"status":"generated","div":"<div/>"}}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var from, to tape.Tape
		if from.Parse(a, tape.Limits{}) != nil || to.Parse(b, tape.Limits{}) != nil {
			return
		}
		out := Parameters(from.Root(), to.Root())
		if err := new(tape.Tape).Parse(out, tape.Limits{Bytes: 1 << 26}); err != nil && !bytes.Contains([]byte(err.Error()), []byte("nested")) {
			t.Fatalf("no JSON: %v: %s", err, out)
		}
	})
}
