package fhir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

func parsed(tb testing.TB, body string) tape.Value {
	tb.Helper()
	var t tape.Tape
	if err := t.Parse([]byte(body), tape.Limits{Bytes: 64 << 20, Nodes: bundleNodes}); err != nil {
		tb.Fatal(err)
	}
	return t.Root()
}

func sampleFiles(tb testing.TB, pattern string) map[string][]byte {
	tb.Helper()
	files := map[string][]byte{}
	for _, name := range shared.Files(pattern) {
		src, err := shared.Read(name)
		if err != nil {
			tb.Fatal(err)
		}
		files[filepath.Base(name)] = src
	}
	if len(files) == 0 {
		tb.Skipf("no %s: set SIJIL_SHARED", pattern)
	}
	return files
}

// TestServedIsSource stores every official example and compares what is served with the file, byte for byte: taking out the
// places where the server's fields stand in both must leave the same.
func TestServedIsSource(t *testing.T) {
	stored := 0
	for _, pattern := range []string{"data/fhir/hl7-r4-examples/*.json", "data/fhir/us-core-examples/*.json", "data/fhir/ips/*.json", "data/ips/*.json"} {
		for name, src := range sampleFiles(t, pattern) {
			src = bytes.TrimSpace(src)
			root := parsed(t, string(src))
			typ, id := root.Get("resourceType").Text(), root.Get("id").Text()
			if typ == "AuditEvent" || typ == "Parameters" || strings.Contains(name, "NL_Drimpy_01") {
				continue // the node's own; none that is stored; of an earlier FHIR
			}
			g := newGate(t, Limits{})
			e := exchange{do: "PUT /" + typ + "/" + id, body: string(src)}
			if id == "" {
				e.do = "POST /" + typ
			}
			w := g.send(&e)
			if w.Code != 201 {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
				continue
			}
			stored++
			checkServed(t, name, root, w.Body.Bytes())
		}
	}
	t.Logf("%d resources", stored)
}

// checkServed compares a resource's source with what is served, given that its references needed no resolving.
func checkServed(t *testing.T, name string, source tape.Value, body []byte) {
	t.Helper()
	served := parsed(t, string(body))
	if want, got := blanked(source), withoutInserted(source, served); got != want {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Errorf("%s: differs at %d: %.80q served as %.80q", name, i, want[i:], got[i:])
	}
	if meta := served.Get("meta"); meta.Get("versionId").Text() != "1" || meta.Get("lastUpdated").Text() == "" || !isID(served.Get("id").Text()) {
		t.Errorf("%s: a server field is missing: %.200s", name, body)
	}
}

// blanked is a resource's text without the values of the server's fields.
func blanked(root tape.Value) string {
	src, offset := string(root.Raw()), root.Start()
	fields := []tape.Value{root.Get("id"), root.Get("meta").Get("versionId"), root.Get("meta").Get("lastUpdated")}
	fields = slices.DeleteFunc(fields, func(v tape.Value) bool { return !v.Exists() })
	slices.SortFunc(fields, func(a, b tape.Value) int { return b.Start() - a.Start() })
	for _, v := range fields {
		src = src[:v.Start()-offset] + src[v.End()-offset:]
	}
	return src
}

// withoutInserted is the blanked text of what is served, less exactly what had to be inserted into the source.
func withoutInserted(source, served tape.Value) string {
	text, meta := blanked(served), source.Get("meta")
	if !source.Get("id").Exists() {
		text = strings.Replace(text, `,"id":`, "", 1)
	}
	if !meta.Exists() {
		return strings.Replace(text, `,"meta":{"versionId":,"lastUpdated":}`, "", 1)
	}
	var inserted []string
	for _, name := range []string{"versionId", "lastUpdated"} {
		if !meta.Get(name).Exists() {
			inserted = append(inserted, `"`+name+`":`)
		}
	}
	if len(inserted) == 0 {
		return text
	}
	if meta.Len() > 0 {
		inserted = append(inserted, "")
	}
	return strings.Replace(text, strings.Join(inserted, ","), "", 1)
}

// TestSyntheaTransactions loads all Synthea bundles and checks every resource: its source was kept, its references resolve to
// resources that are there, and nothing else has changed.
func TestSyntheaTransactions(t *testing.T) {
	load := func(g *gate, name string, src []byte) {
		root := parsed(t, string(src))
		if !root.Get("type").Is("transaction") {
			return
		}
		before := len(g.store.resources)
		w := g.send(&exchange{do: "POST ", body: string(src)})
		if w.Code != 200 {
			t.Errorf("%s: %d %.500s", name, w.Code, w.Body)
			return
		}
		if got, want := len(g.store.resources)-before, root.Get("entry").Len(); got != want && !strings.Contains(string(src), "ifNoneExist") {
			t.Errorf("%s: %d resources of %d", name, got, want)
		}
	}
	g := newGate(t, Limits{})
	smart := sampleFiles(t, "data/fhir/synthea/smart-2019/*.json.gz")
	for name, src := range smart {
		if strings.HasPrefix(name, "0-") {
			load(g, name, src)
		}
	}
	for name, src := range smart {
		if !strings.HasPrefix(name, "0-") && (!testing.Short() || len(src) < 1<<20) {
			load(g, name, src)
		}
	}
	g.checkReferences(t)

	g = newGate(t, Limits{})
	pathling := sampleFiles(t, "data/fhir/synthea/pathling/enc-*.json.gz")
	for _, src := range pathling { // what the conditional references of these mean is in no file
		for _, m := range regexp.MustCompile(`"reference":\s*"(\w+)\?identifier=([^"|]*)\|([^"]*)"`).FindAllSubmatch(src, -1) {
			body := fmt.Sprintf(`{"resourceType":"%s","identifier":[{"system":"%s","value":"%s"}]}`, m[1], m[2], m[3])
			g.send(&exchange{do: "POST /" + string(m[1]), body: body, header: []string{fmt.Sprintf("If-None-Exist: identifier=%s|%s", m[2], m[3])}})
		}
	}
	for name, src := range pathling {
		load(g, name, src)
	}
	g.checkReferences(t)
}

