package fhir

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sijil-health/sijil/bulk/imports"
	"github.com/sijil-health/sijil/vault"
)

// newImporter makes a gate that imports.
func newImporter(t *testing.T) *gate {
	t.Helper()
	g := newGate(t, Limits{Resource: 4096})
	x, err := imports.Open(imports.Options{Dir: t.TempDir(), Seal: vault.NewStreamKey(), Record: g.store, Limits: imports.Limits{Group: 4, Line: 8192, Actor: 32}, Sources: []string{"https://files.example/"}})
	if err == nil {
		g.Imports = x
		err = x.Begin(g.Server)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return g
}

const ndjson = "Content-Type: application/fhir+ndjson"

// imported sends lines, waits for the end, and gives the counts and the outcomes.
func (g *gate) imported(t *testing.T, lines string, header ...string) (counts importCounts, refused []string) {
	t.Helper()
	w := g.send(&exchange{do: "POST /$import", body: lines, header: append([]string{ndjson, "Prefer: respond-async"}, header...)})
	if w.Code != http.StatusAccepted {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	at := strings.TrimPrefix(w.Header().Get("Content-Location"), "http://h.example/fhir")
	for {
		w := g.send(&exchange{do: "GET " + at})
		if w.Code == http.StatusAccepted {
			if !json.Valid(w.Body.Bytes()) || w.Header().Get("X-Progress") == "" || w.Header().Get("Retry-After") == "" {
				t.Fatalf("under way: %v %s", w.Header(), w.Body)
			}
			time.Sleep(time.Millisecond)
			continue
		}
		var m struct {
			Output, Error []importOutput
			Extension     map[string]importCounts
		}
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != http.StatusOK || len(m.Output) != 1 {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		for _, e := range m.Error {
			b := g.send(&exchange{do: "GET " + strings.TrimPrefix(e.URL, "http://h.example/fhir")}).Body.String()
			refused = append(refused, strings.Split(strings.TrimSuffix(b, "\n"), "\n")...)
			if int64(len(refused)) != e.Count {
				t.Errorf("%d outcomes, and %d were refused", len(refused), e.Count)
			}
		}
		return m.Extension[exportExtension+"counts"], refused
	}
}

// TestImportLines brings lines of every kind at once. The good ones are stored as they came, the others are named, with nothing of what they hold.
func TestImportLines(t *testing.T) {
	g := newImporter(t)
	good := func(id string) string {
		return fmt.Sprintf(`{"resourceType":"Patient","id":"%s","birthDate":"1980"}`, id)
	}
	weighs := func(id, more string) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/p1"}%s}`, id, more)
	}
	list := []struct{ line, refused string }{
		{weighs("o1", `,"performer":[{"reference":"Practitioner?identifier=s|n1"}]`), ""}, // the practitioner comes later
		{"", ""},
		{good("p1") + "\r", ""},
		{"\t " + good("p2") + "  ", ""},
		{`{"resourceType":"Patient","id":"SECRET`, "400 structure"},
		{"{\"resourceType\":\"Patient\",\"id\":\"p3\",\"name\":[{\"text\":\"SECRET\xff\"}]}", "structure"},
		{`{"resourceType":"Patient","id":"p4","unknown":1}`, "structure"},
		{`{"resourceType":"Person2","id":"p5"}`, "structure"},
		{`{"resourceType":"Patient"}`, "required"},
		{`{"resourceType":"Patient","id":"p_6"}`, "value"},
		{`{"resourceType":"Patient","id":"p7","text":{"status":"generated","div":"SECRET` + strings.Repeat("x", 5000) + `"}}`, "too-long"},
		{`{"resourceType":"Patient","id":"p8","text":"` + strings.Repeat("x", 9000) + `"}`, "too-long"},
		{good("p1"), ""}, // again, and alike
		{`{"resourceType":"Patient","id":"p2","birthDate":"1999"}`, "duplicate"},
		{`{"resourceType":"AuditEvent","id":"a1"}`, "not-supported"},
		{`{"resourceType":"Parameters","id":"a1"}`, "not-supported"},
		{weighs("o2", `,"performer":[{"reference":"Practitioner?identifier=s|never"}]`), "not-found"},
		{weighs("o3", `,"performer":[{"reference":"Practitioner?nothing=x"}]`), "not-supported"},
		{`[1]`, "structure"},
		{`{"resourceType":"Practitioner","id":"d1","identifier":[{"system":"s","value":"n1"}]}`, ""},
		{`{"resourceType":"Patient","id":"p9","id":"p9"}`, "structure"},
	}
	var lines []string
	var wrong []int
	for i, l := range list {
		lines = append(lines, l.line)
		if l.refused != "" {
			wrong = append(wrong, i+1)
		}
	}
	before := len(g.store.entries)
	body := "\xef\xbb\xbf" + strings.Join(lines, "\n")
	counts, refused := g.imported(t, body)
	if counts.Created != 4 || counts.Unchanged != 1 || counts.Refused != int64(len(wrong)) || counts.Lines != 20 {
		t.Errorf("%+v", counts)
	}
	for _, n := range wrong {
		code, found := list[n-1].refused, false
		code = code[strings.LastIndexByte(code, ' ')+1:]
		for _, r := range refused {
			found = found || strings.Contains(r, fmt.Sprintf(`"valueInteger":%d}`, n)) && strings.Contains(r, `"code":"`+code+`"`)
		}
		if !found {
			t.Errorf("line %d: nothing says %s", n, code)
		}
	}
	for _, r := range refused {
		if strings.Contains(r, "SECRET") || !json.Valid([]byte(r)) || !strings.Contains(r, `"the body"`) {
			t.Errorf("outcome: %s", r)
		}
	}
	kinds := map[string]int{}
	for _, e := range g.store.left(before) {
		kinds[e]++
	}
	for e, n := range map[string]int{"create of Patient/p1 Patient/p1/1": 1, "create of Patient/p2 Patient/p2/1": 1, "create of Patient/p1 Observation/o1/1": 1, "create Practitioner/d1/1": 1} {
		if kinds[e] != n {
			t.Errorf("%q: %d times, want %d: %v", e, kinds[e], n, kinds)
		}
	}
	g.run(t, []exchange{
		{do: "GET /Observation/o1", status: 200, has: []string{`"reference":"Practitioner/d1"`, `"versionId":"1"`}},
		{do: "GET /Patient/p2", status: 200, has: []string{`"birthDate":"1980"`}},
	})

	counts, again := g.imported(t, body)
	if counts.Created != 0 || counts.Updated != 0 || len(again) != len(refused) {
		t.Errorf("again: %+v", counts)
	}
}

// TestImportIsAskedFor goes through what a request may say.
func TestImportIsAskedFor(t *testing.T) {
	g := newImporter(t)
	manifest := func(url, typ string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"inputFormat","valueCode":"application/fhir+ndjson"},{"name":"inputSource","valueUri":"https://other.example"},
			{"name":"storageDetail","part":[{"name":"type","valueCode":"https"}]},{"name":"input","part":[{"name":"type","valueCode":"` + typ + `"},{"name":"url","valueUri":"` + url + `"}]}]}`
	}
	async := []string{"Prefer: respond-async"}
	g.run(t, []exchange{
		{name: "not async", do: "POST /$import", body: "{}", header: []string{ndjson}, status: 400, has: []string{"respond-async"}},
		{name: "elsewhere", do: "POST /$import", body: manifest("https://inner.example/x", "Patient"), header: async, status: 422, has: []string{"import_sources"}},
		{name: "no type", do: "POST /$import", body: manifest("https://files.example/x", "Nothing"), header: async, status: 400},
		{name: "no input", do: "POST /$import", body: `{"inputFormat":"application/fhir+ndjson"}`, header: async, status: 400},
		{name: "no format", do: "POST /$import", body: `{"resourceType":"Parameters"}`, header: async, status: 400, has: []string{"inputFormat"}},
		{name: "unknown", do: "POST /$import", body: strings.Replace(manifest("https://files.example/x", "Patient"), `[{"name":"inputFormat"`, `[{"name":"x","valueCode":"y"},{"name":"inputFormat"`, 1), header: async, status: 400},
		{name: "a bucket", do: "POST /$import", body: strings.Replace(manifest("https://files.example/x", "Patient"), `"valueCode":"https"`, `"valueCode":"aws-s3"`, 1), header: async, status: 400},
		{name: "parameters", do: "POST /$import?x=y", body: "{}", header: append(async, ndjson), status: 400},
		{name: "no job", do: "GET /$import/00/status", status: 404},
		{name: "no job to end", do: "DELETE /$import/00/status", status: 404},
		{name: "nobody", do: "POST /$import", body: "{}", header: append(async, ndjson), actor: "-", status: 401},
		{name: "not gzip", do: "POST /$import", body: "{}", header: append(async, ndjson, "Content-Encoding: gzip"), status: 400},
		{name: "manifest of the proposal", do: "POST /$import", body: `{"inputFormat":"application/fhir+ndjson","inputSource":"https://o.example","storageDetail":{"type":"https"},"input":[{"type":"Patient","url":"https://files.example/1"}]}`,
			header: async, status: 202, entries: []string{"system"}},
	})
	var zipped, packed strings.Builder
	z := gzip.NewWriter(&zipped)
	_, err1 := z.Write([]byte(`{"resourceType":"Patient","id":"z1"}`))
	s, err2 := zstd.NewWriter(&packed)
	_, err3 := s.Write([]byte(`{"resourceType":"Patient","id":"z2"}`))
	for _, err := range []error{err1, err2, err3, z.Close(), s.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if counts, _ := g.imported(t, zipped.String(), "Content-Encoding: gzip"); counts.Created != 1 {
		t.Errorf("%+v", counts)
	}
	if counts, _ := g.imported(t, packed.String(), "Content-Encoding: zstd"); counts.Created != 1 {
		t.Errorf("%+v", counts)
	}
}

func TestSeen(t *testing.T) {
	s := newSeen()
	for i := range 10_000 {
		name := fmt.Sprint("Patient/", i)
		if s.has(name) {
			t.Fatalf("%s was never added", name)
		}
		s.add(name)
		s.add(name)
	}
	for i := range 10_000 {
		if !s.has(fmt.Sprint("Patient/", i)) || s.has(fmt.Sprint("Group/", i)) {
			t.Fatal(i)
		}
	}
	if s.n != 10_000 {
		t.Errorf("%d names", s.n)
	}
}
