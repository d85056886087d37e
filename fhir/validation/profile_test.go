package validation

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// guides are R4 with US Core 6.1.0 and IPS 1.1.0.
var guides = sync.OnceValue(func() *definition.Registry {
	var packages []*definition.Package
	for _, name := range shared.Files("data/fhir-definitions/ig/*10.tgz") {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		p, err := definition.ReadPackage(f)
		if err != nil {
			panic(err)
		}
		packages = append(packages, p)
	}
	r, err := definition.NewRegistry(packages...)
	if err != nil {
		panic(err)
	}
	return r
})

func guided() *Validator {
	return New(terminology.New(terminology.FromRegistry(guides())), guides().StructureDefinition)
}

// TestProfilesCompile reads every profile of the guides.
func TestProfilesCompile(t *testing.T) {
	v := guided()
	for _, d := range guides().Profiles() {
		if _, err := v.compileProfile(guides().StructureDefinition(d.URL)); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d profiles", len(guides().Profiles()))
}

// TestExamplesKeepTheirProfiles checks the examples of US Core and IPS against the profiles that they claim.
func TestExamplesKeepTheirProfiles(t *testing.T) {
	v := guided()
	for _, pattern := range []string{"data/fhir/us-core-examples/*.json", "data/fhir/ips/*.json"} {
		for _, name := range shared.Files(pattern) {
			src, err := shared.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			doc := new(tape.Tape)
			if err := doc.Parse(src, tape.Limits{}); err != nil {
				t.Fatal(err)
			}
			if issues := v.Resource(doc.Root(), Options{Claimed: true}); len(issues) > 0 {
				t.Errorf("%s: %v", filepath.Base(name), strings.Join(told(issues), "\n\t"))
			}
		}
	}
}

// TestBrokenProfiles breaks good examples, each in one way that the type allows and the profile does not.
func TestBrokenProfiles(t *testing.T) {
	const uscore, ips = "http://hl7.org/fhir/us/core/StructureDefinition/", "http://hl7.org/fhir/uv/ips/StructureDefinition/"
	v := guided()
	for _, c := range []struct {
		file, profile string
		change        func(r map[string]any)
		at, code      string
	}{
		{"us-core-examples/Patient-example", uscore + "us-core-patient", drop("identifier"), "Patient.identifier", "required"},
		{"us-core-examples/Patient-example", uscore + "us-core-patient", drop("gender"), "Patient.gender", "required"},
		{"us-core-examples/Patient-example", uscore + "us-core-patient", drop("name"), "Patient.name", "required"},
		{"us-core-examples/Patient-example", uscore + "us-core-patient", set("identifier.0.system", nil), "Patient.identifier[0].system", "required"},
		{"us-core-examples/Patient-example", uscore + "us-core-patient", set("extension.0.extension.2", map[string]any{"url": "detailed", "valueString": "x"}),
			"Patient.extension[0].extension[2].value", "structure"},
		{"us-core-examples/Patient-example", uscore + "us-core-patient", set("extension.0.extension", []any{}), "Patient.extension[0].extension", "required"},
		{"us-core-examples/Observation-bp-data-absent", uscore + "us-core-blood-pressure", drop("component"), "Observation.component", "required"},
		{"us-core-examples/Observation-bp-data-absent", uscore + "us-core-blood-pressure", set("component.0.code.coding.0.code", "1"), "Observation.component", "required"},
		{"us-core-examples/Observation-bp-data-absent", uscore + "us-core-blood-pressure", set("category.0.coding.0.code", "laboratory"), "Observation.category", "required"},
		{"us-core-examples/Observation-bp-data-absent", uscore + "us-core-blood-pressure", set("code.coding.0.code", "1"), "Observation.code", "value"},
		{"us-core-examples/Observation-heart-rate", uscore + "us-core-heart-rate", set("valueQuantity.system", "http://x.example"), "Observation.value.system", "value"},
		{"us-core-examples/Observation-heart-rate", uscore + "us-core-heart-rate", set("valueQuantity.value", nil), "Observation.value.value", "required"},
		{"us-core-examples/Observation-heart-rate", uscore + "us-core-heart-rate", drop("subject"), "Observation.subject", "required"},
		{"us-core-examples/Observation-heart-rate", uscore + "us-core-heart-rate", set("subject.reference", "Group/1"), "Observation.subject.reference", "structure"},
		{"us-core-examples/Organization-acme-lab", uscore + "us-core-organization", drop("active"), "Organization.active", "required"},
		{"us-core-examples/Immunization-imm-1", uscore + "us-core-patient", drop(""), "Immunization", "structure"},
		{"ips/Bundle-bundle-minimal", ips + "Bundle-uv-ips", set("type", "collection"), "Bundle.type", "value"},
		{"ips/Bundle-bundle-minimal", ips + "Bundle-uv-ips", drop("timestamp"), "Bundle.timestamp", "required"},
		{"ips/Bundle-bundle-minimal", ips + "Bundle-uv-ips", set("entry.0.resource.section.0", nil), "Bundle.entry[0].resource.section", "required"},
		{"ips/Bundle-bundle-minimal", ips + "Bundle-uv-ips", set("entry.0.resource.type.coding.0.code", "1"), "Bundle.entry[0].resource.type", "value"},
		{"ips/Bundle-bundle-minimal", ips + "Bundle-uv-ips", set("entry.0.resource.section.1.text", nil), "Bundle.entry[0].resource.section[1].text", "required"},
		{"ips/Bundle-bundle-minimal", ips + "Bundle-uv-ips", set("entry.1.resource.birthDate", nil), "Bundle.entry[1].resource.birthDate", "required"},
	} {
		src, err := shared.Read(filepath.Join(shared.Dir(), "data/fhir", c.file+".json"))
		if err != nil {
			t.Skip("set SIJIL_SHARED")
		}
		var r map[string]any
		if err := json.Unmarshal(src, &r); err != nil {
			t.Fatal(err)
		}
		if issues := resource(t, v, r, c.profile); len(issues) > 0 && c.at != r["resourceType"] {
			t.Errorf("%s: %v before the change", c.file, told(issues))
		}
		c.change(r)
		found := false
		issues := resource(t, v, r, c.profile)
		for _, i := range issues {
			found = found || i.Path == c.at && i.Code == c.code
		}
		if !found {
			t.Errorf("%s: want %s at %s, got %v", c.file, c.code, c.at, told(issues))
		}
	}
}

func resource(t *testing.T, v *Validator, r map[string]any, profile string) []Issue {
	t.Helper()
	src, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	doc := new(tape.Tape)
	if err := doc.Parse(src, tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	return v.Resource(doc.Root(), Options{Profiles: []string{profile}})
}

func drop(name string) func(map[string]any) { return func(r map[string]any) { delete(r, name) } }

// set changes what a path leads to, and takes it away for nil.
func set(path string, to any) func(map[string]any) {
	return func(r map[string]any) {
		names := strings.Split(path, ".")
		put(r, names, to)
	}
}

func put(in any, names []string, to any) any {
	switch in := in.(type) {
	case map[string]any:
		if len(names) > 1 {
			in[names[0]] = put(in[names[0]], names[1:], to)
		} else if in[names[0]] = to; to == nil {
			delete(in, names[0])
		}
		return in
	case []any:
		i, err := strconv.Atoi(names[0])
		if err != nil {
			panic(err)
		}
		if len(names) > 1 {
			in[i] = put(in[i], names[1:], to)
		} else if in[i] = to; to == nil {
			return append(in[:i], in[i+1:]...)
		}
		return in
	}
	panic("no such path: " + names[0])
}
