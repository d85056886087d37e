package definition

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

// packageOf makes a package of files, of which each is a name and its content.
func packageOf(tb testing.TB, files ...string) []byte {
	tb.Helper()
	b, err := archive(files...)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func archive(files ...string) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}
		if strings.HasSuffix(files[i], "@") {
			h = &tar.Header{Name: files[i], Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(files[i+1])); err != nil {
				return nil, err
			}
		}
	}
	err := errors.Join(w.Close(), z.Close())
	return b.Bytes(), err
}

const (
	manifest  = `{"name":"org.example.one","version":"1.2.0","title":"One","fhirVersions":["4.0.1"],"dependencies":{"hl7.fhir.r4.core":"4.0.1"}}`
	codes     = `{"resourceType":"CodeSystem","url":"http://example.org/cs","version":"1.2.0","name":"CS","status":"active","content":"complete","text":{"div":"x"},"concept":[{"code":"a","concept":[{"code":"b","property":[{"code":"notSelectable","valueBoolean":false}]}]}]}`
	parameter = `{"resourceType":"SearchParameter","url":"http://hl7.org/fhir/SearchParameter/individual-birthdate","version":"9","name":"birthdate","code":"birthdate","base":["Patient"],"type":"date","expression":"Patient.birthDate"}`
)

func TestReadPackage(t *testing.T) {
	p, err := ReadPackage(bytes.NewReader(packageOf(t, "package/package.json", manifest, "package/CodeSystem-cs.json", codes,
		"package/SearchParameter-b.json", "\ufeff"+parameter, "package/._CodeSystem-cs.json", "\x00", "package/example/Patient.json", "{", "package/other.txt", "{")))
	if err != nil {
		t.Fatal(err)
	}
	if p.ID() != "org.example.one#1.2.0" || p.Len() != 2 || !slices.Equal(p.Dependencies, []string{"hl7.fhir.r4.core#4.0.1"}) {
		t.Errorf("%+v", p)
	}
	if p, err = OpenPackage(bytes.Clone(p.Pack())); err != nil || p.ID() != "org.example.one#1.2.0" || p.Len() != 2 {
		t.Fatalf("opened again: %+v, %v", p, err)
	}
	r, err := NewRegistry(p)
	if err != nil {
		t.Fatal(err)
	}
	const reduced = `{"url":"http://example.org/cs","version":"1.2.0","name":"CS","status":"active","content":"complete","concept":[{"code":"a","concept":[{"code":"b","property":[{"code":"notSelectable","valueBoolean":false}]}]}]}`
	for canonical, want := range map[string]string{"http://example.org/cs": reduced, "http://example.org/cs|1.2.0": reduced, "http://example.org/cs|1.1.0": "", "http://example.org/": ""} {
		if got := string(r.CodeSystem(canonical)); got != want {
			t.Errorf("%s: %s", canonical, got)
		}
	}
	if r.ValueSet("http://example.org/cs") != nil {
		t.Error("a code system is found as a value set")
	}
	n := 0
	for _, s := range r.SearchParameters("Patient") {
		if s.Code == "birthdate" {
			n++
			if !slices.Equal(s.Base, []string{"Patient"}) {
				t.Errorf("the parameter is not that of the package: %+v", s)
			}
		}
	}
	if n != 1 || len(r.SearchParameters("Patient")) != len(SearchParameters("Patient")) {
		t.Errorf("%d parameters birthdate", n)
	}
}