var reference1 = regexp.MustCompile(`"reference":\s*"([^"]*)"`)

func (g *gate) checkReferences(t *testing.T) {
	t.Helper()
	count, unresolved := 0, 0
	for key, r := range g.store.resources {
		body := r.current().Body
		source, served := reference1.FindAllSubmatch(r.source, -1), reference1.FindAllSubmatch(body, -1)
		if len(source) != len(served) {
			t.Fatalf("%s: %d references became %d", key, len(source), len(served))
		}
		for _, m := range served {
			count++
			if ref := string(m[1]); ref[0] != '#' && g.store.resources[ref] == nil {
				if unresolved++; unresolved < 5 {
					t.Errorf("%s refers to %s, which is not there", key, ref)
				}
			}
		}
		was, is := parsed(t, string(r.source)), parsed(t, string(body))
		if reference1.ReplaceAllString(blanked(was), "") != reference1.ReplaceAllString(withoutInserted(was, is), "") {
			t.Errorf("%s: more than references has changed", key)
		}
	}
	t.Logf("%d resources, %d references", len(g.store.resources), count)
}

func TestApplyAgreesWithEdits(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{`{"resourceType":"Basic"}`, `{"resourceType":"Basic","id":"n","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z"}}`},
		{`{"id":"\u006e","resourceType":"Basic"}`, `{"id":"n","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z"},"resourceType":"Basic"}`},
		{`{"meta":{},"resourceType":"Basic"}`, `{"meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z"},"resourceType":"Basic","id":"n"}`},
		{`{"meta":{ "lastUpdated" : "x" ,"versionId":"y"},"resourceType":"Basic","id":"n"}`, `{"meta":{ "lastUpdated" : "1970-01-01T00:00:00.000Z" ,"versionId":"3"},"resourceType":"Basic","id":"n"}`},
		{`{"resourceType":"Basic","id":"n","meta":{"source":"s"}}`, `{"resourceType":"Basic","id":"n","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z","source":"s"}}`},
	} {
		r, p := basics(parsed(t, c.in))
		if p != nil {
			t.Fatal(p)
		}
		if got := string(Apply([]byte(c.in), r.edits("n", nil, 0)(3, time.UnixMilli(0)))); got != c.out {
			t.Errorf("%s becomes\n%s, want\n%s", c.in, got, c.out)
		}
	}
}

// FuzzBundle throws bodies at the base: whatever they are, the answer is JSON, nothing panics, what is stored is valid JSON with
// the server's fields, and a transaction that is refused has stored nothing.
func FuzzBundle(f *testing.F) {
	f.Add(bundleOf("transaction", entryOf(urnPatient, "POST", "Patient", patient, `"ifNoneExist":"identifier=http://h|7"`), entryOf(urnVisit, "POST", "Encounter", `{"resourceType":"Encounter","subject":{"reference":"`+urnPatient+`"}}`)))
	f.Add(bundleOf("batch", entryOf("", "GET", "Patient?_id=a", ""), entryOf("", "DELETE", "Patient/a", ""), entryOf("", "PUT", "Patient/p1", patient)))
	f.Add(bundleOf("transaction", entryOf("http://x/Basic/1", "POST", "Basic", `{"resourceType":"Basic","meta":{},"text":{"div":"<a href=\"`+urnVisit+`\">"},"author":{"reference":"Basic/1"}}`)))
	f.Fuzz(func(t *testing.T, body string) {
		g := newGate(t, Limits{Ack: time.Nanosecond})
		w := g.send(&exchange{do: "POST /", body: body})
		if !json.Valid(w.Body.Bytes()) || w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code >= 400 && len(g.store.resources) > 0 {
			t.Fatal("refused and stored")
		}
		for key, r := range g.store.resources {
			if r.current().Op == record.OpDelete {
				continue
			}
			var v struct {
				ID   string
				Meta struct{ VersionID string }
			}
			if err := json.Unmarshal(r.current().Body, &v); err != nil || !strings.HasSuffix(key, "/"+v.ID) || v.Meta.VersionID == "" {
				t.Fatalf("%s: %v %s", key, err, r.current().Body)
			}
		}
	})
}
