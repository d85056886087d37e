package fhir

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// largeBundle puts the entries of sample transactions into one, until it has so many bytes.
func largeBundle(t *testing.T, pattern string, size int) (body string, entries int) {
	t.Helper()
	files := sampleFiles(t, pattern)
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	urn := regexp.MustCompile(`urn:uuid:[0-9a-f]{8}`)
	for n := 0; b.Len() < size; {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			src := files[name]
			list := parsed(t, string(src)).Get("entry")
			if list.Len() == 0 || b.Len() >= size {
				continue
			}
			n++ // the files have entries in common, and come again where they are too few
			text := urn.ReplaceAllString(string(src[list.First().Start():list.End()-1]), fmt.Sprintf("urn:uuid:%08x", n))
			if entries > 0 {
				b.WriteByte(',')
			}
			b.WriteString(text)
			entries += list.Len()
		}
	}
	b.WriteString("]}")
	return b.String(), entries
}

// TestLargeTransaction stores a Bundle of 11 MB and thousands of entries at once, over the record itself: all of it, every reference resolved.
func TestLargeTransaction(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	body, entries := largeBundle(t, "data/fhir/synthea/smart-2019/[A-M]*.json.gz", 11<<20)
	w := g.send(&exchange{do: "POST /", body: body})
	if w.Code != http.StatusOK {
		t.Fatalf("%d entries, %d bytes: %d %.500s", entries, len(body), w.Code, w.Body)
	}
	var b struct {
		Entry []struct {
			Response struct{ Status, Location, Etag, LastModified string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || len(b.Entry) != entries {
		t.Fatalf("%d answers to %d entries: %v", len(b.Entry), entries, err)
	}
	stored := map[string]bool{}
	for i, e := range b.Entry {
		ref, _, _ := strings.Cut(e.Response.Location, "/_history/1")
		if e.Response.Status != "201 Created" || e.Response.Etag != `W/"1"` || e.Response.LastModified == "" || stored[ref] {
			t.Fatalf("entry %d: %+v", i, e.Response)
		}
		stored[ref] = true
	}
	refers := regexp.MustCompile(`"reference":\s*"([^"#]+)"`)
	refs := slices.Collect(maps.Keys(stored))
	for _, ref := range refs[:200] {
		for _, m := range refers.FindAllStringSubmatch(string(g.get(t, "/"+ref, "", http.StatusOK)), -1) {
			if !stored[m[1]] && !strings.Contains(m[1], "?") {
				t.Errorf("%s refers to %s, which is not there", ref, m[1])
			}
		}
	}
	t.Logf("%d entries, %d bytes", entries, len(body))
}