func TestPackagesAreRefused(t *testing.T) {
	for name, files := range map[string][]string{
		"package.json is missing": {"package/CodeSystem-cs.json", codes},
		"no definitions":          {"package/package.json", manifest},
		"its name":                {"package/package.json", strings.Replace(manifest, "org.example.one", "../one", 1)},
		"its version":             {"package/package.json", strings.Replace(manifest, "1.2.0", "1/2", 1)},
		"it is for FHIR 5.0.0":    {"package/package.json", strings.Replace(manifest, "4.0.1", "5.0.0", 1)},
		"cannot be read":          {"package/package.json", "["},
		"no name that a file":     {"package/../../x", "x"},
		"no name that":            {"/package/x", "x"},
		"name that a file in it":  {`package\x`, "x"},
		"neither a file nor":      {"package/link@", ""},
		"line 1, column 2":        {"package/package.json", manifest, "package/x.json", "{"},
	} {
		_, err := ReadPackage(bytes.NewReader(packageOf(t, files...)))
		if !errors.Is(err, ErrPackage) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := packageOf(t, "package/package.json", manifest, "package/CodeSystem-cs.json", codes)
	for n := range whole {
		if _, err := ReadPackage(bytes.NewReader(whole[:n])); !errors.Is(err, ErrPackage) {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
	}
}

func TestABombIsRefused(t *testing.T) {
	large := strings.Repeat(" ", maxPackageFile+1)
	_, err := ReadPackage(bytes.NewReader(packageOf(t, "package/package.json", manifest, "package/x.json", large)))
	if !errors.Is(err, ErrPackage) {
		t.Error(err)
	}
}

func TestWhichDefinitionCounts(t *testing.T) {
	of := func(name string, files ...string) *Package {
		all := []string{"package/package.json", strings.Replace(manifest, "org.example.one", name, 1)}
		for i, version := range files {
			all = append(all, "package/"+string(rune('a'+i))+".json", `{"resourceType":"CodeSystem","url":"http://terminology.hl7.org/CodeSystem/v3-ActCode","version":"`+version+`"}`)
		}
		p, err := ReadPackage(bytes.NewReader(packageOf(t, all...)))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	r, err := NewRegistry(of("org.example.two", "11.0.0"), of("org.example.one", "9.0.0", "10.0.0", "9.1.0"))
	if err != nil {
		t.Fatal(err)
	}
	const url = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	for canonical, want := range map[string]string{url: "10.0.0", url + "|9.0.0": "9.0.0", url + "|11.0.0": "11.0.0", url + "|2018-08-12": "2018-08-12", url + "|1": ""} {
		if got := versionOf(t, r.CodeSystem(canonical)); got != want {
			t.Errorf("%s: %s, want %s", canonical, got, want)
		}
	}
	if got := versionOf(t, Base().CodeSystem(url)); got != "2018-08-12" {
		t.Errorf("R4 alone: %s", got)
	}
	n := 0
	for _, d := range r.CodeSystems() {
		if d.URL == url {
			n++
			if d.Version != "10.0.0" {
				t.Errorf("listed is %+v", d)
			}
		}
	}
	if n != 1 || len(r.CodeSystems()) != len(Base().CodeSystems()) {
		t.Errorf("listed %d times", n)
	}
}

func versionOf(t *testing.T, raw []byte) string {
	if raw == nil {
		return ""
	}
	var doc tape.Tape
	if err := doc.Parse(raw, packLimits); err != nil {
		t.Fatal(err)
	}
	return doc.Root().Get("version").Text()
}

// The official packages can be read, and each of their definitions.
func TestOfficialPackages(t *testing.T) {
	names := shared.Files("data/fhir-definitions/ig/*.tgz")
	if len(names) == 0 {
		t.Skip("no packages: set SIJIL_SHARED")
	}
	var all []*Package
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p, err := ReadPackage(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(name), err)
		}
		size := 0
		for _, b := range p.pack.blocks {
			size += len(b.data)
		}
		t.Logf("%s: %d definitions, %d bytes, %v", p.ID(), p.Len(), size, time.Since(began))
		all = append(all, p)
	}
	r, err := NewRegistry(all...)
	if err != nil {
		t.Fatal(err)
	}
	for _, canonical := range []string{"http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0", "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
		"http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips", "http://hl7.org/fhir/StructureDefinition/vitalsigns",
		"http://hl7.org/fhir/StructureDefinition/SimpleQuantity", "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"} {
		var doc tape.Tape
		if err := doc.Parse(r.StructureDefinition(canonical), packLimits); err != nil || doc.Root().Get("snapshot").Get("element").Len() == 0 {
			t.Errorf("%s: %v", canonical, err)
		}
	}
	if s := r.SearchParameter("http://hl7.org/fhir/us/core/SearchParameter/us-core-race"); s == nil || !slices.Contains(r.SearchParameters("Patient"), s) {
		t.Errorf("us-core-race: %+v", s)
	}
	for _, p := range r.packs {
		for k := range kinds {
			if err := p.each(k, func(it *item, raw []byte) error {
				var doc tape.Tape
				return doc.Parse(raw, packLimits)
			}); err != nil {
				t.Error(err)
			}
		}
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Log(m.HeapAlloc>>10, "KiB with all")
	runtime.KeepAlive(r)
}

func FuzzReadPackage(f *testing.F) {
	f.Add(packageOf(f, "package/package.json", manifest, "package/CodeSystem-cs.json", codes, "package/s.json", parameter))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPackage(bytes.NewReader(b))
		if err != nil {
			return
		}
		r, err := NewRegistry(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range p.pack.of(ofCodeSystem) {
			if r.CodeSystem(d.url) == nil {
				t.Errorf("%+v is listed and not found", d)
			}
		}
	})
}

// FuzzPackageFiles does without the compression, through which a fuzzer finds no way.
func FuzzPackageFiles(f *testing.F) {
	f.Add("package/package.json", manifest, "package/x.json", codes)
	f.Add("package/package.json", manifest, "package/x.json", parameter)
	f.Add("package/package.json", manifest, "../x", parameter)
	f.Fuzz(func(t *testing.T, name1, content1, name2, content2 string) {
		b, err := archive(name1, content1, name2, content2)
		if err != nil {
			return // no names for an archive
		}
		p, err := ReadPackage(bytes.NewReader(b))
		if err != nil {
			return
		}
		if strings.ContainsAny(p.ID(), `/\`) || strings.HasPrefix(p.ID(), ".") {
			t.Errorf("the package calls itself %q", p.ID())
		}
		if _, err := NewRegistry(p); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	all := []packed{{item{kind: ofCodeSystem, url: "u", version: "v", name: "n"}, []byte("{}")}, {item{kind: ofPackage}, []byte(manifest)}}
	b, err := makePack(all, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := OpenPackage(b)
		if err != nil {
			return
		}
		for i := range p.pack.items {
			_, _ = p.pack.raw(&p.pack.items[i])
		}
	})
}

func BenchmarkCodeSystem(b *testing.B) {
	r := Base()
	b.ReportAllocs()
	for b.Loop() {
		r.CodeSystem("http://terminology.hl7.org/CodeSystem/v3-ActCode")
	}
}

// The largest package there is, as published and as a node keeps it.
func BenchmarkPackage(b *testing.B) {
	names := shared.Files("data/fhir-definitions/ig/hl7.terminology*.tgz")
	if len(names) == 0 {
		b.Skip("no packages: set SIJIL_SHARED")
	}
	published, err := os.ReadFile(names[0])
	if err != nil {
		b.Fatal(err)
	}
	p, err := ReadPackage(bytes.NewReader(published))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			if _, err := ReadPackage(bytes.NewReader(published)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			if _, err := OpenPackage(p.Pack()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
